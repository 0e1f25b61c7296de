import { FLAG } from "../../model/response-flags.ts";
import type { HeaderLine } from "../../model/route/header-edits.ts";
import { writeSelvedgeId } from "../../telemetry/trace-context.ts";
import { renderLocalReply } from "../exchange/local-reply.ts";
import type { RequestSummary } from "../recorder.ts";
import type { Connection } from "./connection.ts";

/** Answers a request here. A failure gets an id, which `summary` carries into the record that `why` reads. */
export function sendReply(
  connection: Connection,
  summary: RequestSummary,
  status: number,
  flag: number,
  closes: boolean,
  isHead: boolean,
  lines: readonly HeaderLine[],
): void {
  const { host, out } = connection;
  summary.idHigh = 0;
  summary.idLow = 0;
  let id = "";
  if (flag !== FLAG.none) {
    summary.idHigh = host.random.word();
    summary.idLow = host.random.word();
    writeSelvedgeId(host.scratch, 0, summary.idHigh, summary.idLow);
    id = host.scratch.toString("latin1", 0, 16);
  }
  const bytes = renderLocalReply({ status, flag, id, closes, isHead, lines });
  out.write(bytes, 0, bytes.length, false);
}
