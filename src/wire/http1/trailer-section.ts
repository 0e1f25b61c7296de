/** The trailer section of a chunked body: checked line by line, kept only as far as it may be passed on. */
import {
  asciiBytes,
  CR,
  equalsIgnoringCase,
  FIELD_VALUE,
  isWhitespace,
  LF,
  TOKEN,
  TOKEN_UNDERSCORE,
} from "./byte-classes.ts";
import { HEADER, PARSE_ERROR } from "./head.ts";
import { headerKind } from "./header-kind.ts";

/** Most bytes of a trailer section. Reason: checksums, signatures and gRPC statuses take a few hundred. */
export const TRAILER_BYTES_MAX = 8 * 1024;

const STATE = { LINE_START: 0, NAME: 1, VALUE: 2, LINE_LF: 3, END_LF: 4, COMPLETE: 5 } as const;
const COLON = 0x3a;

/** Refused: fields that decide about framing, routing or identity. Whoever sends them as trailers means to confuse. */
const REFUSED_KINDS: ReadonlySet<number> = new Set([
  HEADER.HOST,
  HEADER.CONTENT_LENGTH,
  HEADER.TRANSFER_ENCODING,
  HEADER.CONNECTION,
  HEADER.FORWARDED_FOR,
  HEADER.MESH_OWNED,
]);

/**
 * Dropped: fields that must not be trailers (RFC 9110 6.5.1: request modifiers, authentication, response control, content
 * format) but harm nobody when they are not passed on; merging them into a head further on would change its meaning.
 */
const DROPPED_NAMES: readonly Uint8Array[] = [
  "authorization",
  "cookie",
  "set-cookie",
  "www-authenticate",
  "cache-control",
  "max-forwards",
  "content-encoding",
  "content-type",
  "content-range",
  "range",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "location",
  "retry-after",
  "age",
  "expires",
  "pragma",
  "vary",
  "warning",
].map(asciiBytes);

/** What becomes of a trailer field. */
export const TRAILER = { KEPT: 0, DROPPED: 1, REFUSED: 2 } as const;

/** One of TRAILER for the name at `buf[start, end)`, which must consist of token bytes. */
export function judgeTrailer(buf: Uint8Array, start: number, end: number): number {
  const kind = headerKind(buf, start, end, false);
  if (REFUSED_KINDS.has(kind)) return TRAILER.REFUSED;
  if (kind !== HEADER.OTHER) return TRAILER.DROPPED;
  for (const name of DROPPED_NAMES) if (equalsIgnoringCase(buf, start, end, name)) return TRAILER.DROPPED;
  return TRAILER.KEPT;
}

/** A state machine over bytes: `feed` until `isComplete`, `reset` before the next section. Owns its 8 KiB, made on first use. */
export class TrailerSection {
  /** The kept lines, each with CRLF. */
  bytes = new Uint8Array(0);
  /** Bytes of complete kept lines in `bytes`. */
  length = 0;
  isComplete = false;
  private state: number = STATE.LINE_START;
  /** Bytes seen, kept or not. */
  private seen = 0;
  /** Bytes of the line under way; they stand in `bytes` from `length` on. */
  private lineLength = 0;
  private nameLength = 0;
  private hasUnderscore = false;

  reset(): void {
    this.length = 0;
    this.isComplete = false;
    this.state = STATE.LINE_START;
    this.seen = 0;
    this.lineLength = 0;
    this.hasUnderscore = false;
  }

  /** Answers the offset consumed up to (`end`, or right after the empty line), or a PARSE_ERROR. */
  feed(buf: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.isComplete) {
      const error = this.take(buf[at]!);
      if (error < 0) return error;
      at++;
    }
    return at;
  }

  private take(byte: number): number {
    if (++this.seen > TRAILER_BYTES_MAX) return PARSE_ERROR.TRAILERS_TOO_LARGE;
    switch (this.state) {
      case STATE.LINE_START:
        if (byte === CR) {
          this.state = STATE.END_LF;
          return 0;
        }
        this.lineLength = 0;
        this.hasUnderscore = false;
        this.state = STATE.NAME;
        return this.takeName(byte);
      case STATE.NAME:
        return this.takeName(byte);
      case STATE.VALUE:
        return this.takeValue(byte);
      case STATE.LINE_LF:
        if (byte !== LF) return PARSE_ERROR.BARE_CR;
        this.keep(byte);
        this.state = STATE.LINE_START;
        return this.endLine();
      default:
        if (byte !== LF) return PARSE_ERROR.BARE_CR;
        this.isComplete = true;
        return 0;
    }
  }

  private takeName(byte: number): number {
    const entry = TOKEN[byte]!;
    if (entry !== 0) {
      if (entry === TOKEN_UNDERSCORE) this.hasUnderscore = true;
      this.keep(byte);
      return 0;
    }
    if (byte === COLON && this.lineLength > 0) {
      this.nameLength = this.lineLength;
      this.keep(byte);
      this.state = STATE.VALUE;
      return this.hasUnderscore ? PARSE_ERROR.UNDERSCORE_IN_NAME : 0;
    }
    if (byte === LF) return PARSE_ERROR.BARE_LF;
    if (isWhitespace(byte)) return this.lineLength === 0 ? PARSE_ERROR.OBS_FOLD : PARSE_ERROR.SPACE_BEFORE_COLON;
    return PARSE_ERROR.BAD_TRAILER;
  }

  private takeValue(byte: number): number {
    if (FIELD_VALUE[byte]! === 0) {
      if (byte === LF) return PARSE_ERROR.BARE_LF;
      if (byte !== CR) return PARSE_ERROR.BAD_TRAILER;
      this.state = STATE.LINE_LF;
    }
    this.keep(byte);
    return 0;
  }

  /** Never beyond the array: no more bytes are kept than were seen. */
  private keep(byte: number): void {
    if (this.bytes.length === 0) this.bytes = new Uint8Array(TRAILER_BYTES_MAX);
    this.bytes[this.length + this.lineLength++] = byte;
  }

  private endLine(): number {
    const nameEnd = this.length + this.nameLength;
    const verdict = judgeTrailer(this.bytes, this.length, nameEnd);
    if (verdict === TRAILER.REFUSED) return PARSE_ERROR.BAD_TRAILER;
    if (verdict === TRAILER.KEPT) this.length += this.lineLength;
    return 0;
  }
}
