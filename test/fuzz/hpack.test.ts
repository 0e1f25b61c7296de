import { expect, test } from "bun:test";
import fc from "fast-check";
import { HpackDecoder } from "../../src/wire/hpack/decoder.ts";
import { HpackEncoder, OWNER } from "../../src/wire/hpack/encoder.ts";
import { FieldList } from "../../src/wire/hpack/field-list.ts";
import { HeaderLines } from "../../src/wire/http1/head.ts";
import { ReferenceDecoder } from "../support/reference-hpack.ts";

/** How many sessions each property tries; more for a long run. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 400);
const TIMEOUT_MS = 60_000 + RUNS * 50;
const LIST_BYTES = 32 * 1024;

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

const name = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "accept",
      "cookie",
      "authorization",
      "x-a",
      "x-b",
      "traceparent",
      "x-request-id",
      "date",
      "content-type",
      "accept-encoding",
      "set-cookie",
      "via",
    ),
  },
  { weight: 1, arbitrary: fc.stringMatching(/^z[a-z0-9-]{0,80}$/) },
);
const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("1", "2", "gzip, deflate", "text/html", "a=b; c=d", "") },
  { weight: 1, arbitrary: fc.stringMatching(/^([!-~\x80-\xff]([ \t!-~\x80-\xff]{0,40}[!-~\x80-\xff])?)?$/) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 700 }).map((length) => "0a~".repeat(length).slice(0, length)) },
);
const field = fc.record({ name, value, owner: fc.constantFrom(OWNER.NOBODY, OWNER.NOBODY, 1, 2, OWNER.NEVER_INDEXED) });
const list = fc.array(field, { maxLength: 12 });
const tableBytes = fc.constantFrom(0, 32, 100, 256, 1000, 4096, 16_384, 65_536);

/** What the lines of a list are to us: crumbs joined where the first stood. */
function joined(lines: readonly { readonly name: string; readonly value: string }[]): string[] {
  const found: { name: string; value: string }[] = [];
  for (const { name, value } of lines) {
    const cookie = name === "cookie" ? found.find((other) => other.name === "cookie") : undefined;
    if (cookie === undefined) found.push({ name, value });
    else if (value !== "") cookie.value += `; ${value}`;
  }
  return found.map(({ name, value }) => `${name}: ${value}`);
}

function linesOf(fields: FieldList): string[] {
  const { lines, bytes } = fields;
  return Array.from({ length: lines.count }, (_, i) => {
    const name = textOf(bytes.subarray(lines.nameStart[i]!, lines.nameEnd[i]!));
    return `${name}: ${textOf(bytes.subarray(lines.valueStart[i]!, lines.valueEnd[i]!))}`;
  });
}

test(
  "what the encoder writes is read alike by our decoder and by the reference, whatever the tables are",
  () => {
    const step = fc.record({ list, repeat: fc.integer({ min: 1, max: 4 }), limit: fc.option(tableBytes, { freq: 8 }) });
    fc.assert(
      fc.property(tableBytes, fc.array(step, { minLength: 1, maxLength: 12 }), (limitMax, steps) => {
        const encoder = new HpackEncoder(limitMax);
        const decoder = new HpackDecoder(limitMax);
        const reference = new ReferenceDecoder(limitMax);
        const fields = new FieldList(new HeaderLines(), LIST_BYTES);
        const into = new Uint8Array(64 * 1024);
        encoder.setPeerLimit(limitMax);
        for (const { list, repeat, limit } of steps) {
          if (limit !== null) encoder.setPeerLimit(Math.min(limit, limitMax));
          for (let i = 0; i < repeat; i++) {
            let at = encoder.begin(into, 0);
            for (const { name, value, owner } of list) {
              at = encoder.writeField(into, at, bytesOf(name), 0, name.length, bytesOf(value), 0, value.length, owner);
            }
            encoder.end();
            expect(reference.decode(into.subarray(0, at)).map(({ name, value }) => ({ name, value }))).toEqual(
              list.map(({ name, value }) => ({ name, value })),
            );
            expect(decoder.decode(into, 0, at, fields)).toBe(0);
            expect([fields.faults, fields.isOversized]).toEqual([0, false]);
            expect(linesOf(fields)).toEqual(joined(list));
            expect(decoder.table.count).toBe(reference.entries.length);
          }
        }
      }),
      { numRuns: RUNS },
    );
  },
  TIMEOUT_MS,
);

/** Parts of blocks, well formed and not, so that random sequences get somewhere. */
const piece = fc.oneof(
  fc.integer({ min: 0x80, max: 0xff }).map((byte) => [byte]),
  fc.array(fc.integer({ min: 0x80, max: 0xc4 }), { minLength: 3, maxLength: 8 }),
  fc
    .tuple(fc.constantFrom(0x00, 0x10, 0x40, 0x41, 0x7e, 0x0f), name, value)
    .map(([form, name, value]) => [
      form,
      ...(form & 0x0f ? [] : [name.length & 0x7f, ...bytesOf(name)]),
      value.length & 0x7f,
      ...bytesOf(value),
    ]),
  fc.constantFrom([0x20], [0x3f, 0xe1, 0x1f], [0x3f, 0x45], [0x00, 0x01, 0x61, 0x81, 0x1f]),
  fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 5 }),
);

test(
  "any bytes are read as the reference reads them, or refused by both; the tables stay the same",
  () => {
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 6 }), { maxLength: 10 }), (blocks) => {
        const decoder = new HpackDecoder(4096);
        const reference = new ReferenceDecoder(4096);
        const fields = new FieldList(new HeaderLines(), LIST_BYTES);
        for (const pieces of [...blocks, ...blocks]) {
          const block = Uint8Array.from(pieces.flat());
          let expected: ReturnType<ReferenceDecoder["decode"]> | undefined;
          try {
            expected = reference.decode(block);
          } catch {}
          const answer = decoder.decode(block, 0, block.length, fields);
          expect(answer === 0).toBe(expected !== undefined);
          if (expected === undefined) return;
          if (fields.isOversized) continue;
          expect(fields.listBytes).toBe(
            expected.reduce((sum, { name, value }) => sum + name.length + value.length + 32, 0),
          );
          if (fields.faults === 0)
            expect(linesOf(fields)).toEqual(joined(expected.filter(({ name }) => !name.startsWith(":"))));
          expect([decoder.table.count, decoder.table.bytes]).toEqual([
            reference.entries.length,
            reference.entries.reduce((sum, { name, value }) => sum + name.length + value.length + 32, 0),
          ]);
        }
      }),
      { numRuns: RUNS * 4 },
    );
  },
  TIMEOUT_MS,
);
