import type { Target } from "../mesh/destination.ts";
import type { Workload } from "../mesh/workload.ts";

/**
 * The line that tells an endpoint who called it, in Envoy's form, by the identity that was proven: from the mesh alone,
 * since whatever a caller sends under this name is removed. Made once per caller and target of a generation.
 */
export function certLine(caller: Workload, target: Target, destination: Workload): Buffer {
  let line = caller.certLines.get(target);
  if (!line) {
    const by = `By=spiffe://${destination.record.principal}`;
    line = Buffer.from(`x-forwarded-client-cert: ${by};URI=spiffe://${caller.record.principal}\r\n`, "latin1");
    caller.certLines.set(target, line);
  }
  return line;
}
