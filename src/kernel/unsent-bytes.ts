/** How much the kernel takes of a socket before it leaves. */

import { ptr } from "bun:ffi";
import { socketCalls } from "./libc.ts";

const IPPROTO_TCP = 6;
const TCP_NOTSENT_LOWAT = 25;

/**
 * Lets the kernel take at most about `bytes` of a TCP socket beyond what is on its way to the peer (tcp(7), TCP_NOTSENT_LOWAT): what
 * is written later waits behind no more than that. Does not bound what is on its way. False where the socket cannot.
 */
export function limitUnsentBytes(fd: number, bytes: number): boolean {
  const value = new Int32Array([bytes]);
  return fd >= 0 && socketCalls().setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, ptr(value), 4) === 0;
}
