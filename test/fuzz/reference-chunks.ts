/** The chunked coding once more, as one plain pass over the whole text: what the decoder is compared with. */

export interface ReferenceChunks {
  readonly outcome: "done" | "wait" | "error";
  readonly body: string;
  readonly trailers: string;
  /** Offset behind the body where `done`. */
  readonly end: number;
}

const SIZE_LINE = /^[0-9A-Fa-f]{1,8}\r\n/;
/** A size line of which the end is missing. */
const SIZE_LINE_OPEN = /^(?:[0-9A-Fa-f]{0,8}|[0-9A-Fa-f]{1,8}\r)$/;
const TRAILER_LINE = /^([!#$%&'*+.^`|~0-9A-Za-z-]+):[\t -~\x80-\xff]*\r\n/;
const TRAILER_LINE_OPEN = /^(?:[!#$%&'*+.^`|~0-9A-Za-z_-]*|[!#$%&'*+.^`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r?|\r)$/;
const REFUSED =
  /^(host|content-length|transfer-encoding|connection|forwarded|x-real-ip|x-forwarded-.*|x-selvedge-.*)$/i;
const DROPPED = /^(cookie|te|trailer|date|server|upgrade|expect|authorization)$/i;

function unfinished(isOpen: boolean): ReferenceChunks {
  return { outcome: isOpen ? "wait" : "error", body: "", trailers: "", end: 0 };
}

/** Knows the fields that the properties generate, not every field there is. Trailers over the bound are not looked at. */
export function referenceChunks(text: string): ReferenceChunks {
  let body = "";
  let at = 0;
  for (;;) {
    const rest = text.slice(at);
    const line = SIZE_LINE.exec(rest)?.[0];
    if (line === undefined) return unfinished(SIZE_LINE_OPEN.test(rest));
    const size = Number.parseInt(line, 16);
    at += line.length;
    if (size === 0) break;
    body += text.slice(at, at + size);
    at += size;
    const end = text.slice(at, at + 2);
    if (end !== "\r\n") return unfinished(at > text.length || end === "" || end === "\r");
    at += 2;
  }
  return referenceTrailers(text, at, body);
}

function referenceTrailers(text: string, start: number, body: string): ReferenceChunks {
  let trailers = "";
  let at = start;
  for (;;) {
    const rest = text.slice(at);
    if (rest.startsWith("\r\n")) return { outcome: "done", body, trailers, end: at + 2 };
    const line = TRAILER_LINE.exec(rest);
    if (line === null) return unfinished(TRAILER_LINE_OPEN.test(rest));
    if (REFUSED.test(line[1]!)) return unfinished(false);
    if (!DROPPED.test(line[1]!)) trailers += line[0];
    at += line[0].length;
  }
}
