import { dlopen, ptr, read, FFIType as T } from "bun:ffi";
import { expect, test } from "bun:test";
import { ERRNO, errno, SystemCallError, socketCalls, systemCall } from "../../src/kernel/libc.ts";

const { symbols: C } = dlopen("libc.so.6", {
  labs: { args: [T.i64], returns: T.i64_fast },
  strlen: { args: [T.ptr], returns: T.u64_fast },
  memcpy: { args: [T.ptr, T.ptr, T.u32], returns: T.ptr },
});

test("numbers of 64 bits pass both ways, negative ones too", () => {
  expect(Number(C.labs(-5_000_000_000))).toBe(5_000_000_000);
  expect(socketCalls().close(-1)).toBe(-1);
  expect(errno()).toBe(ERRNO.EBADF);
  expect(systemCall(0x7fff)).toBe(-1);
  expect(errno()).toBe(ERRNO.ENOSYS);
});

test("memory of a typed array stays where its pointer says while it is referred to, over collections", () => {
  const from = new Uint8Array(new ArrayBuffer(64)).fill(7);
  const into = new Uint8Array(new ArrayBuffer(64));
  const fromAt = ptr(from);
  const intoAt = ptr(into);
  for (let round = 0; round < 20; round++) {
    const garbage = Array.from({ length: 1000 }, () => new Uint8Array(new ArrayBuffer(256)));
    expect(garbage.length).toBe(1000);
    Bun.gc(true);
    from[round] = round;
    C.memcpy(intoAt, fromAt, 64);
    expect(into).toEqual(from);
    expect(read.u8(intoAt, round)).toBe(round);
  }
  expect(Number(C.strlen(ptr(Buffer.from("four\0"))))).toBe(4);
});

test("a failed call's error names the call and errno", () => {
  const error = new SystemCallError("open", ERRNO.EACCES);
  expect([error.call, error.errno, error.message]).toEqual(["open", 13, "open failed: errno 13 (EACCES)"]);
});

test("functions bound by dlopen tell their address, which finalizers need", () => {
  expect(typeof (C.strlen as unknown as { ptr?: unknown }).ptr).toBe("number");
});
