import { expect, test } from "bun:test";
import { ReferenceDecoder } from "../../../test/support/reference-hpack.ts";
import { equalBytes, hashBytes } from "../hpack/bytes.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import { type LineContext, LineEncoder, TEMPLATE_KEY_BYTES, templateSeed } from "./line-encoder.ts";

const SALT = 0x51ed;
const CREDENTIAL = `authorization: Bearer ${"5ec3e7".repeat(20)}`;
const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const owned = (owner: number): LineContext => ({ owner, isWebsocket: false });

class Hop {
  readonly hpack = new HpackEncoder(4096);
  readonly lines = new LineEncoder(this.hpack, equalBytes);
  readonly decoder = new ReferenceDecoder(4096);

  /** Bytes that the lines take; they must read as they were. */
  send(owner: number, ...lines: readonly string[]): number {
    const buf = bytesOf(`${lines.join("\r\n")}\r\n\r\n`);
    const into = new Uint8Array(4096);
    const start = this.hpack.begin(into, 0);
    const end = this.lines.encode(buf, 0, buf.length, into, start, owned(owner), SALT);
    this.hpack.end();
    const fields = this.decoder.decode(into.subarray(0, end));
    expect(fields.map(({ name, value }) => `${name}: ${value}`)).toEqual([...lines]);
    return end;
  }
}

/** Undoes what `hashBytes` does with the last word: the word that leads to `hash`. */
function lastWord(hash: number, before: number): number {
  let left = hash ^ (hash >>> 16);
  left ^= (left >>> 15) ^ (left >>> 30);
  // The inverse of the factor.
  return Math.imul(left, 0xe8b2f51) ^ before;
}

/** A line that has the key of `line` for another owner. */
function lineWithKeyOf(line: string, ownerOfLine: number, owner: number): string {
  const bytes = bytesOf(line);
  const key = hashBytes(bytes, 0, TEMPLATE_KEY_BYTES, templateSeed(SALT, owned(ownerOfLine)));
  const name = "x-first: ";
  for (let i = 0; i < 100_000; i++) {
    const start = `${name}${String(i).padStart(TEMPLATE_KEY_BYTES - 4 - name.length, "0")}`;
    const words = bytesOf(start);
    // As `hashBytes` stands before its last word.
    let hash = (templateSeed(SALT, owned(owner)) ^ Math.imul(TEMPLATE_KEY_BYTES, 0x85ebca6b)) | 0;
    for (let at = 0; at < words.length; at += 4) {
      hash ^= words[at]! | (words[at + 1]! << 8) | (words[at + 2]! << 16) | (words[at + 3]! << 24);
      hash = Math.imul(hash, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const word = lastWord(key, hash);
    const found = `${start}${String.fromCharCode(word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24)}`;
    if (!/^[!-~]{4}$/.test(found.slice(-4))) continue;
    expect(hashBytes(bytesOf(found), 0, TEMPLATE_KEY_BYTES, templateSeed(SALT, owned(owner)))).toBe(key);
    return found;
  }
  throw new Error("no such line was found");
}

test("a credential cannot be found out by lines that are made to have the key of its owner's template", () => {
  const hop = new Hop();
  const first = "x-first: abcdefghijklmno";
  for (let i = 0; i < 12; i++) hop.send(1, first, CREDENTIAL);
  expect(hop.send(1, first, CREDENTIAL)).toBe(2);
  const other = lineWithKeyOf(first, 1, 2);
  const guessed = hop.send(2, other, CREDENTIAL);
  const wrong = hop.send(2, other, `${CREDENTIAL.slice(0, -1)}8`);
  expect(guessed).toBe(wrong);
  expect(guessed).toBeGreaterThan(CREDENTIAL.length - "authorization: ".length);
});

test("values that change each time are written right, whatever becomes of the entry of their name", () => {
  const hop = new Hop();
  const id = (i: number) => `${i}`.padStart(8, "0");
  const sizes: number[] = [];
  for (let i = 0; i < 400; i++) {
    sizes.push(hop.send(1, "x-first: 1", `x-request-id: ${id(i)}`, `traceparent: 00-${id(i)}`, "x-last: 1"));
    // Pushes the entries of the names out, now and then.
    if (i > 100 && i % 3 === 0) hop.send(3, `x-${i >> 4}: ${"v".repeat(1200)}`);
    if (i === 200) hop.hpack.setPeerLimit(0);
    if (i === 250) hop.hpack.setPeerLimit(4096);
  }
  expect(Math.min(...sizes)).toBe(2 + 3 + 8 + 3 + 11);
});
