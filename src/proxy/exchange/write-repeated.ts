import type { RandomPool } from "../../telemetry/random-pool.ts";
import { TRACEPARENT_BYTES, writeRequestId, writeTraceparent } from "../../telemetry/trace-context.ts";
import type { RequestHead } from "../../wire/http1/head.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { takeNumber, writeRequestHead } from "./request-head.ts";

/**
 * Writes the head of a request that repeats the one before it: what was written for that, with ids of its own. The first time
 * it is written out, and kept.
 */
export function writeRepeatedHead(
  into: Buffer,
  bytes: Buffer,
  head: RequestHead,
  plan: ForwardPlan,
  pool: RandomPool,
): number {
  const { template, headPlan } = plan;
  if (!template) {
    const end = writeRequestHead(into, 0, bytes, head, headPlan, pool);
    if (end > 0) {
      plan.template = Buffer.allocUnsafeSlow(end);
      into.copy(plan.template, 0, 0, end);
    }
    return end;
  }
  template.copy(into, 0, 0, template.length);
  if (headPlan.series !== null) {
    const { series } = headPlan;
    takeNumber(into, headPlan, pool);
    // The next ones are of the new series too.
    if (headPlan.series !== series) into.copy(template, 0, 0, template.length);
    return template.length;
  }
  const { generated } = headPlan;
  if (headPlan.traceparentAt < 0) {
    writeTraceparent(generated, 0, pool);
    generated.copy(into, headPlan.writtenTraceparentAt, 0, TRACEPARENT_BYTES);
  }
  if (headPlan.requestIdStart < 0) {
    writeRequestId(generated, TRACEPARENT_BYTES, pool);
    generated.copy(into, headPlan.writtenRequestIdAt, TRACEPARENT_BYTES, generated.length);
  }
  return template.length;
}
