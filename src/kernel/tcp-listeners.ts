/** All TCP sockets that listen in this network namespace. */

import { ptr } from "bun:ffi";
import { addressText, FAMILY } from "./address-bytes.ts";
import {
  DiagAnswer,
  MESSAGE,
  prepareRequest,
  READ,
  REQUEST_BYTES,
  REQUEST_FLAGS,
  setQuery,
  TCP_STATE,
} from "./inet-diag-message.ts";
import { ERRNO, errno, SystemCallError, socketCalls } from "./libc.ts";
import { openDiagSocket } from "./netlink-socket.ts";

/** Listeners reported; a machine has tens, and what floods this list must not cost the keeper its memory. */
export const LISTENERS_MAX = 4096;

/** Bytes per part of the answer; the kernel fills parts of up to 32 KiB. */
export const DUMP_PART_BYTES = 64 * 1024;

/** One listening socket. */
export interface TcpListener {
  readonly family: 4 | 6;
  /** `0.0.0.0` or `::` for all addresses. */
  readonly ip: string;
  readonly port: number;
  readonly uid: number;
  readonly inode: number;
  /** 0n where the kernel does not tell. */
  readonly cgroupId: bigint;
}

/** What was found; `isComplete` false where there were more than LISTENERS_MAX. */
export interface ListeningSockets {
  readonly listeners: readonly TcpListener[];
  readonly isComplete: boolean;
}

/** Lists the listening TCP sockets of both families. Opens and closes its own netlink socket. Throws SystemCallError. */
export function listListening(): ListeningSockets {
  const fd = openDiagSocket();
  try {
    const listeners: TcpListener[] = [];
    const isComplete = dump(fd, FAMILY.INET, listeners) && dump(fd, FAMILY.INET6, listeners);
    return { listeners, isComplete };
  } finally {
    socketCalls().close(fd);
  }
}

const MSG_DONTWAIT_TRUNC = 0x40 | 0x20;

/** Appends one family's listeners; false where there were too many. */
function dump(fd: number, family: number, into: TcpListener[]): boolean {
  const calls = socketCalls();
  const request = new Uint8Array(new ArrayBuffer(REQUEST_BYTES));
  const view = new DataView(request.buffer);
  prepareRequest(view, 0, REQUEST_FLAGS.DUMP, 1 << TCP_STATE.LISTEN);
  setQuery(view, 0, family, family, 0, 0);
  if (calls.send(fd, ptr(request), REQUEST_BYTES, 0) < 0) throw new SystemCallError("send(netlink)", errno());
  const part = new Uint8Array(new ArrayBuffer(DUMP_PART_BYTES));
  const answer = new DiagAnswer(new DataView(part.buffer));
  for (;;) {
    // The kernel makes each part within the call that asks for it, so an empty queue is an error and not a reason to wait.
    const bytes = calls.recv(fd, ptr(part), part.length, MSG_DONTWAIT_TRUNC);
    if (bytes < 0) throw new SystemCallError("recv(netlink)", errno());
    if (bytes === 0 || bytes > part.length) throw new SystemCallError("recv(netlink)", ERRNO.EINVAL);
    const end = readPart(part, bytes, family, answer, into);
    if (end !== "more") return end === "done";
  }
}

function readPart(
  part: Uint8Array,
  bytes: number,
  sequence: number,
  answer: DiagAnswer,
  into: TcpListener[],
): "more" | "done" | "full" {
  const view = new DataView(part.buffer);
  for (let at = 0; at + 16 <= bytes; ) {
    if (view.getUint16(at + 4, true) === MESSAGE.DONE) return "done";
    const verdict = answer.read(at, bytes - at, sequence);
    if (verdict === READ.BROKEN || verdict === READ.NO_SOCKET) throw new SystemCallError("sock_diag", ERRNO.EINVAL);
    if (verdict === READ.SOCKET && answer.state === TCP_STATE.LISTEN) {
      if (into.length >= LISTENERS_MAX) return "full";
      into.push(listenerOf(part, answer));
    }
    at += (view.getUint32(at, true) + 3) & ~3;
  }
  return "more";
}

function listenerOf(part: Uint8Array, answer: DiagAnswer): TcpListener {
  return {
    family: answer.family === FAMILY.INET ? 4 : 6,
    ip: addressText(part, answer.srcAt, answer.family),
    port: answer.sport,
    uid: answer.uid,
    inode: answer.inode,
    cgroupId: (BigInt(answer.cgroupHigh) << 32n) | BigInt(answer.cgroupLow),
  };
}
