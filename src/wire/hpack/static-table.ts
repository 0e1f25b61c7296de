/** The static table (RFC 7541 appendix A). Index 1 is its first entry. */
import { asciiBytes } from "../http1/byte-classes.ts";

/** Number of entries; the dynamic table begins behind them. */
export const STATIC_ENTRIES = 61;

/** Indices that code refers to by name. Those of a name without a fixed value are its first entry. */
export const STATIC = {
  AUTHORITY: 1,
  METHOD: 2,
  METHOD_GET: 2,
  METHOD_POST: 3,
  PATH: 4,
  PATH_ROOT: 4,
  SCHEME: 6,
  SCHEME_HTTP: 6,
  SCHEME_HTTPS: 7,
  STATUS: 8,
  STATUS_200: 8,
  CONTENT_LENGTH: 28,
} as const;

/** Names and values in order; names without a value have "". */
export const STATIC_FIELDS: readonly (readonly [name: string, value: string])[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  ...["200", "204", "206", "304", "400", "404", "500"].map((status): [string, string] => [":status", status]),
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ...`accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control
content-disposition content-encoding content-language content-length content-location content-range content-type cookie
date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link
location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie
strict-transport-security transfer-encoding user-agent vary via www-authenticate`
    .split(/\s/)
    .map((name): [string, string] => [name, ""]),
];

/** Entry `i` as `name: value` CRLF; position 0 is empty. */
export const STATIC_LINES: readonly Uint8Array[] = [
  new Uint8Array(0),
  ...STATIC_FIELDS.map(([name, value]) => asciiBytes(`${name}: ${value}\r\n`)),
];

/** Length of the name of entry `i`. */
export const STATIC_NAME_BYTES: Uint8Array = Uint8Array.from([0, ...STATIC_FIELDS.map(([name]) => name.length)]);
