/** For tests: TCP sockets without a loop around them, so that every step happens when the test says so. IPv4 loopback only. */

import { dlopen, ptr, FFIType as T } from "bun:ffi";
import { checked } from "./libc.ts";

const { symbols: C } = dlopen("libc.so.6", {
  socket: { args: [T.i32, T.i32, T.i32], returns: T.i32 },
  bind: { args: [T.i32, T.ptr, T.u32], returns: T.i32 },
  listen: { args: [T.i32, T.i32], returns: T.i32 },
  connect: { args: [T.i32, T.ptr, T.u32], returns: T.i32 },
  accept: { args: [T.i32, T.ptr, T.ptr], returns: T.i32 },
  shutdown: { args: [T.i32, T.i32], returns: T.i32 },
  getsockname: { args: [T.i32, T.ptr, T.ptr], returns: T.i32 },
  setsockopt: { args: [T.i32, T.i32, T.i32, T.ptr, T.u32], returns: T.i32 },
  close: { args: [T.i32], returns: T.i32 },
});

const STREAM_CLOEXEC = 1 | 0o2000000;

function address(host: string, port: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(16));
  bytes.set([2, 0, port >> 8, port & 255, ...host.split(".").map(Number)]);
  return bytes;
}

function boundSocket(host: string, port: number): number {
  const fd = checked("socket", C.socket(2, STREAM_CLOEXEC, 0));
  C.setsockopt(fd, 1, 2, ptr(new Int32Array([1])), 4);
  checked("bind", C.bind(fd, ptr(address(host, port)), 16));
  return fd;
}

/** An address that swallows what is sent to it: a listener whose queue is full. Dispose of it. */
export function blackHole(): { readonly port: number } & Disposable {
  const fd = rawListen("127.0.0.1", 0, false, 0);
  const port = rawPort(fd);
  const queued = rawConnect(port);
  const dispose = (): void => {
    rawClose(queued);
    rawClose(fd);
  };
  return { port, [Symbol.dispose]: dispose };
}

/** A listening socket; `deferAccept` sets TCP_DEFER_ACCEPT. The caller closes it. */
export function rawListen(host = "127.0.0.1", port = 0, deferAccept = false, backlog = 16): number {
  const fd = boundSocket(host, port);
  if (deferAccept) checked("setsockopt", C.setsockopt(fd, 6, 9, ptr(new Int32Array([5])), 4));
  checked("listen", C.listen(fd, backlog));
  return fd;
}

/** A connected socket from `localPort` (0: any). The caller closes it. */
export function rawConnect(port: number, localPort = 0): number {
  const fd = boundSocket("127.0.0.1", localPort);
  checked("connect", C.connect(fd, ptr(address("127.0.0.1", port)), 16));
  return fd;
}

/** The next connection in the queue; waits where there is none. */
export function rawAccept(listener: number): number {
  return checked("accept", C.accept(listener, null, null));
}

export function rawPort(fd: number): number {
  const bytes = new Uint8Array(new ArrayBuffer(16));
  checked("getsockname", C.getsockname(fd, ptr(bytes), ptr(new Uint32Array([16]))));
  return (bytes[2]! << 8) | bytes[3]!;
}

export function rawShutdown(fd: number): void {
  checked("shutdown", C.shutdown(fd, 1));
}

export function rawClose(fd: number): void {
  C.close(fd);
}

/** Closes with a reset instead of an end. */
export function rawReset(fd: number): void {
  C.setsockopt(fd, 1, 13, ptr(new Int32Array([1, 0])), 8);
  C.close(fd);
}
