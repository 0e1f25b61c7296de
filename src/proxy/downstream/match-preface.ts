import { asciiBytes } from "../../wire/http1/byte-classes.ts";
import { PREFACE } from "../../wire/http2/protocol.ts";

export const PREFACE_MATCH = {
  NONE: 0,
  /** What there is may go on as one. */
  PART: 1,
  WHOLE: 2,
} as const;

/** The part that looks like a request (RFC 9113 3.4); the rest is for whoever reads HTTP/2. */
const BEGINNING = asciiBytes(PREFACE.slice(0, PREFACE.indexOf("SM")));

/** Whether a connection begins with HTTP/2; one of PREFACE_MATCH. */
export function matchPreface(bytes: Uint8Array): number {
  const length = Math.min(bytes.length, BEGINNING.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== BEGINNING[i]) return PREFACE_MATCH.NONE;
  return length === BEGINNING.length ? PREFACE_MATCH.WHOLE : PREFACE_MATCH.PART;
}

/** Whether the first line is a request line of HTTP/1, may become one, or is empty (RFC 9112 2.2). */
export function mayBeHttp1(bytes: Buffer): boolean {
  const end = bytes.indexOf(0x0a);
  return end < 0 || /^(?:\S+ \S+ HTTP\/1\.\d)?\r?$/.test(bytes.toString("latin1", 0, end));
}
