import { FLAG } from "../../model/response-flags.ts";
import { writeSelvedgeId } from "../../telemetry/trace-context.ts";
import type { ProxyContext } from "../context.ts";
import { headBytesOf, type LocalReply, renderLocalReply } from "../exchange/local-reply.ts";
import type { MessageSink } from "../message-sink.ts";
import type { RequestSummary } from "../recorder.ts";

/** Answers a request here. A failure gets an id, which `summary` carries into the record that `why` reads. */
export function sendReply(
  host: ProxyContext,
  out: MessageSink,
  summary: RequestSummary,
  reply: Omit<LocalReply, "id">,
): void {
  summary.idHigh = 0;
  summary.idLow = 0;
  let id = "";
  if (reply.flag !== FLAG.none) {
    summary.idHigh = host.random.word();
    summary.idLow = host.random.word();
    writeSelvedgeId(host.scratch, 0, summary.idHigh, summary.idLow);
    id = host.scratch.toString("latin1", 0, 16);
  }
  const bytes = renderLocalReply({ ...reply, id });
  if (!out.isFramed) {
    out.write(bytes, 0, bytes.length, false);
    return;
  }
  const headBytes = headBytesOf(bytes);
  out.head(bytes, 0, headBytes, headBytes === bytes.length, false);
  if (headBytes === bytes.length) return;
  out.write(bytes, headBytes, bytes.length, false);
  out.finish();
}
