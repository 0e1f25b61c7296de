/**
 * Giving up a TCP connection that is still being established. The runtime hands a socket out only once it is connected, and goes on
 * with one that nobody wants any more until the kernel does, after some two minutes: long enough for descriptors to run out.
 */

import { ptr } from "bun:ffi";
import { socketCalls } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_COOKIE = 57;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** First byte of TCP_INFO. */
const STATE_SYN_SENT = 2;
const SHUT_BOTH = 2;
/** Open in every process: workers have /dev/null there. */
const STDIN = 0;

const stateByte = new Uint8Array(4);
const cookieWord = new BigUint64Array(1);
const lengthWord = new Uint32Array(1);

/** A connection on its way: the runtime owns its descriptor. */
export class ConnectingSocket {
  readonly #fd: number;
  /** The kernel's number for the socket, never used again: a descriptor is. */
  readonly #cookie: bigint;

  private constructor(fd: number, cookie: bigint) {
    this.#fd = fd;
    this.#cookie = cookie;
  }

  /**
   * Runs `begin`, which begins one connection by TCP to an address, and answers it; `null` where it is not on its way: established
   * already, failed, or one whose name has to be looked up first. The runtime makes the socket at once, with the lowest descriptor
   * that is free, and whether that is a connection on its way is asked of the kernel.
   */
  static begin(begin: () => void): ConnectingSocket | null {
    const { dup, close } = socketCalls();
    // A tenth of what making a socket would cost.
    const fd = dup(STDIN);
    if (fd >= 0) close(fd);
    begin();
    if (fd < 0 || !isConnecting(fd)) return null;
    const cookie = cookieOf(fd);
    return cookie === undefined ? null : new ConnectingSocket(fd, cookie);
  }

  /** Ends the attempt now, if it is still under way: the runtime then reports that it failed. False: it is not. */
  giveUp(): boolean {
    if (!isConnecting(this.#fd) || cookieOf(this.#fd) !== this.#cookie) return false;
    // tcp(7): a socket that has not connected is disconnected by it, and whoever polls it is told.
    return socketCalls().shutdown(this.#fd, SHUT_BOTH) === 0;
  }
}

function isConnecting(fd: number): boolean {
  lengthWord[0] = 1;
  const asked = socketCalls().getsockopt(fd, IPPROTO_TCP, TCP_INFO, ptr(stateByte), ptr(lengthWord));
  return asked === 0 && stateByte[0] === STATE_SYN_SENT;
}

function cookieOf(fd: number): bigint | undefined {
  lengthWord[0] = 8;
  const asked = socketCalls().getsockopt(fd, SOL_SOCKET, SO_COOKIE, ptr(cookieWord), ptr(lengthWord));
  return asked === 0 ? cookieWord[0] : undefined;
}
