/** What an HTTP/1.1 head has and a header list has not: the empty line, and the line for extended CONNECT (RFC 8441 5). */
import type { FieldList } from "../hpack/field-list.ts";
import { asciiBytes } from "../http1/byte-classes.ts";
import { HEADER } from "../http1/head.ts";
import { addLine } from "../http1/header-lines.ts";
import { writeAscii } from "../http1/write-head.ts";

const LINE = asciiBytes("upgrade: websocket\r\n");
const EMPTY_LINE = asciiBytes("\r\n");
const NAME_BYTES = 7;
/** Bytes of the empty line. */
export const EMPTY_LINE_BYTES = EMPTY_LINE.length;

/** Adds `upgrade: websocket` behind the lines of the list and answers its index; -1 when there is no line left. */
export function addUpgradeLine(fields: FieldList): number {
  const line = fields.lines.count;
  if (line >= fields.linesMax) return -1;
  const start = fields.length;
  fields.length = writeAscii(fields.bytes, start, LINE);
  fields.neverIndexed[line] = 0;
  addLine(fields.lines, HEADER.UPGRADE, start, start + NAME_BYTES, start + NAME_BYTES + 2, fields.length - 2);
  return line;
}

/** Puts the empty line behind the lines, without counting it among them; answers the offset behind it, a head's `end`. */
export function endLines(fields: FieldList): number {
  return writeAscii(fields.bytes, fields.length, EMPTY_LINE);
}
