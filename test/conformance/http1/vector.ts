/** The shape of a hostile vector, and short words to write many of them. */

/** The numbers of the bug classes the vectors are sorted by. */
export const CLASSES = {
  7: "slow and unfinished messages",
  8: "sizes and counts",
  9: "ambiguous framing",
  10: "control bytes, names and values",
  11: "what a downgrade from HTTP/2 leaves",
  12: "upgrade and CONNECT",
  13: "responses out of step",
  14: "paths in disguise",
  15: "host confusion",
  16: "several values, one policy",
  17: "underscores and nominated headers",
  18: "forged identity headers",
  19: "request line",
} as const;

export type VectorClass = keyof typeof CLASSES;

/** What is forwarded of a request; fields that a verdict leaves out do not matter to it. */
export interface Forwarded {
  readonly method: string;
  readonly authority: string;
  /** Normalised; `*` and `` for the forms that have none. */
  readonly path: string;
  readonly query: string;
  readonly body: string;
  /** `name: value` lines that are passed on, names lower case, in order; Host and framing are not among them. */
  readonly headers: readonly string[];
  readonly trailers: string;
  readonly isUpgrade: boolean;
  readonly expectsContinue: boolean;
}

/** What became of the bytes behind the last complete request: none left, an unfinished message, a tunnel's bytes, or a refusal. */
export type End = "complete" | "wait" | "tunnel" | number;

export type RequestVerdict =
  | { readonly refuse: number }
  | { readonly wait: true }
  | { readonly accept: Partial<Forwarded>; readonly requests: number; readonly end: End };

export interface RequestVector {
  readonly id: string;
  readonly class: VectorClass;
  /** One character per byte. */
  readonly bytes: string;
  readonly verdict: RequestVerdict;
}

/** What a response comes to: refused (502), or its status, its body and how many bytes stand behind it that nobody asked for. */
export type ResponseVerdict =
  | { readonly refuse: 502 }
  | { readonly wait: true }
  | { readonly status: number; readonly body: string; readonly extraBytes: number };

export interface ResponseVector {
  readonly id: string;
  readonly class: VectorClass;
  readonly requestMethod: string;
  readonly bytes: string;
  readonly verdict: ResponseVerdict;
}

/** A row of a vector table: id, bytes, verdict. */
export type RequestRow = readonly [id: string, bytes: string, verdict: RequestVerdict];
export type ResponseRow = readonly [id: string, requestMethod: string, bytes: string, verdict: ResponseVerdict];

export function refuse(status: number): RequestVerdict {
  return { refuse: status };
}

export const WAIT = { wait: true } as const;
export const BAD = { refuse: 502 } as const;

export function accept(forwarded: Partial<Forwarded>, requests = 1, end: End = "complete"): RequestVerdict {
  return { accept: forwarded, requests, end };
}

/** A head from its lines: CRLF after each, and the empty line. */
export function head(...lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A GET for `/` with these header lines after Host. */
export function get(...lines: readonly string[]): string {
  return head("GET / HTTP/1.1", "Host: shop", ...lines);
}

/** A POST with these header lines after Host, and what follows the head. */
export function post(lines: readonly string[], body: string): string {
  return head("POST / HTTP/1.1", "Host: shop", ...lines) + body;
}

/** A chunked POST with these bytes for a body. */
export function chunked(body: string): string {
  return post(["Transfer-Encoding: chunked"], body);
}

/** A request that somebody wants to be taken for one of its own. */
export const SMUGGLED: string = head("GET /smuggled HTTP/1.1", "Host: shop");

/** Gives rows their class. */
export function requestVectors(vectorClass: VectorClass, rows: readonly RequestRow[]): RequestVector[] {
  return rows.map(([id, bytes, verdict]) => ({ id, class: vectorClass, bytes, verdict }));
}

/** Gives rows their class. */
export function responseVectors(vectorClass: VectorClass, rows: readonly ResponseRow[]): ResponseVector[] {
  return rows.map(([id, requestMethod, bytes, verdict]) => ({
    id,
    class: vectorClass,
    requestMethod,
    bytes,
    verdict,
  }));
}
