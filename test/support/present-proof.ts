/** Shows a tunnel's other end a proof that an honest worker would not send. */
import type { StreamOwner } from "../../src/proxy/http2/link-stream.ts";
import { controlHead, PROOF_PATH } from "../../src/proxy/tunnel/control-request.ts";
import type { TunnelLink } from "../../src/proxy/tunnel/tunnel-link.ts";

/** What came back: the status, 0 where the stream was reset, and the handle that it would be. */
export interface Presented {
  readonly status: number;
  readonly handle: number;
}

/** Sends these bytes as the proof of a workload. @param workload key of the WorkloadRecord. */
export function presentProof(on: TunnelLink, proof: Uint8Array, workload: string): Promise<Presented> {
  const { promise, resolve } = Promise.withResolvers<Presented>();
  const owner: StreamOwner = {
    onStreamHead: () => resolve({ status: on.link.host.heads.response.status, handle: stream?.stream?.id ?? 0 }),
    onStreamData: () => undefined,
    onStreamTrailers: () => undefined,
    onStreamReset: () => resolve({ status: 0, handle: 0 }),
    onStreamDrained: () => undefined,
  };
  const stream = on.openStream(owner);
  const head = controlHead(PROOF_PATH, proof.length, workload);
  stream?.head(head, 0, head.length, false, false);
  stream?.write(proof, 0, proof.length, false);
  stream?.finish();
  return promise;
}
