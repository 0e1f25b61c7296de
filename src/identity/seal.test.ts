import { expect, test } from "bun:test";
import { SEALED_PLAIN_BYTES_MAX, seal, unseal, writtenContext } from "./seal.ts";

const key = new Uint8Array(32).fill(7);
const context = { what: "issuer-key", node: "till-1", generation: 12 };
const plain = new TextEncoder().encode("a key that nobody must see");

const opened = (sealed: Uint8Array, as = context, under = key) => {
  const answer = unseal(under, as, sealed);
  return typeof answer === "string" ? answer : new TextDecoder().decode(answer);
};

test("what was sealed comes back under the same key and context alone", () => {
  const sealed = seal(key, context, plain);
  expect(opened(sealed)).toBe("a key that nobody must see");
  expect(opened(sealed, { ...context, what: "root-key" })).toBe("context");
  expect(opened(sealed, { ...context, node: "till-2" })).toBe("context");
  expect(opened(sealed, { ...context, generation: 13 })).toBe("context");
  expect(opened(sealed, context, new Uint8Array(32).fill(8))).toBe("rotten");
});

test("the same bytes are sealed differently each time, and never stand in the result", () => {
  const one = Buffer.from(seal(key, context, plain));
  const other = Buffer.from(seal(key, context, plain));
  expect(one.equals(other)).toBe(false);
  expect(one.includes(Buffer.from(plain))).toBe(false);
  expect(one.includes(Buffer.from("nobody"))).toBe(false);
});

test("each bit that rots and each byte that is missing is noticed", () => {
  const sealed = seal(key, context, plain);
  for (let at = 0; at < sealed.length; at++) {
    const rotten = Uint8Array.from(sealed);
    rotten[at] = rotten[at]! ^ (1 << (at % 8));
    expect(typeof unseal(key, context, rotten)).toBe("string");
    expect(typeof unseal(key, context, sealed.subarray(0, at))).toBe("string");
  }
  expect(opened(Buffer.concat([sealed, Uint8Array.of(0)]))).toBe("rotten");
  expect(opened(new Uint8Array())).toBe("torn");
  expect(opened(new Uint8Array(200))).toBe("version");
});

test("a later version is told from a rotten file", () => {
  const sealed = seal(key, context, plain);
  sealed[4] = 2;
  expect(opened(sealed)).toBe("version");
});

test("the generation can be read before it is proven", () => {
  const sealed = seal(key, context, plain);
  expect(writtenContext(sealed)).toEqual(context);
  expect(writtenContext(sealed.subarray(0, 20))).toBe("torn");
});

test("nothing at all and the largest piece can be sealed, more cannot", () => {
  expect(opened(seal(key, context, new Uint8Array()))).toBe("");
  const large = new Uint8Array(SEALED_PLAIN_BYTES_MAX);
  expect(unseal(key, context, seal(key, context, large))).toHaveLength(large.length);
  expect(() => seal(key, context, new Uint8Array(SEALED_PLAIN_BYTES_MAX + 1))).toThrow(RangeError);
  expect(() => seal(new Uint8Array(16), context, plain)).toThrow(RangeError);
  expect(() => seal(key, { ...context, generation: -1 }, plain)).toThrow(RangeError);
  expect(() => seal(key, { ...context, node: "x".repeat(2000) }, plain)).toThrow(RangeError);
});
