/** From the name of a header line to what it means to the proxy. */
import { asciiBytes } from "./byte-classes.ts";
import { HEADER } from "./head.ts";

const KIND_OF_NAME: Readonly<Record<string, number>> = {
  host: HEADER.HOST,
  "content-length": HEADER.CONTENT_LENGTH,
  "transfer-encoding": HEADER.TRANSFER_ENCODING,
  connection: HEADER.CONNECTION,
  "keep-alive": HEADER.HOP_BY_HOP,
  "proxy-connection": HEADER.HOP_BY_HOP,
  te: HEADER.HOP_BY_HOP,
  trailer: HEADER.HOP_BY_HOP,
  // Only means something beside `Upgrade: h2c`, which is never taken up.
  "http2-settings": HEADER.HOP_BY_HOP,
  upgrade: HEADER.UPGRADE,
  expect: HEADER.EXPECT,
  "proxy-authenticate": HEADER.PROXY_AUTH,
  "proxy-authorization": HEADER.PROXY_AUTH,
  "x-forwarded-for": HEADER.FORWARDED_FOR,
  forwarded: HEADER.MESH_OWNED,
  "x-real-ip": HEADER.MESH_OWNED,
  traceparent: HEADER.TRACEPARENT,
  tracestate: HEADER.TRACESTATE,
  "x-request-id": HEADER.REQUEST_ID,
  origin: HEADER.ORIGIN,
  "access-control-request-method": HEADER.ACCESS_CONTROL_REQUEST_METHOD,
  date: HEADER.DATE,
  server: HEADER.SERVER,
};

const OWNED_PREFIXES: readonly Uint8Array[] = [asciiBytes("x-forwarded-"), asciiBytes("x-selvedge-")];
const LETTER_X = 0x78;
const HYPHEN = 0x2d;

const NAME_BYTES_MAX = Math.max(...Object.keys(KIND_OF_NAME).map((name) => name.length));
const NAMES: readonly Uint8Array[] = Object.keys(KIND_OF_NAME).map(asciiBytes);
const KINDS = Uint8Array.from(Object.values(KIND_OF_NAME));

/** Length and last five bits of the first letter, which tell all names apart. */
function slotOf(length: number, firstByte: number): number {
  return (length << 5) | (firstByte & 31);
}

/** Slot to 1 + position in NAMES; 0 where no name is. */
const NAME_IN_SLOT = new Uint8Array((NAME_BYTES_MAX + 1) << 5);
for (let i = 0; i < NAMES.length; i++) {
  const slot = slotOf(NAMES[i]!.length, NAMES[i]![0]!);
  if (NAME_IN_SLOT[slot] !== 0) throw new Error("two header names share a slot");
  NAME_IN_SLOT[slot] = i + 1;
}

/** Bit 5 set, and `_` taken for `-`, as gateways do that make environment variables of header names. */
function folded(byte: number, underscoreAsHyphen: boolean): number {
  return underscoreAsHyphen && byte === 0x5f ? HYPHEN : byte | 0x20;
}

function startsWith(buf: Uint8Array, start: number, prefix: Uint8Array, underscoreAsHyphen: boolean): boolean {
  for (let i = 0; i < prefix.length; i++) {
    if (folded(buf[start + i]!, underscoreAsHyphen) !== prefix[i]!) return false;
  }
  return true;
}

function isOwnedPrefix(buf: Uint8Array, start: number, end: number, underscoreAsHyphen: boolean): boolean {
  for (let i = 0; i < OWNED_PREFIXES.length; i++) {
    const prefix = OWNED_PREFIXES[i]!;
    if (end - start >= prefix.length && startsWith(buf, start, prefix, underscoreAsHyphen)) return true;
  }
  return false;
}

/**
 * The kind (one of HEADER) of the name at `buf[start, end)`, which must consist of token bytes. With `underscoreAsHyphen`
 * the answer is that of the name with every `_` read as `-`: anything but OTHER is then a name in disguise.
 */
export function headerKind(buf: Uint8Array, start: number, end: number, underscoreAsHyphen: boolean): number {
  const length = end - start;
  const first = buf[start]! | 0x20;
  if (length <= NAME_BYTES_MAX) {
    const candidate = NAME_IN_SLOT[slotOf(length, first)]!;
    if (candidate !== 0 && startsWith(buf, start, NAMES[candidate - 1]!, underscoreAsHyphen))
      return KINDS[candidate - 1]!;
  }
  if (first === LETTER_X && isOwnedPrefix(buf, start, end, underscoreAsHyphen)) {
    return HEADER.MESH_OWNED;
  }
  return HEADER.OTHER;
}
