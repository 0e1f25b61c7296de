import { expect, test } from "bun:test";
import { isIP } from "node:net";
import fc from "fast-check";
import { cidrProblem, parseIpAddress } from "./ip-address.ts";

test("every address that the system knows is an address here, and nothing else is", () => {
  const soup = fc.string({ unit: fc.constantFrom(..."0123456789abf:.:."), maxLength: 24 });
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), soup), (text) => {
      expect(parseIpAddress(text) !== undefined).toBe(isIP(text) !== 0);
    }),
    { numRuns: 5000 },
  );
});

test("IPv6 groups stand where they are written", () => {
  expect(parseIpAddress("::1")).toEqual([...Array.from({ length: 15 }, () => 0), 1]);
  expect(parseIpAddress("fe80::a:b")!.slice(0, 2)).toEqual([0xfe, 0x80]);
  expect(parseIpAddress("::ffff:10.1.2.3")!.slice(10)).toEqual([255, 255, 10, 1, 2, 3]);
});

test("a block whose bits reach behind its prefix is refused", () => {
  expect(cidrProblem("10.0.0.0/8")).toBeUndefined();
  expect(cidrProblem("10.0.0.7")).toBeUndefined();
  expect(cidrProblem("0.0.0.0/0")).toBeUndefined();
  expect(cidrProblem("fe80::/10")).toBeUndefined();
  expect(cidrProblem("10.1.0.0/8")).toContain("behind");
  expect(cidrProblem("10.0.0.128/24")).toContain("behind");
  expect(cidrProblem("10.0.0.0/33")).toContain("0 to 32");
  expect(cidrProblem("10.0.0.0/08")).toContain("0 to 32");
  expect(cidrProblem("10.0.0.0/8/8")).toContain("neither");
  expect(cidrProblem("10.0.0.0/")).toContain("0 to 32");
});
