/** Opening a netlink socket to the kernel's socket diagnostics. */

import { ptr } from "bun:ffi";
import { checked, errno, SystemCallError, socketCalls } from "./libc.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC_NONBLOCK = 3 | 0o2000000 | 0o4000;
const NETLINK_SOCK_DIAG = 4;

/**
 * Opens a non-blocking socket and connects it to the kernel, after which the kernel alone can put messages into it.
 * The caller closes it. Throws SystemCallError.
 */
export function openDiagSocket(): number {
  const calls = socketCalls();
  const fd = checked("socket(AF_NETLINK)", calls.socket(AF_NETLINK, SOCK_RAW_CLOEXEC_NONBLOCK, NETLINK_SOCK_DIAG));
  const address = new Uint16Array(6);
  address[0] = AF_NETLINK;
  if (calls.connect(fd, ptr(address), address.byteLength) !== 0) {
    const code = errno();
    calls.close(fd);
    throw new SystemCallError("connect(AF_NETLINK)", code);
  }
  return fd;
}
