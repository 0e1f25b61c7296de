/** From an HTTP/1.1 head, as our own writers write it, to a header block (RFC 9113 8.3). */
import { type EqualBytes, equalBytes } from "../hpack/bytes.ts";
import { BAD_FIELD, HpackEncoder, NO_REFERENCE, OWNER } from "../hpack/encoder.ts";
import { STATIC, STATIC_LINES, STATIC_NAME_BYTES } from "../hpack/static-table.ts";
import { asciiBytes, SP, TOKEN } from "../http1/byte-classes.ts";
import { HEADER } from "../http1/head.ts";
import { headerKind } from "../http1/header-kind.ts";
import { HeadLine, scanLine } from "./head-line.ts";
import { type LineContext, LineEncoder } from "./line-encoder.ts";
import { NO_MEMO, PrologueMemos } from "./prologue-memos.ts";
import { PrologueShapes } from "./prologue-shapes.ts";

const CONNECT = asciiBytes("CONNECT");
const PROTOCOL = asciiBytes(":protocol");
const WEBSOCKET = asciiBytes("websocket");
const VERSION = asciiBytes("HTTP/1.1");
const VERSION_LINE = asciiBytes("HTTP/1.1\r\n");
const STATUS_OK = asciiBytes("200");
const STATUS_DIGITS = 3;
const SLASH = 0x2f;
const ASTERISK = 0x2a;
const CR = 0x0d;
const LF = 0x0a;
const DIGIT_0 = 0x30;

/** Room that a block may need beyond the bytes of the head it is made from, whatever stands in it. */
export const BLOCK_EXCESS_BYTES_MAX = 1024;

/** Keeps the templates of one kind of head from being looked at for another. */
const SALT = { REQUEST: 0x51ed, RESPONSE: 0x2a7b, TRAILERS: 0x6c13 } as const;

const PLAIN: LineContext = { owner: OWNER.NOBODY, isWebsocket: false };

/**
 * One direction of one connection. Each function takes the head `buf[start, end)` with its empty line, writes the block at
 * `at` into `into`, which has BLOCK_EXCESS_BYTES_MAX more room than the head has bytes, and answers the offset behind it.
 * BAD_FIELD for bytes that are no such head; nothing of it must be sent then, and the next block is right again. FULL only
 * where the room was not there.
 */
export class HeadEncoder {
  readonly hpack: HpackEncoder;
  readonly #lines: LineEncoder;
  readonly #prologues = new PrologueMemos();
  readonly #shapes = new PrologueShapes();
  /** How method and authority were written last. */
  #method = NO_REFERENCE as number;
  #authority = NO_REFERENCE as number;
  readonly #line = new HeadLine();
  /** Offset behind the first line, or behind `Host`. */
  #linesStart = 0;

  /**
   * @param tableBytesMax as HpackEncoder's.
   * @param equal compares long ranges; a worker may hand in one that the runtime has natively.
   */
  constructor(tableBytesMax: number, equal: EqualBytes = equalBytes) {
    this.hpack = new HpackEncoder(tableBytesMax);
    this.#lines = new LineEncoder(this.hpack, equal);
  }

  /**
   * A request: `METHOD target HTTP/1.1`, then `Host`, then the other lines. Framing and hop-by-hop lines are left out, `te:
   * trailers` is not. With `context.isWebsocket` a GET becomes the extended CONNECT (RFC 8441 5) it asks for.
   */
  encodeRequest(
    buf: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    context: LineContext,
  ): number {
    let to = this.hpack.begin(into, at);
    to = this.#encodePrologue(buf, start, end, into, to, context.isWebsocket);
    if (to >= 0) to = this.#lines.encode(buf, this.#linesStart, end, into, to, context, SALT.REQUEST);
    return this.#finish(to);
  }

  /** An answer: `HTTP/1.1 status reason`, then lines. With `context.isWebsocket` a 101 becomes the 200 of extended CONNECT. */
  encodeResponse(
    buf: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    context: LineContext,
  ): number {
    let to = this.hpack.begin(into, at);
    to = this.#encodeStatusLine(buf, start, end, into, to, context.isWebsocket);
    if (to >= 0) to = this.#lines.encode(buf, this.#linesStart, end, into, to, context, SALT.RESPONSE);
    return this.#finish(to);
  }

  /** Trailers: lines and an empty line. */
  encodeTrailers(buf: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
    const to = this.hpack.begin(into, at);
    return this.#finish(to < 0 ? to : this.#lines.encode(buf, start, end, into, to, PLAIN, SALT.TRAILERS));
  }

  #finish(to: number): number {
    if (to >= 0) this.hpack.end();
    return to;
  }

  /** Request line and Host, from memory where they came before. */
  #encodePrologue(
    buf: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    isWebsocket: boolean,
  ): number {
    if (at < 0 || isWebsocket) return this.#encodeRequestLine(buf, start, end, into, at, isWebsocket);
    const known = this.#prologues.write(buf, start, end, into, at, this.hpack);
    if (known !== NO_MEMO) {
      this.#linesStart = start + this.#prologues.length;
      return known;
    }
    const isShape = this.#shapes.find(buf, start, end, this.hpack);
    const to = isShape ? this.#encodeShape(buf, into, at) : this.#encodeRequestLine(buf, start, end, into, at, false);
    if (to < 0) return to;
    this.#prologues.keep(buf, start, this.#linesStart);
    if (!isShape) this.#shapes.keep(buf, start, this.#linesStart, this.#method, this.#authority);
    return to;
  }

  /** Only the target has to be looked at. */
  #encodeShape(buf: Uint8Array, into: Uint8Array, at: number): number {
    const shapes = this.#shapes;
    this.#linesStart = shapes.end;
    let to = this.#writeAgain(into, at, shapes.method);
    to = this.#writeAgain(into, to, STATIC.SCHEME_HTTP);
    to = this.#writePseudo(into, to, STATIC.PATH, buf, shapes.targetStart, shapes.targetEnd);
    if (to < 0 || this.hpack.holds(shapes.authority)) return this.#writeAgain(into, to, shapes.authority);
    // The entry that the path was given has pushed it out.
    if (scanLine(buf, shapes.targetEnd + 1 + VERSION_LINE.length, shapes.end, this.#line) < 0) return BAD_FIELD;
    return this.#writePseudo(into, to, STATIC.AUTHORITY, buf, this.#line.valueStart, this.#line.valueEnd);
  }

  #writeAgain(into: Uint8Array, at: number, reference: number): number {
    if (at < 0) return at;
    this.#prologues.note(reference);
    return this.hpack.writeReference(into, at, reference);
  }

  #encodeRequestLine(
    buf: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    isWebsocket: boolean,
  ): number {
    let methodEnd = start;
    while (methodEnd < end && TOKEN[buf[methodEnd]!]! !== 0) methodEnd++;
    if (methodEnd === start || methodEnd >= end || buf[methodEnd]! !== SP) return BAD_FIELD;
    const targetStart = methodEnd + 1;
    let targetEnd = targetStart;
    while (targetEnd < end && buf[targetEnd]! > SP) targetEnd++;
    const linesStart = targetEnd + 1 + VERSION_LINE.length;
    if (targetEnd === targetStart || linesStart > end || !isAt(buf, targetEnd + 1, VERSION_LINE)) return BAD_FIELD;
    if (buf[targetEnd]! !== SP) return BAD_FIELD;
    const isConnect = methodEnd - start === CONNECT.length && isAt(buf, start, CONNECT);
    const first = buf[targetStart]!;
    if (isConnect ? isWebsocket : first !== SLASH && first !== ASTERISK) return BAD_FIELD;
    this.#linesStart = scanLine(buf, linesStart, end, this.#line);
    if (this.#linesStart < 0 || headerKind(buf, linesStart, this.#line.nameEnd, false) !== HEADER.HOST)
      return BAD_FIELD;
    const { valueStart, valueEnd } = this.#line;
    if (isConnect) {
      // Its target is no path: not a shape.
      const to = this.#writePseudo(into, at, STATIC.METHOD, buf, start, methodEnd);
      this.#authority = NO_REFERENCE;
      this.#method = NO_REFERENCE;
      return this.#writePseudo(into, to, STATIC.AUTHORITY, buf, targetStart, targetEnd);
    }
    let to = isWebsocket
      ? this.#writePseudo(into, at, STATIC.METHOD, CONNECT, 0, CONNECT.length)
      : this.#writePseudo(into, at, STATIC.METHOD, buf, start, methodEnd);
    this.#method = this.hpack.lastReference;
    to = to < 0 ? to : this.hpack.writeReference(into, to, STATIC.SCHEME_HTTP);
    this.#prologues.note(STATIC.SCHEME_HTTP);
    to = this.#writePseudo(into, to, STATIC.PATH, buf, targetStart, targetEnd);
    to = this.#writePseudo(into, to, STATIC.AUTHORITY, buf, valueStart, valueEnd);
    this.#authority = this.hpack.lastReference;
    if (!isWebsocket || to < 0) return to;
    return this.hpack.writeField(into, to, PROTOCOL, 0, PROTOCOL.length, WEBSOCKET, 0, WEBSOCKET.length, OWNER.NOBODY);
  }

  #encodeStatusLine(
    buf: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    isWebsocket: boolean,
  ): number {
    const statusStart = start + VERSION.length + 1;
    const statusEnd = statusStart + STATUS_DIGITS;
    let lineEnd = statusEnd;
    while (lineEnd < end && buf[lineEnd]! !== CR && buf[lineEnd]! !== LF) lineEnd++;
    if (lineEnd + 1 >= end || buf[lineEnd]! !== CR || buf[lineEnd + 1]! !== LF) return BAD_FIELD;
    if (!isAt(buf, start, VERSION) || buf[statusStart - 1]! !== SP) return BAD_FIELD;
    for (let i = statusStart; i < statusEnd; i++) if (buf[i]! < DIGIT_0 || buf[i]! > DIGIT_0 + 9) return BAD_FIELD;
    this.#linesStart = lineEnd + 2;
    const isSwitch =
      buf[statusStart]! === DIGIT_0 + 1 && buf[statusStart + 1]! === DIGIT_0 && buf[statusStart + 2]! === DIGIT_0 + 1;
    // RFC 9113 8.6: HTTP/2 has no 101.
    if (isSwitch !== isWebsocket) return BAD_FIELD;
    if (isWebsocket) return this.#writePseudo(into, at, STATIC.STATUS, STATUS_OK, 0, STATUS_DIGITS);
    return this.#writePseudo(into, at, STATIC.STATUS, buf, statusStart, statusEnd);
  }

  #writePseudo(into: Uint8Array, at: number, index: number, buf: Uint8Array, start: number, end: number): number {
    if (at < 0) return at;
    const name = STATIC_LINES[index]!;
    const to = this.hpack.writeField(into, at, name, 0, STATIC_NAME_BYTES[index]!, buf, start, end, OWNER.NOBODY);
    this.#prologues.note(this.hpack.lastReference);
    return to;
  }
}

function isAt(buf: Uint8Array, at: number, bytes: Uint8Array): boolean {
  if (at + bytes.length > buf.length) return false;
  for (let i = 0; i < bytes.length; i++) if (buf[at + i]! !== bytes[i]!) return false;
  return true;
}
