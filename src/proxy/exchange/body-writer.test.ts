import { expect, test } from "bun:test";
import { BODY } from "../../wire/http1/head.ts";
import type { MessageSink } from "../message-sink.ts";
import { BodyWriter } from "./body-writer.ts";

/** Writes down what it is told, in order. */
class Told implements MessageSink {
  readonly isFramed = true;
  readonly isFull = false;
  readonly queuedBytes = 0;
  readonly said: string[] = [];

  #say(what: string, bytes: Uint8Array, start: number, end: number): void {
    this.said.push(`${what} ${Buffer.from(bytes.subarray(start, end)).toString()}`.trimEnd());
  }
  head(bytes: Buffer, start: number, end: number): void {
    this.#say("head", bytes, start, end);
  }
  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#say("write", bytes, start, end);
    return true;
  }
  give(bytes: Uint8Array): boolean {
    return this.write(bytes, 0, bytes.length);
  }
  last(bytes: Uint8Array, start: number, end: number): void {
    this.#say("last", bytes, start, end);
  }
  trailers(bytes: Uint8Array, start: number, end: number): void {
    this.#say("trailers", bytes, start, end);
  }
  finish(): void {
    this.said.push("finish");
  }
  end(): void {
    this.said.push("end");
  }
  becomeRaw(): void {
    this.said.push("raw");
  }
  cork(): void {
    // Nothing is held back.
  }
  uncork(): boolean {
    return true;
  }
}

function pass(...pieces: string[]): { said: string[]; writer: BodyWriter } {
  const out = new Told();
  const writer = new BodyWriter();
  writer.begin(BODY.CHUNKED, 0, true, false);
  for (const piece of pieces) {
    const bytes = Buffer.from(piece);
    expect(writer.write(bytes, 0, bytes.length, out, Buffer.alloc(1024))).toBe(bytes.length);
  }
  return { said: out.said, writer };
}

test("the last chunk of a chunked body leaves in the frame that ends the message where the end came with it", () => {
  const { said, writer } = pass("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  expect(said).toEqual(["write abc", "last de"]);
  expect(writer.isDone).toBe(true);
  expect(writer.bodyBytes).toBe(5);
});

test("an end that comes alone is told by itself", () => {
  const { said, writer } = pass("3\r\nabc\r\n", "0\r\n\r\n");
  expect(said).toEqual(["write abc", "finish"]);
  expect(writer.isDone).toBe(true);
});

test("trailers end the message in place of its last chunk", () => {
  const { said, writer } = pass("3\r\nabc\r\n0\r\nx: y\r\n\r\n");
  expect(said).toEqual(["write abc", "trailers x: y"]);
  expect(writer.hasTrailers).toBe(true);
});

test("more chunks than one feed tells of all arrive, once and in order", () => {
  const { said, writer } = pass(`${"1\r\na\r\n".repeat(200)}0\r\n\r\n`);
  expect(said.filter((line) => line.endsWith(" a"))).toHaveLength(200);
  expect(said.filter((line) => !line.startsWith("write"))).toHaveLength(1);
  expect(writer.bodyBytes).toBe(200);
});
