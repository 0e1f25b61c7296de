/**
 * Who owns the other end of a local TCP connection, asked of the kernel through sock_diag (DESIGN 5.1).
 *
 * Needs no privilege and no file access. Measured on a 2-core x86-64 machine: see `sock-diag.test.ts`, which prints the cost.
 */

import { type Pointer, ptr } from "bun:ffi";
import { FAMILY, writeAddress } from "./address-bytes.ts";
import {
  DiagAnswer,
  isWildcard,
  prepareRequest,
  READ,
  REQUEST_BYTES,
  REQUEST_DST_OFFSET,
  REQUEST_FLAGS,
  REQUEST_SRC_OFFSET,
  sameAddress,
  setQuery,
  TCP_STATE,
} from "./inet-diag-message.ts";
import { socketCalls } from "./libc.ts";
import { openDiagSocket } from "./netlink-socket.ts";

/** What a query found. Anything but FOUND is no identity. */
export const OWNER = {
  FOUND: 0,
  /** No socket has these addresses: the other end is gone, or is not on this machine (or in another network namespace). */
  NOT_FOUND: 1,
  /** The other end was closed by its process (or not accepted yet): nobody holds it. */
  NO_INODE: 2,
  /** The other end is not in a state in which its owner can have sent what was received. */
  WRONG_STATE: 3,
  /** The kernel answered with a socket of other addresses; for a connection from elsewhere that is our own listener. */
  FOREIGN: 4,
  /** Our own end is closed or another one, so the addresses may have been taken by somebody else since. */
  REUSED: 5,
  /** No sensible answer: bad arguments, a broken message, or no answer at all. */
  ERROR: 6,
} as const;

/** Receives while emptying the queue: two messages each, and a query leaves at most two, so a few suffice. */
export const STALE_ROUNDS_MAX = 8;

/** Bytes of memory per answer; the kernel's are about 150 bytes, and a longer one is refused as truncated. */
export const ANSWER_BYTES_MAX = 1024;

const MESSAGE_HEADER_BYTES = 64;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const SOL_SOCKET = 1;
const SO_COOKIE = 57;

/** One netlink socket and the memory for its queries. The creator closes it. Not to be shared between threads. */
export class SockDiag {
  /** Of the socket found by the last query that answered FOUND; otherwise of no meaning. */
  uid = 0;
  inode = 0;
  /** A TCP_STATE; also set after WRONG_STATE and NO_INODE. */
  state = 0;
  #cgroupLow = 0;
  #cgroupHigh = 0;
  #cgroupId = 0n;
  #sequence = 0;

  #fd: number;
  readonly #calls = socketCalls();
  readonly #request = new Uint8Array(new ArrayBuffer(2 * REQUEST_BYTES));
  readonly #requestView = new DataView(this.#request.buffer);
  readonly #answers = new Uint8Array(new ArrayBuffer(2 * ANSWER_BYTES_MAX));
  readonly #peer = new DiagAnswer(new DataView(this.#answers.buffer));
  readonly #own = new DiagAnswer(new DataView(this.#answers.buffer));
  readonly #vectors = new BigUint64Array(4);
  readonly #headers = new Uint8Array(new ArrayBuffer(2 * MESSAGE_HEADER_BYTES));
  readonly #headersView = new DataView(this.#headers.buffer);
  readonly #cookie = new Uint32Array(new ArrayBuffer(8));
  readonly #cookieLength = new Uint32Array(new ArrayBuffer(4));
  readonly #requestAt: Pointer = ptr(this.#request);
  readonly #headersAt: Pointer = ptr(this.#headers);
  readonly #cookieAt: Pointer = ptr(this.#cookie);
  readonly #cookieLengthAt: Pointer = ptr(this.#cookieLength);

  /** Opens the socket. Throws SystemCallError where the kernel has no sock_diag or the sandbox forbids it. */
  constructor() {
    this.#fd = openDiagSocket();
    prepareRequest(this.#requestView, 0, REQUEST_FLAGS.ONE, 0);
    prepareRequest(this.#requestView, REQUEST_BYTES, REQUEST_FLAGS.ONE, 0);
    for (let slot = 0; slot < 2; slot++) {
      this.#vectors[slot * 2] = BigInt(ptr(this.#answers)) + BigInt(slot * ANSWER_BYTES_MAX);
      this.#vectors[slot * 2 + 1] = BigInt(ANSWER_BYTES_MAX);
      const header = slot * MESSAGE_HEADER_BYTES;
      this.#headersView.setBigUint64(header + 16, BigInt(ptr(this.#vectors)) + BigInt(slot * 16), true);
      this.#headersView.setBigUint64(header + 24, 1n, true);
    }
  }

  /** Cgroup v2 id (inode number of its directory) of the socket found last; 0n where the kernel does not tell. */
  get cgroupId(): bigint {
    const low = Number(this.#cgroupId & 0xffffffffn);
    if (low !== this.#cgroupLow || this.#cgroupId >> 32n !== BigInt(this.#cgroupHigh)) {
      this.#cgroupId = (BigInt(this.#cgroupHigh) << 32n) | BigInt(this.#cgroupLow);
    }
    return this.#cgroupId;
  }

  /** The same as two halves, for comparing without a bigint. */
  get cgroupIdLow(): number {
    return this.#cgroupLow;
  }
  get cgroupIdHigh(): number {
    return this.#cgroupHigh;
  }

  /**
   * Looks up the socket at the other end of an accepted connection whose own end is `localIp:localPort` and answers an OWNER
   * constant; FOUND fills `uid`, `inode`, `cgroupId`, `state`. The found socket echoes the four addresses, has an inode, is
   * ESTABLISHED, FIN_WAIT1 or FIN_WAIT2, and after it was looked at our own end still was ESTABLISHED or CLOSE_WAIT.
   *
   * `ownFd`: the accepted descriptor. With it the own end is proven to be that very socket (by its cookie). Without it, a caller
   * who resets a connection and whose port somebody else takes within the same moment could pass for that other one.
   */
  peerOf(localIp: string, localPort: number, remoteIp: string, remotePort: number, ownFd = -1): number {
    const found = this.#lookUpPair(localIp, localPort, remoteIp, remotePort, ownFd);
    if (found !== OWNER.FOUND) return found;
    const { state } = this.#peer;
    if (state !== TCP_STATE.ESTABLISHED && state !== TCP_STATE.FIN_WAIT1 && state !== TCP_STATE.FIN_WAIT2) {
      return OWNER.WRONG_STATE;
    }
    return this.inode === 0 ? OWNER.NO_INODE : OWNER.FOUND;
  }

  /**
   * Looks up who serves a connection that we opened to `remoteIp:remotePort`: the process that accepted it or, while it waits
   * to be accepted, the owner of the listening socket in whose queue it waits. Answers an OWNER constant as `peerOf` does.
   *
   * A listener may close and another open between the questions, so the answer "still waiting" is asked for again after the
   * listener was looked at: a connection that waited all the time belongs to the listener that was there all the time.
   */
  acceptorOf(localIp: string, localPort: number, remoteIp: string, remotePort: number, ownFd = -1): number {
    const first = this.#acceptedBy(localIp, localPort, remoteIp, remotePort, ownFd);
    if (first !== OWNER.NO_INODE) return first;
    const listener = this.listenerOf(remoteIp, remotePort);
    if (listener !== OWNER.FOUND) return listener;
    const { uid, inode } = this;
    const low = this.#cgroupLow;
    const high = this.#cgroupHigh;
    const second = this.#acceptedBy(localIp, localPort, remoteIp, remotePort, ownFd);
    if (second !== OWNER.NO_INODE) return second;
    this.uid = uid;
    this.inode = inode;
    this.state = TCP_STATE.LISTEN;
    this.#cgroupLow = low;
    this.#cgroupHigh = high;
    return OWNER.FOUND;
  }

  /**
   * Looks up the socket that would take a connection to `ip:port`, as the kernel itself chooses it: exact address before
   * wildcard, IPv6 sockets that serve IPv4 included. Answers FOUND, NOT_FOUND, NO_INODE, FOREIGN, WRONG_STATE or ERROR.
   */
  listenerOf(ip: string, port: number): number {
    const family = writeAddress(this.#request, REQUEST_SRC_OFFSET, ip);
    if (family === FAMILY.NONE) return OWNER.ERROR;
    this.#request.fill(0, REQUEST_DST_OFFSET, REQUEST_DST_OFFSET + 16);
    setQuery(this.#requestView, 0, this.#nextSequence(), family, port, 0);
    const found = this.#ask(1);
    if (found !== OWNER.FOUND) return found;
    const peer = this.#peer;
    this.#publish(peer);
    if (peer.state !== TCP_STATE.LISTEN) return OWNER.WRONG_STATE;
    const isHere =
      sameAddress(this.#request, REQUEST_SRC_OFFSET, family, this.#answers, peer.srcAt, peer.family) ||
      isWildcard(this.#answers, peer.srcAt, peer.family);
    if (peer.sport !== port || !isHere) return OWNER.FOREIGN;
    return peer.inode === 0 ? OWNER.NO_INODE : OWNER.FOUND;
  }

  /** Closes the socket; later queries answer ERROR. */
  close(): void {
    if (this.#fd >= 0) this.#calls.close(this.#fd);
    this.#fd = -1;
  }

  /** The end that serves our connection: FOUND with its acceptor, or NO_INODE while it waits in a listener's queue. */
  #acceptedBy(localIp: string, localPort: number, remoteIp: string, remotePort: number, ownFd: number): number {
    const found = this.#lookUpPair(localIp, localPort, remoteIp, remotePort, ownFd);
    if (found !== OWNER.FOUND) return found;
    // A listener with TCP_DEFER_ACCEPT keeps the connection in SYN_RECV until our first byte.
    if (this.state === TCP_STATE.SYN_RECV) return OWNER.NO_INODE;
    if (this.state !== TCP_STATE.ESTABLISHED) return OWNER.WRONG_STATE;
    return this.inode === 0 ? OWNER.NO_INODE : OWNER.FOUND;
  }

  /** Asks for both ends at once, the other end first. FOUND: addresses echoed, own end proven; state and inode not judged yet. */
  #lookUpPair(localIp: string, localPort: number, remoteIp: string, remotePort: number, ownFd: number): number {
    const request = this.#request;
    const family = writeAddress(request, REQUEST_SRC_OFFSET, remoteIp);
    if (family === FAMILY.NONE || writeAddress(request, REQUEST_DST_OFFSET, localIp) !== family) return OWNER.ERROR;
    const own = REQUEST_BYTES;
    request.copyWithin(own + REQUEST_SRC_OFFSET, REQUEST_DST_OFFSET, REQUEST_DST_OFFSET + 16);
    request.copyWithin(own + REQUEST_DST_OFFSET, REQUEST_SRC_OFFSET, REQUEST_SRC_OFFSET + 16);
    const sequence = this.#nextSequence();
    setQuery(this.#requestView, 0, sequence, family, remotePort, localPort);
    setQuery(this.#requestView, own, sequence + 1, family, localPort, remotePort);
    const found = this.#ask(2);
    if (found !== OWNER.FOUND) return found;
    if (!this.#echoes(this.#peer, 0, family, remotePort, localPort)) return OWNER.FOREIGN;
    if (!this.#isOwnEndOpen(family, localPort, remotePort, ownFd)) return OWNER.REUSED;
    this.#publish(this.#peer);
    return OWNER.FOUND;
  }

  #isOwnEndOpen(family: number, localPort: number, remotePort: number, ownFd: number): boolean {
    const own = this.#own;
    if (own.at < 0 || own.inode === 0) return false;
    if (own.state !== TCP_STATE.ESTABLISHED && own.state !== TCP_STATE.CLOSE_WAIT) return false;
    if (!this.#echoes(own, REQUEST_BYTES, family, localPort, remotePort)) return false;
    if (ownFd < 0) return true;
    this.#cookieLength[0] = 8;
    if (this.#calls.getsockopt(ownFd, SOL_SOCKET, SO_COOKIE, this.#cookieAt, this.#cookieLengthAt) !== 0) return false;
    return this.#cookie[0] === own.cookieLow && this.#cookie[1] === own.cookieHigh;
  }

  #echoes(answer: DiagAnswer, at: number, family: number, sport: number, dport: number): boolean {
    const { family: answered } = answer;
    return (
      answer.sport === sport &&
      answer.dport === dport &&
      sameAddress(this.#request, at + REQUEST_SRC_OFFSET, family, this.#answers, answer.srcAt, answered) &&
      sameAddress(this.#request, at + REQUEST_DST_OFFSET, family, this.#answers, answer.dstAt, answered)
    );
  }

  #publish(answer: DiagAnswer): void {
    this.uid = answer.uid;
    this.inode = answer.inode;
    this.state = answer.state;
    this.#cgroupLow = answer.cgroupLow;
    this.#cgroupHigh = answer.cgroupHigh;
  }

  #nextSequence(): number {
    this.#sequence = this.#sequence >= 0x7ffffffc ? 1 : this.#sequence + 2;
    return this.#sequence;
  }

  /**
   * Sends the first `queries` requests and reads their answers; where something else lay in the queue, empties it and asks once
   * more. FOUND: the first has a socket; the second is in `#own`, with `at` -1 where it has none.
   */
  #ask(queries: number): number {
    if (this.#fd < 0) return OWNER.ERROR;
    const verdict = this.#askOnce(queries);
    if (verdict !== OWNER.ERROR) return verdict;
    this.#drain();
    return this.#askOnce(queries);
  }

  #askOnce(queries: number): number {
    if (this.#calls.send(this.#fd, this.#requestAt, queries * REQUEST_BYTES, MSG_DONTWAIT) < 0) return OWNER.ERROR;
    // The kernel answers within send(2), in order; so one receive has all, and an empty queue means no answer will come.
    if (this.#calls.recvmmsg(this.#fd, this.#headersAt, queries, MSG_DONTWAIT, null) !== queries) return OWNER.ERROR;
    const sequence = this.#sequence;
    const peer = this.#read(this.#peer, 0, sequence);
    const own = queries === 2 ? this.#read(this.#own, 1, sequence + 1) : READ.NO_SOCKET;
    if (own === READ.NO_SOCKET) this.#own.at = -1;
    else if (own !== READ.SOCKET) return OWNER.ERROR;
    if (peer === READ.NO_SOCKET) return OWNER.NOT_FOUND;
    return peer === READ.SOCKET ? OWNER.FOUND : OWNER.ERROR;
  }

  #drain(): void {
    for (let round = 0; round < STALE_ROUNDS_MAX; round++) {
      if (this.#calls.recvmmsg(this.#fd, this.#headersAt, 2, MSG_DONTWAIT, null) <= 0) return;
    }
  }

  /** Reads what lies in `slot` as the answer to `sequence`. */
  #read(answer: DiagAnswer, slot: number, sequence: number): number {
    const header = slot * MESSAGE_HEADER_BYTES;
    if ((this.#headers[header + 48]! & MSG_TRUNC) !== 0) return READ.BROKEN;
    const bytes = this.#headersView.getUint32(header + 56, true);
    return answer.read(slot * ANSWER_BYTES_MAX, Math.min(bytes, ANSWER_BYTES_MAX), sequence);
  }
}
