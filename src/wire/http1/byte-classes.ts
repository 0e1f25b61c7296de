/**
 * Which bytes may stand where, as 256-entry tables (RFC 9110 5.6.2, RFC 9112 2-5, RFC 3986 3.3-3.4).
 *
 * Looking a byte up costs the same whatever the grammar, and a byte is judged in exactly one place. Entry 0 always means
 * "ends the run or is an error"; the reader of a table looks at the byte itself to tell which.
 */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;

const DIGITS = "0123456789";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const UNRESERVED = `${LETTERS}${DIGITS}-._~`;
const SUB_DELIMS = "!$&'()*+,;=";

function tableOf(characters: string, value: number, base?: Uint8Array): Uint8Array {
  const table = base ?? new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = value;
  return table;
}

/** `TOKEN` entry of a byte that may stand in a token. */
export const TOKEN_PLAIN = 1;
/** `TOKEN` entry of the underscore: a token byte that some servers take for `-`. */
export const TOKEN_UNDERSCORE = 2;
/** RFC 9110 5.6.2 `tchar`: methods, header names, list members. */
export const TOKEN: Uint8Array = tableOf(
  "_",
  TOKEN_UNDERSCORE,
  tableOf(`${DIGITS}${LETTERS}!#$%&'*+-.^\`|~`, TOKEN_PLAIN),
);

/** 1 for a byte that may stand in a field value: VCHAR, SP, HTAB and obs-text (RFC 9110 5.5). */
export const FIELD_VALUE: Uint8Array = (() => {
  const table = new Uint8Array(256).fill(1, SP);
  table[HTAB] = 1;
  table[0x7f] = 0;
  return table;
})();

/** `PATH` entries: an ordinary byte; `/`; `.`, which is ordinary except after a slash; `%`. */
export const PATH_PLAIN = 1;
export const PATH_SLASH = 2;
export const PATH_DOT = 3;
export const PATH_PERCENT = 4;
/** RFC 3986 3.3: the bytes of `path-abempty`. */
export const PATH: Uint8Array = (() => {
  const table = tableOf(`${UNRESERVED}${SUB_DELIMS}:@`, PATH_PLAIN);
  tableOf("/", PATH_SLASH, table);
  tableOf(".", PATH_DOT, table);
  return tableOf("%", PATH_PERCENT, table);
})();

/**
 * 1 for a byte that may stand in a query: RFC 3986 3.4, and besides ``[ ] { } | ^ ` ``, which every browser sends there
 * unescaped and which change neither where a request ends nor which path it names.
 */
export const QUERY: Uint8Array = tableOf(`${UNRESERVED}${SUB_DELIMS}:@/?%[]{}|^\``, 1);

/**
 * 1 for a byte of a host name: letters, digits, `-`, `.`, `_`. RFC 3986 also has sub-delims and percent-encoding there; no
 * name in use has them, and `,` or `%` in a host is how two readers are made to see two hosts.
 */
export const HOST_NAME: Uint8Array = tableOf(`${LETTERS}${DIGITS}-._`, 1);

/** `HEX_VALUE` entry of a byte that is no hexadecimal digit. */
export const NOT_HEX = 255;
/** Value of a hexadecimal digit in either case, else `NOT_HEX`. */
export const HEX_VALUE: Uint8Array = (() => {
  const table = new Uint8Array(256).fill(NOT_HEX);
  for (let value = 0; value < 16; value++) {
    const digit = value.toString(16);
    table[digit.charCodeAt(0)] = value;
    table[digit.toUpperCase().charCodeAt(0)] = value;
  }
  return table;
})();

/** True for the optional whitespace around values and list members (RFC 9110 5.6.3). */
export function isWhitespace(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

/** The bytes of an ASCII constant. Throws a RangeError on anything else: meant for literals, at module load. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) throw new RangeError("not ASCII");
    bytes[i] = code;
  }
  return bytes;
}

/**
 * True when `buf[start, end)` is `lower` in any mix of case. `lower` must be lower-case letters, digits and `-` only, and
 * the range must hold no control bytes: setting bit 5 then maps no foreign byte onto one of these.
 */
export function equalsIgnoringCase(buf: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const length = lower.length;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) {
    if ((buf[start + i]! | 0x20) !== lower[i]!) return false;
  }
  return true;
}
