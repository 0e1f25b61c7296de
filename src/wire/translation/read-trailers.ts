/** Trailers by HTTP/2 (RFC 9113 8.1), cut down to what may be passed on, by the rules of the HTTP/1.1 trailer section. */
import type { FieldList } from "../hpack/field-list.ts";
import { PARSE_ERROR } from "../http1/head.ts";
import { judgeTrailer, TRAILER, TRAILER_BYTES_MAX } from "../http1/trailer-section.ts";
import { faultError } from "./fault-error.ts";

/**
 * 0, or a PARSE_ERROR for a malformed message. Afterwards the lines to pass on, each with CRLF, are
 * `fields.bytes[0, fields.length)`; the index of lines is gone.
 */
export function readTrailerFields(fields: FieldList): number {
  if (fields.faults !== 0) return faultError(fields.faults);
  if (fields.pseudoSeen !== 0) return PARSE_ERROR.BAD_PSEUDO_HEADER;
  const { bytes, lines } = fields;
  if (fields.isOversized || fields.length > TRAILER_BYTES_MAX) return PARSE_ERROR.TRAILERS_TOO_LARGE;
  let to = 0;
  for (let line = 0; line < lines.count; line++) {
    const start = lines.nameStart[line]!;
    const end = lines.valueEnd[line]! + 2;
    const verdict = judgeTrailer(bytes, start, lines.nameEnd[line]!);
    if (verdict === TRAILER.REFUSED) return PARSE_ERROR.BAD_TRAILER;
    if (verdict === TRAILER.DROPPED) continue;
    bytes.copyWithin(to, start, end);
    to += end - start;
  }
  fields.length = to;
  lines.count = 0;
  return 0;
}
