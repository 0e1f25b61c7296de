/** The options of all `Connection` lines of a head (RFC 9110 7.6.1). */
import { asciiBytes, equalsIgnoringCase, isWhitespace, TOKEN } from "./byte-classes.ts";
import { HEADER, type HeaderLines, isRepeatedKind, PARSE_ERROR } from "./head.ts";

/** Most options in all Connection lines of a head. Reason: each one is looked for among all lines; real ones are one to three. */
export const CONNECTION_OPTIONS_MAX = 16;

/** Bits of a non-negative answer of `readConnectionOptions`. */
export const OPTION = { CLOSE: 1, KEEP_ALIVE: 2, UPGRADE: 4 } as const;

const CLOSE = asciiBytes("close");
const KEEP_ALIVE = asciiBytes("keep-alive");
const UPGRADE = asciiBytes("upgrade");
const COMMA = 0x2c;

/** Kinds that stay whatever `Connection` says, besides those that are refused there: the mesh writes them itself. */
const OWNED_KINDS =
  (1 << HEADER.CONNECTION) |
  (1 << HEADER.FORWARDED_FOR) |
  (1 << HEADER.MESH_OWNED) |
  (1 << HEADER.TRACEPARENT) |
  (1 << HEADER.TRACESTATE) |
  (1 << HEADER.REQUEST_ID);

/** Kinds that decide where a message goes and where it ends: naming one as an option is an attack or a defect. */
const REFUSED_KINDS = (1 << HEADER.HOST) | (1 << HEADER.CONTENT_LENGTH) | (1 << HEADER.TRANSFER_ENCODING);

const REFUSED_NAMES: readonly Uint8Array[] = ["host", "content-length", "transfer-encoding"].map(asciiBytes);

/**
 * The options as bits of OPTION; every other option marks the lines of that name as nominated. BAD_CONNECTION for bytes
 * outside the list grammar, for too many options, and for an option that names Host or a framing field (present or not).
 */
export function readConnectionOptions(buf: Uint8Array, lines: HeaderLines): number {
  const first = lines.connectionLine;
  if (first < 0) return 0;
  const last = isRepeatedKind(lines, HEADER.CONNECTION) ? lines.count - 1 : first;
  let options = 0;
  let optionCount = 0;
  for (let line = first; line <= last; line++) {
    if (lines.kind[line]! !== HEADER.CONNECTION) continue;
    const end = lines.valueEnd[line]!;
    let at = lines.valueStart[line]!;
    while (at < end) {
      if (buf[at]! === COMMA || isWhitespace(buf[at]!)) {
        at++;
        continue;
      }
      const optionStart = at;
      while (at < end && TOKEN[buf[at]!]! !== 0) at++;
      if (at === optionStart || ++optionCount > CONNECTION_OPTIONS_MAX) return PARSE_ERROR.BAD_CONNECTION;
      const option = readOption(buf, optionStart, at, lines);
      if (option < 0) return option;
      options |= option;
      while (at < end && isWhitespace(buf[at]!)) at++;
      if (at < end && buf[at]! !== COMMA) return PARSE_ERROR.BAD_CONNECTION;
    }
  }
  return options;
}

function readOption(buf: Uint8Array, start: number, end: number, lines: HeaderLines): number {
  if (equalsIgnoringCase(buf, start, end, CLOSE)) return OPTION.CLOSE;
  if (equalsIgnoringCase(buf, start, end, KEEP_ALIVE)) return OPTION.KEEP_ALIVE;
  if (equalsIgnoringCase(buf, start, end, UPGRADE)) return OPTION.UPGRADE;
  for (let i = 0; i < REFUSED_NAMES.length; i++) {
    if (equalsIgnoringCase(buf, start, end, REFUSED_NAMES[i]!)) return PARSE_ERROR.BAD_CONNECTION;
  }
  nominate(buf, start, end, lines);
  return 0;
}

function nominate(buf: Uint8Array, start: number, end: number, lines: HeaderLines): void {
  for (let line = 0; line < lines.count; line++) {
    if (((1 << lines.kind[line]!) & (OWNED_KINDS | REFUSED_KINDS)) !== 0 || lines.nominated[line]! !== 0) continue;
    if (!isSameName(buf, start, end, lines.nameStart[line]!, lines.nameEnd[line]!)) continue;
    lines.nominated[line] = 1;
    lines.nominatedCount++;
  }
}

/** Both ranges hold token bytes; only letters differ by case (`^` and `~` differ by bit 5 too, so that alone is not enough). */
function isSameName(buf: Uint8Array, startA: number, endA: number, startB: number, endB: number): boolean {
  if (endA - startA !== endB - startB) return false;
  for (let i = 0; i < endA - startA; i++) {
    const a = buf[startA + i]!;
    const b = buf[startB + i]!;
    if (a !== b && !((a | 0x20) === (b | 0x20) && isLetter(a))) return false;
  }
  return true;
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
