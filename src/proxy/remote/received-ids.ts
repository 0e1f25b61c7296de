import { IDS_BYTES, IdSeries, readIdNumber } from "../../telemetry/id-series.ts";
import { REQUEST_ID_BYTES, TRACEPARENT_BYTES } from "../../telemetry/trace-context.ts";
import { asciiBytes } from "../../wire/http1/byte-classes.ts";
import { HEADER, METHOD, type RequestHead } from "../../wire/http1/head.ts";
import { addLine } from "../../wire/http1/header-lines.ts";
import { writeAscii } from "../../wire/http1/write-head.ts";

const CRLF = asciiBytes("\r\n");
const TRACEPARENT = asciiBytes("traceparent: ");
const REQUEST_ID = asciiBytes("x-request-id: ");
/** What the written lines take, the end of the head included. */
const LINES_BYTES = TRACEPARENT.length + REQUEST_ID.length + IDS_BYTES + 3 * CRLF.length;

/** Works out the ids that the other node of one tunnel has only given a number. */
export class ReceivedIds {
  /** The last one, most of the time that of the next request too. */
  #series: IdSeries | null = null;

  /**
   * Adds to `head` the lines `traceparent` and `x-request-id` that the lines `seriesLine` and `numberLine` stand for, as if they
   * had come last. Adds nothing to a head that has one of them, to one that asks for a tunnel, behind which there are other bytes,
   * or where a line is none of ours: such a request gets new ids, like any without.
   *
   * @param bytes of the head; what stands behind it is overwritten.
   */
  writeOut(head: RequestHead, bytes: Buffer, seriesLine: number, numberLine: number): void {
    const { lines } = head;
    if (head.upgradeLine >= 0 || head.method === METHOD.CONNECT || hasIds(head)) return;
    const start = head.end - CRLF.length;
    if (lines.count + 2 > lines.kind.length || start + LINES_BYTES > bytes.length) return;
    const number = readIdNumber(bytes, lines.valueStart[numberLine]!, lines.valueEnd[numberLine]!);
    const series = this.#seriesAt(bytes, lines.valueStart[seriesLine]!, lines.valueEnd[seriesLine]!);
    if (number < 0 || series === null) return;
    const traceAt = writeAscii(bytes, start, TRACEPARENT);
    const traceEnd = traceAt + TRACEPARENT_BYTES;
    const idLine = writeAscii(bytes, traceEnd, CRLF);
    const idAt = writeAscii(bytes, idLine, REQUEST_ID);
    const idEnd = idAt + REQUEST_ID_BYTES;
    series.write(number, bytes, traceAt, idAt);
    addLine(lines, HEADER.TRACEPARENT, start, traceAt - 2, traceAt, traceEnd);
    addLine(lines, HEADER.REQUEST_ID, idLine, idAt - 2, idAt, idEnd);
    head.end = writeAscii(bytes, writeAscii(bytes, idEnd, CRLF), CRLF);
  }

  #seriesAt(bytes: Buffer, start: number, end: number): IdSeries | null {
    if (this.#series?.isNamed(bytes, start, end)) return this.#series;
    const series = IdSeries.read(bytes, start, end);
    if (series !== null) this.#series = series;
    return series;
  }
}

function hasIds({ lines: { count, kind } }: RequestHead): boolean {
  for (let i = 0; i < count; i++) if (kind[i] === HEADER.TRACEPARENT || kind[i] === HEADER.REQUEST_ID) return true;
  return false;
}
