/**
 * The messages of the kernel's inet_diag over netlink (linux/netlink.h, linux/inet_diag.h): where each field lies, and how to
 * build requests and read answers in preallocated memory. Ports and addresses are big-endian on the wire, all else little-endian.
 */

/** TCP states as the kernel numbers them. */
export const TCP_STATE = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  FIN_WAIT1: 4,
  FIN_WAIT2: 5,
  TIME_WAIT: 6,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
} as const;

/** Length of one request: netlink header (16) and inet_diag_req_v2 (56). */
export const REQUEST_BYTES = 72;

/** Netlink message types that occur in answers. */
export const MESSAGE = { ERROR: 2, DONE: 3, DIAG: 20 } as const;

/** Flags of a request: one socket by its addresses, or every socket in the given states. */
export const REQUEST_FLAGS = { ONE: 0x1, DUMP: 0x301 } as const;

const HEADER_BYTES = 16;
const ANSWER_BYTES = HEADER_BYTES + 72;
const IPPROTO_TCP = 6;
const ATTRIBUTE_CGROUP_ID = 21;
const ANY = 0xffffffff;

const REQUEST = { FAMILY: 16, PROTOCOL: 17, STATES: 20, SPORT: 24, DPORT: 26, SRC: 28, DST: 44, COOKIE: 64 } as const;
const ANSWER = {
  FAMILY: 16,
  STATE: 17,
  SPORT: 20,
  DPORT: 22,
  SRC: 24,
  DST: 40,
  COOKIE: 60,
  UID: 80,
  INODE: 84,
} as const;

/** Offset, from a request's start, of the socket's own address (16 bytes, IPv4 in the first four). */
export const REQUEST_SRC_OFFSET = REQUEST.SRC;
/** Offset, from a request's start, of the address of the socket's peer. */
export const REQUEST_DST_OFFSET = REQUEST.DST;

/** Writes everything of a request at `at` that stays the same; addresses, ports, family and sequence are set per query. */
export function prepareRequest(view: DataView, at: number, flags: number, states: number): void {
  view.setUint32(at, REQUEST_BYTES, true);
  view.setUint16(at + 4, MESSAGE.DIAG, true);
  view.setUint16(at + 6, flags, true);
  view.setUint8(at + REQUEST.PROTOCOL, IPPROTO_TCP);
  view.setUint32(at + REQUEST.STATES, states, true);
  view.setUint32(at + REQUEST.COOKIE, ANY, true);
  view.setUint32(at + REQUEST.COOKIE + 4, ANY, true);
}

/** Sets the sequence, family and ports of a prepared request. */
export function setQuery(
  view: DataView,
  at: number,
  sequence: number,
  family: number,
  sport: number,
  dport: number,
): void {
  view.setUint32(at + 8, sequence, true);
  view.setUint8(at + REQUEST.FAMILY, family);
  view.setUint16(at + REQUEST.SPORT, sport);
  view.setUint16(at + REQUEST.DPORT, dport);
}

/** Verdicts of `DiagAnswer.read`: a socket; none; a message that is not for this query; or one that makes no sense. */
export const READ = { SOCKET: 0, NO_SOCKET: 1, OTHER: 2, BROKEN: 3 } as const;

const ENOENT = 2;

/** One answer, read in place. Values are valid after `read` answered SOCKET, until the next `read`. */
export class DiagAnswer {
  family = 0;
  state = 0;
  uid = 0;
  inode = 0;
  cgroupLow = 0;
  cgroupHigh = 0;
  cookieLow = 0;
  cookieHigh = 0;
  sport = 0;
  dport = 0;
  /** Offset of the message that was read. */
  at = 0;
  readonly #view: DataView;

  constructor(view: DataView) {
    this.#view = view;
  }

  /** Reads the message at `at`, of which `bytes` are there, as the answer to the query with `sequence`. */
  read(at: number, bytes: number, sequence: number): number {
    const view = this.#view;
    if (bytes < HEADER_BYTES) return READ.BROKEN;
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || length > bytes) return READ.BROKEN;
    if (view.getUint32(at + 8, true) !== sequence) return READ.OTHER;
    const type = view.getUint16(at + 4, true);
    if (type === MESSAGE.ERROR) {
      return length >= HEADER_BYTES + 4 && view.getInt32(at + HEADER_BYTES, true) === -ENOENT
        ? READ.NO_SOCKET
        : READ.BROKEN;
    }
    if (type !== MESSAGE.DIAG || length < ANSWER_BYTES) return READ.BROKEN;
    this.#take(at);
    return this.#takeAttributes(at + ANSWER_BYTES, at + length) ? READ.SOCKET : READ.BROKEN;
  }

  #take(at: number): void {
    const view = this.#view;
    this.at = at;
    this.family = view.getUint8(at + ANSWER.FAMILY);
    this.state = view.getUint8(at + ANSWER.STATE);
    this.sport = view.getUint16(at + ANSWER.SPORT);
    this.dport = view.getUint16(at + ANSWER.DPORT);
    this.cookieLow = view.getUint32(at + ANSWER.COOKIE, true);
    this.cookieHigh = view.getUint32(at + ANSWER.COOKIE + 4, true);
    this.uid = view.getUint32(at + ANSWER.UID, true);
    this.inode = view.getUint32(at + ANSWER.INODE, true);
  }

  /** Only the cgroup id is of interest. A socket without one (an older kernel) has id 0, which no cgroup has. */
  #takeAttributes(from: number, end: number): boolean {
    const view = this.#view;
    this.cgroupLow = 0;
    this.cgroupHigh = 0;
    let at = from;
    while (at + 4 <= end) {
      const length = view.getUint16(at, true);
      if (length < 4 || at + length > end) return false;
      if (view.getUint16(at + 2, true) === ATTRIBUTE_CGROUP_ID && length >= 12) {
        this.cgroupLow = view.getUint32(at + 4, true);
        this.cgroupHigh = view.getUint32(at + 8, true);
        return true;
      }
      at += (length + 3) & ~3;
    }
    return true;
  }

  /** Offset of the socket's own address within the answers' memory. */
  get srcAt(): number {
    return this.at + ANSWER.SRC;
  }

  /** Offset of its peer's address. */
  get dstAt(): number {
    return this.at + ANSWER.DST;
  }
}

/**
 * Whether the answered address (family and 16 bytes at `answerAt`) is the asked one (at `askedAt`). A socket of an IPv6 program
 * that speaks IPv4 answers with the mapped form of the address that was asked for.
 */
export function sameAddress(
  asked: Uint8Array,
  askedAt: number,
  askedFamily: number,
  answer: Uint8Array,
  answerAt: number,
  answerFamily: number,
): boolean {
  if (answerFamily === askedFamily) {
    return equalBytes(asked, askedAt, answer, answerAt, askedFamily === 2 ? 4 : 16);
  }
  if (askedFamily !== 2 || answerFamily !== 10) return false;
  return isMappedPrefix(answer, answerAt) && equalBytes(asked, askedAt, answer, answerAt + 12, 4);
}

/** Whether the 16 bytes at `at` are the wildcard address, in either family. */
export function isWildcard(bytes: Uint8Array, at: number, family: number): boolean {
  const length = family === 2 ? 4 : 16;
  for (let index = 0; index < length; index++) if (bytes[at + index] !== 0) return false;
  return true;
}

function equalBytes(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let index = 0; index < length; index++) if (a[aAt + index] !== b[bAt + index]) return false;
  return true;
}

function isMappedPrefix(bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < 10; index++) if (bytes[at + index] !== 0) return false;
  return bytes[at + 10] === 255 && bytes[at + 11] === 255;
}
