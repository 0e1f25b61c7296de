/** The header section: lines of `name: value` up to the empty line (RFC 9112 5). */
import { CR, FIELD_VALUE, isWhitespace, LF, TOKEN, TOKEN_UNDERSCORE } from "./byte-classes.ts";
import { HEADER, HEADER_LINES_MAX, type HeaderLines, NEED_MORE, PARSE_ERROR } from "./head.ts";
import { headerKind } from "./header-kind.ts";

const COLON = 0x3a;

/**
 * What to do about `_` in a name. Requests refuse it anywhere: services behind CGI-like gateways read `X_Forwarded_For` as
 * `X-Forwarded-For`. Responses refuse it only where the name would collide with one that the proxy acts on.
 */
export const UNDERSCORE = { REFUSE_ALL: 0, REFUSE_COLLIDING: 1 } as const;

/**
 * Reads header lines from `start` and fills `lines`. Answers the offset after the empty line, NEED_MORE when `limit` was
 * reached before it, or a PARSE_ERROR. `limit` is where the known bytes (or the allowed ones) end. A prefix that is an
 * error stays that error whatever follows.
 */
export function parseHeaderLines(
  buf: Uint8Array,
  start: number,
  limit: number,
  lines: HeaderLines,
  underscore: number,
): number {
  let at = start;
  resetLines(lines);
  for (;;) {
    if (at >= limit) return NEED_MORE;
    if (buf[at]! === CR) return endOfSection(buf, at, limit);
    if (lines.count === HEADER_LINES_MAX) return PARSE_ERROR.TOO_MANY_HEADERS;

    const nameStart = at;
    let seen = 0;
    let entry = TOKEN[buf[at]!]!;
    while (entry !== 0) {
      seen |= entry;
      if (++at >= limit) return NEED_MORE;
      entry = TOKEN[buf[at]!]!;
    }
    if (buf[at]! !== COLON || at === nameStart) return nameError(buf, nameStart, at);
    const nameEnd = at;
    const kind = headerKind(buf, nameStart, nameEnd, false);
    if ((seen & TOKEN_UNDERSCORE) !== 0 && refusesUnderscore(buf, nameStart, nameEnd, underscore)) {
      return PARSE_ERROR.UNDERSCORE_IN_NAME;
    }

    at++;
    while (at < limit && isWhitespace(buf[at]!)) at++;
    const valueStart = at;
    // Four at a time: values are most of a head, and this takes a third off them.
    while (
      at < limit - 4 &&
      (FIELD_VALUE[buf[at]!]! &
        FIELD_VALUE[buf[at + 1]!]! &
        FIELD_VALUE[buf[at + 2]!]! &
        FIELD_VALUE[buf[at + 3]!]!) !==
        0
    )
      at += 4;
    while (at < limit && FIELD_VALUE[buf[at]!]! !== 0) at++;
    if (at >= limit) return NEED_MORE;
    if (buf[at]! !== CR) return buf[at]! === LF ? PARSE_ERROR.BARE_LF : PARSE_ERROR.BAD_HEADER_VALUE;
    if (at + 1 >= limit) return NEED_MORE;
    if (buf[at + 1]! !== LF) return PARSE_ERROR.BARE_CR;
    let valueEnd = at;
    while (valueEnd > valueStart && isWhitespace(buf[valueEnd - 1]!)) valueEnd--;
    at += 2;

    addLine(lines, kind, nameStart, nameEnd, valueStart, valueEnd);
  }
}

/** Forgets all lines, so that another head can be read into `lines`. */
export function resetLines(lines: HeaderLines): void {
  lines.count = 0;
  // Only lines that were there are nominated, so that none is marked before it is added.
  if (lines.nominatedCount > 0) lines.nominated.fill(0);
  lines.nominatedCount = 0;
  lines.hostLine = -1;
  lines.contentLengthLine = -1;
  lines.transferEncodingLine = -1;
  lines.connectionLine = -1;
  lines.upgradeLine = -1;
  lines.expectLine = -1;
  lines.repeatedKinds = 0;
}

function endOfSection(buf: Uint8Array, at: number, limit: number): number {
  if (at + 1 >= limit) return NEED_MORE;
  return buf[at + 1]! === LF ? at + 2 : PARSE_ERROR.BARE_CR;
}

/** Why the bytes at `nameStart` are not a name with a colon right after it; `at` is the first byte that does not fit. */
function nameError(buf: Uint8Array, nameStart: number, at: number): number {
  const byte = buf[at]!;
  if (byte === LF) return PARSE_ERROR.BARE_LF;
  if (isWhitespace(byte)) return at === nameStart ? PARSE_ERROR.OBS_FOLD : PARSE_ERROR.SPACE_BEFORE_COLON;
  return PARSE_ERROR.BAD_HEADER_NAME;
}

function refusesUnderscore(buf: Uint8Array, start: number, end: number, underscore: number): boolean {
  return underscore === UNDERSCORE.REFUSE_ALL || headerKind(buf, start, end, true) !== HEADER.OTHER;
}

/** Adds a line whose name and value were checked; `kind` is its `headerKind`. The caller keeps to HEADER_LINES_MAX. */
export function addLine(
  lines: HeaderLines,
  kind: number,
  nameStart: number,
  nameEnd: number,
  valueStart: number,
  valueEnd: number,
): void {
  const line = lines.count++;
  lines.kind[line] = kind;
  lines.nameStart[line] = nameStart;
  lines.nameEnd[line] = nameEnd;
  lines.valueStart[line] = valueStart;
  lines.valueEnd[line] = valueEnd;
  if (kind !== HEADER.OTHER && kind <= HEADER.EXPECT) noteLine(lines, kind, line);
}

/** Remembers the first line of each kind that decides about the message, and that there was a second one. */
export function noteLine(lines: HeaderLines, kind: number, line: number): void {
  switch (kind) {
    case HEADER.HOST:
      if (lines.hostLine < 0) lines.hostLine = line;
      else lines.repeatedKinds |= 1 << kind;
      return;
    case HEADER.CONTENT_LENGTH:
      if (lines.contentLengthLine < 0) lines.contentLengthLine = line;
      else lines.repeatedKinds |= 1 << kind;
      return;
    case HEADER.TRANSFER_ENCODING:
      if (lines.transferEncodingLine < 0) lines.transferEncodingLine = line;
      else lines.repeatedKinds |= 1 << kind;
      return;
    case HEADER.CONNECTION:
      if (lines.connectionLine < 0) lines.connectionLine = line;
      else lines.repeatedKinds |= 1 << kind;
      return;
    case HEADER.UPGRADE:
      if (lines.upgradeLine < 0) lines.upgradeLine = line;
      else lines.repeatedKinds |= 1 << kind;
      return;
    case HEADER.EXPECT:
      if (lines.expectLine < 0) lines.expectLine = line;
      else lines.repeatedKinds |= 1 << kind;
  }
}
