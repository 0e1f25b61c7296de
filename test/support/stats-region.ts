/** Edges for tests that write or read a stats region. */
import type { EdgeLabels } from "../../src/telemetry/edge-labels.ts";
import { REGION_BYTES } from "../../src/telemetry/layout.ts";

const peer = (name: string) => ({
  workload: name,
  namespace: "prod",
  principal: `site.example/ns/prod/sa/${name}`,
  app: name,
  version: "v1",
});

/** An edge between two workloads of `prod`; `over` replaces top-level fields. */
export function edgeLabels(source: string, destination: string, over: Partial<EdgeLabels> = {}): EdgeLabels {
  return {
    key: `${source}>${destination}`,
    reporter: "both",
    source: peer(source),
    destination: {
      ...peer(destination),
      service: `${destination}.prod.svc.cluster.local`,
      serviceName: destination,
      serviceNamespace: "prod",
    },
    protocol: "http",
    security: "none",
    ...over,
  };
}

/** Memory for one region. */
export function freshRegion(): Uint8Array {
  return new Uint8Array(REGION_BYTES);
}
