import { isPermissive } from "../../model/mtls-mode.ts";
import type { ListenerRecord } from "../../model/snapshot.ts";
import { type DestinationContext, type Service, ServicePort } from "./destination.ts";

interface InboundContext extends DestinationContext {
  service(key: string): Service | undefined;
}

/** See `Mesh.inboundPort`, which remembers the answer for a generation. */
export function inboundPort(record: ListenerRecord, context: InboundContext): ServicePort | null {
  const service = context.service(record.service ?? "");
  const port = service?.record.ports.find((candidate) => candidate.port === record.servicePort);
  const workload = context.workload(record.workload ?? "");
  // Asked of the workload too: a connection outlives the listener that it came in by.
  if (!service || !port || !workload || !isPermissive(workload.record, record.port)) return null;
  const endpoints = port.endpoints.filter(
    (endpoint) => endpoint.workload === workload.key && endpoint.node === undefined && endpoint.port === record.port,
  );
  return new ServicePort(service, { ...port, endpoints, routes: null }, context);
}
