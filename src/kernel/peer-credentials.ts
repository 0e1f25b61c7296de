/** Who is at the other end of a unix socket. */

import { ptr } from "bun:ffi";
import { socketCalls } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/** A process as it was when it connected, or for a connected client: when the other side started to listen. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The credentials of a unix socket's other end: of the one who connected, or on the connecting side of the one who listens
 * (unix(7), SO_PEERCRED). Null where `fd` is no connected unix socket. The pid may be gone or, later, another process's.
 */
export function peerCredentials(fd: number): PeerCredentials | null {
  const credentials = new Int32Array(3);
  const length = new Uint32Array([12]);
  if (socketCalls().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ptr(credentials), ptr(length)) !== 0) return null;
  const [pid = 0, uid = -1, gid = -1] = credentials;
  // TCP sockets answer pid 0 and overflowing ids instead of an error.
  if (length[0] !== 12 || pid <= 0) return null;
  return { pid, uid: uid >>> 0, gid: gid >>> 0 };
}
