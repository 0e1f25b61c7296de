import { TRACESTATE_BYTES_MAX, TRACESTATE_MEMBERS_MAX } from "./trace-context.ts";

const COMMA = 44;
const EQUALS = 61;
const AT = 64;

const isLower = (byte: number): boolean => byte >= 97 && byte <= 122;
const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;
const isBlank = (byte: number): boolean => byte === 32 || byte === 9;
/** `_`, `-`, `*`, `/` besides lower-case letters and digits. */
const isKeyByte = (byte: number): boolean =>
  isLower(byte) || isDigit(byte) || byte === 95 || byte === 45 || byte === 42 || byte === 47;

/** Whether `[start, end)` is a key: `simple-key`, or `tenant@system` (W3C Trace Context 3.3.1.3.1). */
function isKey(bytes: Uint8Array, start: number, end: number): boolean {
  let systemAt = -1;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === AT && systemAt < 0) systemAt = at + 1;
    else if (!isKeyByte(byte)) return false;
  }
  if (systemAt < 0) return end - start >= 1 && end - start <= 256 && isLower(bytes[start]!);
  const tenant = systemAt - 1 - start;
  const system = end - systemAt;
  if (tenant < 1 || tenant > 241 || system < 1 || system > 14) return false;
  return (isLower(bytes[start]!) || isDigit(bytes[start]!)) && isLower(bytes[systemAt]!);
}

/** Whether `[start, end)` is a value: printable ASCII without comma and equals sign, 256 at most (3.3.1.3.2). */
function isValue(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 1 || end - start > 256) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte < 32 || byte > 126 || byte === COMMA || byte === EQUALS) return false;
  }
  return true;
}

function isMember(bytes: Uint8Array, start: number, end: number): boolean {
  const equals = bytes.indexOf(EQUALS, start);
  return equals > start && equals < end && isKey(bytes, start, equals) && isValue(bytes, equals + 1, end);
}

/**
 * Whether `bytes[start, end)` is a tracestate that may be passed on (W3C Trace Context 3.3.1); an invalid one is dropped whole.
 * Empty members are allowed; a repeated key is not looked for, since that takes a table per request and harms nobody.
 */
export function isTracestate(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > TRACESTATE_BYTES_MAX) return false;
  let members = 0;
  let at = start;
  while (at < end) {
    let next = at;
    while (next < end && bytes[next] !== COMMA) next++;
    let from = at;
    let to = next;
    while (from < to && isBlank(bytes[from]!)) from++;
    while (to > from && isBlank(bytes[to - 1]!)) to--;
    if (to > from && (++members > TRACESTATE_MEMBERS_MAX || !isMember(bytes, from, to))) return false;
    at = next + 1;
  }
  return members > 0;
}
