/**
 * The index of offsets that parsing an HTTP/1.1 head fills in. One instance per connection side, reused for every message;
 * nothing here holds on to bytes. Strings are made by the reader, and only where a rule needs one.
 */

/** Most header lines a head may have; one more is 431. Reason: twice what browsers behind two proxies send. */
export const HEADER_LINES_MAX = 128;

/** Most bytes of a head including its empty line; more is 431. */
export const HEAD_BYTES_MAX = 32 * 1024;

/** Most bytes of a request target; more is 414. */
export const TARGET_BYTES_MAX = 8 * 1024;

/** Header lines the proxy has a use for; everything else is `OTHER`. Position = id. */
export const HEADER = {
  OTHER: 0,
  HOST: 1,
  CONTENT_LENGTH: 2,
  TRANSFER_ENCODING: 3,
  CONNECTION: 4,
  /** keep-alive, proxy-connection, te, trailer: hop-by-hop without meaning to us. */
  HOP_BY_HOP: 5,
  UPGRADE: 6,
  EXPECT: 7,
  /** proxy-authenticate, proxy-authorization. */
  PROXY_AUTH: 8,
  /** x-forwarded-for. */
  FORWARDED_FOR: 9,
  /** x-forwarded-{host,proto,port,...}, forwarded, x-real-ip, x-forwarded-client-cert, x-selvedge-*: owned by the mesh. */
  MESH_OWNED: 10,
  TRACEPARENT: 11,
  TRACESTATE: 12,
  REQUEST_ID: 13,
  ORIGIN: 14,
  ACCESS_CONTROL_REQUEST_METHOD: 15,
  DATE: 16,
  SERVER: 17,
} as const;

/** How a message's body is delimited. */
export const BODY = {
  NONE: 0,
  LENGTH: 1,
  CHUNKED: 2,
  /** Responses only: until the connection closes. */
  UNTIL_CLOSE: 3,
} as const;

/** Form of a request target (RFC 9112 3.2). */
export const FORM = { ORIGIN: 0, ABSOLUTE: 1, AUTHORITY: 2, ASTERISK: 3 } as const;

/** Known methods; `OTHER` is a valid token that has no name here. */
export const METHODS = [
  "OTHER",
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
] as const;
export const METHOD = {
  OTHER: 0,
  GET: 1,
  HEAD: 2,
  POST: 3,
  PUT: 4,
  DELETE: 5,
  CONNECT: 6,
  OPTIONS: 7,
  TRACE: 8,
  PATCH: 9,
} as const;

/** Lines shared by both kinds of head. Offsets are absolute in the buffer that was parsed. */
export class HeaderLines {
  count = 0;
  readonly kind: Uint8Array;
  readonly nameStart: Int32Array;
  readonly nameEnd: Int32Array;
  /** Value without leading and trailing whitespace. */
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  /** 1 where a `Connection` header names this line, so that it must not be forwarded. Owned lines are never marked. */
  readonly nominated: Uint8Array;
  /** How many lines are nominated: 0 almost always, so that readers need not look. */
  nominatedCount = 0;
  /** Index of the first line of a kind, -1 where there is none. */
  hostLine = -1;
  contentLengthLine = -1;
  transferEncodingLine = -1;
  connectionLine = -1;
  upgradeLine = -1;
  expectLine = -1;
  /** Bit `1 << kind` where a kind up to EXPECT came on more than one line. */
  repeatedKinds = 0;

  /** @param linesMax most lines that there is room for. */
  constructor(linesMax: number = HEADER_LINES_MAX) {
    this.kind = new Uint8Array(linesMax);
    this.nameStart = new Int32Array(linesMax);
    this.nameEnd = new Int32Array(linesMax);
    this.valueStart = new Int32Array(linesMax);
    this.valueEnd = new Int32Array(linesMax);
    this.nominated = new Uint8Array(linesMax);
  }
}

/** True when more than one line of `kind` (one of HEADER up to EXPECT) was read. */
export function isRepeatedKind(lines: HeaderLines, kind: number): boolean {
  return (lines.repeatedKinds & (1 << kind)) !== 0;
}

export class RequestHead {
  readonly lines: HeaderLines;
  /** One of METHOD. */
  method = 0;
  methodStart = 0;
  methodEnd = 0;
  /** One of FORM. */
  form = 0;
  targetStart = 0;
  targetEnd = 0;
  /** The path inside the target: without scheme, authority, query. Empty for AUTHORITY. */
  pathStart = 0;
  pathEnd = 0;
  /** The query without `?`; start = end where there is none, -1 where there is no question mark either. */
  queryStart = 0;
  queryEnd = 0;
  /** False when the path has a `%`, `//`, a dot segment or anything else that normalising would change or refuse. */
  isPathPlain = true;
  /** 10 or 11; 20 where it came by HTTP/2. */
  version = 11;
  /** The authority the request is for (absolute form, CONNECT target, else Host), including `:port`; empty where HTTP/1.0 sent none. */
  authorityStart = 0;
  authorityEnd = 0;
  /** NONE, LENGTH or CHUNKED. */
  body = 0;
  contentLength = 0;
  /** True when the connection may be used for another request after this one. */
  isKeepAlive = true;
  expectsContinue = false;
  /** Line index of an `Upgrade` that `Connection: upgrade` confirms, else -1. */
  upgradeLine = -1;
  /** First byte after the head. */
  end = 0;

  /** @param linesMax as of `HeaderLines`. */
  constructor(linesMax?: number) {
    this.lines = new HeaderLines(linesMax);
  }
}

export class ResponseHead {
  readonly lines: HeaderLines;
  status = 0;
  /** As in RequestHead. */
  version = 11;
  reasonStart = 0;
  reasonEnd = 0;
  body = 0;
  contentLength = 0;
  /** Value of `Content-Length` or -1; also where there is no body (HEAD, 304), so that it can be passed on. */
  declaredLength = -1;
  isKeepAlive = true;
  /** As in RequestHead, on a 101 only. */
  upgradeLine = -1;
  end = 0;

  /** @param linesMax as of `HeaderLines`. */
  constructor(linesMax?: number) {
    this.lines = new HeaderLines(linesMax);
  }
}

/** Answers of the head parsers besides a positive end offset. */
export const NEED_MORE = 0;

/**
 * Why a message was refused. Negative, so that a parser answers with one number. `status` is what a client is told
 * (for a response: always 502 with flag UPE).
 */
export const PARSE_ERROR = {
  BAD_REQUEST_LINE: -1,
  BAD_METHOD: -2,
  BAD_TARGET: -3,
  TARGET_TOO_LONG: -4,
  BAD_VERSION: -5,
  UNSUPPORTED_VERSION: -6,
  BAD_HEADER_NAME: -7,
  BAD_HEADER_VALUE: -8,
  BARE_CR: -9,
  BARE_LF: -10,
  OBS_FOLD: -11,
  SPACE_BEFORE_COLON: -12,
  HEAD_TOO_LARGE: -13,
  TOO_MANY_HEADERS: -14,
  MISSING_HOST: -15,
  DUPLICATE_HOST: -16,
  BAD_HOST: -17,
  HOST_MISMATCH: -18,
  BAD_CONTENT_LENGTH: -19,
  DUPLICATE_CONTENT_LENGTH: -20,
  LENGTH_AND_CHUNKED: -21,
  BAD_TRANSFER_ENCODING: -22,
  UNKNOWN_TRANSFER_CODING: -23,
  TRANSFER_ENCODING_IN_1_0: -24,
  BAD_CONNECTION: -25,
  BAD_UPGRADE: -26,
  BAD_EXPECT: -27,
  BAD_STATUS_LINE: -28,
  BAD_CHUNK_SIZE: -29,
  CHUNK_EXTENSION: -30,
  BAD_CHUNK_END: -31,
  BAD_TRAILER: -32,
  TRAILERS_TOO_LARGE: -33,
  BODY_NOT_ALLOWED: -34,
  UNDERSCORE_IN_NAME: -35,
  /** HTTP/2: a pseudo-header field is missing, repeated, misplaced, unknown or not for this kind of message. */
  BAD_PSEUDO_HEADER: -36,
  /** HTTP/2: the content is not as long as Content-Length says. */
  LENGTH_MISMATCH: -37,
} as const;

export type ParseError = (typeof PARSE_ERROR)[keyof typeof PARSE_ERROR];
