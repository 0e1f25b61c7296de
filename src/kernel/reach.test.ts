import { expect, test } from "bun:test";
import { isReachable, MAY, mayAccess } from "./reach.ts";

const USER = { uid: 1000, gid: 100, groups: [27] };

test("the first class that fits decides, also where a later one would allow more", () => {
  const { READ } = MAY;
  expect(mayAccess({ uid: 1000, gid: 0, mode: 0o100400 }, USER, READ)).toBe(true);
  expect(mayAccess({ uid: 1000, gid: 100, mode: 0o100044 }, USER, READ)).toBe(false);
  expect(mayAccess({ uid: 0, gid: 100, mode: 0o100040 }, USER, READ)).toBe(true);
  expect(mayAccess({ uid: 0, gid: 27, mode: 0o100040 }, USER, READ)).toBe(true);
  expect(mayAccess({ uid: 0, gid: 27, mode: 0o100704 }, USER, READ)).toBe(false);
  expect(mayAccess({ uid: 0, gid: 0, mode: 0o100004 }, USER, READ)).toBe(true);
  expect(mayAccess({ uid: 0, gid: 0, mode: 0o100770 }, USER, READ)).toBe(false);
  expect(mayAccess({ uid: 0, gid: 0, mode: 0o100755 }, USER, MAY.READ | MAY.WRITE)).toBe(false);
});

test("root reaches everything, others what they may, and nobody what is not there", () => {
  expect(isReachable("/proc/1/environ", { uid: 0, gid: 0 }, MAY.READ)).toBe(true);
  expect(isReachable("/proc/1/environ", USER, MAY.WRITE)).toBe(false);
  expect(isReachable("/etc/passwd", USER, MAY.READ)).toBe(true);
  expect(isReachable("/etc/passwd", USER, MAY.WRITE)).toBe(false);
  expect(isReachable("/no/such/file", USER, MAY.READ)).toBe(false);
});
