/** Which workloads stand behind a Service's port, and where. */
import type { DocumentOf, ServicePort } from "../../../model/documents.ts";
import { workloadKey } from "../../../model/names.ts";
import type { EndpointRecord } from "../../../model/snapshot.ts";
import { qualifiedName } from "./document-set.ts";
import type { Report } from "./report.ts";
import type { CompiledSite } from "./site.ts";
import { nodeOf } from "./workloads.ts";

type Workload = DocumentOf<"Workload">;
type Service = DocumentOf<"Service">;

/** Workloads by label, so that ten thousand Services do not each look at ten thousand workloads. */
export class WorkloadIndex {
  /** By `namespace key=value`. */
  readonly #byLabel = new Map<string, Workload[]>();
  readonly #byNamespace = new Map<string, Workload[]>();

  constructor(workloads: readonly Workload[]) {
    for (const workload of workloads) {
      const { namespace, labels } = workload.metadata;
      push(this.#byNamespace, namespace, workload);
      for (const [key, value] of Object.entries(labels)) push(this.#byLabel, `${namespace} ${key}=${value}`, workload);
    }
  }

  /** Workloads of the Service's namespace that have all labels of its selector; none for a Service without selector. */
  behind(service: Service): readonly Workload[] {
    const { selector } = service.spec;
    if (selector === undefined) return [];
    const { namespace } = service.metadata;
    const [first, ...others] = Object.entries(selector);
    if (first === undefined) return this.#byNamespace.get(namespace) ?? [];
    const candidates = this.#byLabel.get(`${namespace} ${first[0]}=${first[1]}`) ?? [];
    return candidates.filter(({ metadata }) => others.every(([key, value]) => metadata.labels[key] === value));
  }
}

/** Endpoints of one port: every selected workload that has an address. */
export function compileEndpoints(
  service: Service,
  portIndex: number,
  workloads: readonly Workload[],
  site: CompiledSite,
  report: Report,
): EndpointRecord[] {
  const port = service.spec.ports[portIndex]!;
  const endpoints: EndpointRecord[] = [];
  for (const workload of workloads) {
    const { address } = workload.spec;
    if (address === undefined) continue;
    const key = workloadKey(workload.metadata.namespace, workload.metadata.name);
    const isUnix = address.startsWith("unix:");
    const number = isUnix ? 0 : targetNumber(service, port, portIndex, workload, report);
    if (number === undefined) continue;
    const where = isUnix ? { unix: address.slice("unix:".length) } : { hostname: address, port: number };
    for (const node of placesOf(workload, site)) {
      endpoints.push({ workload: key, ...(node === site.record.node ? {} : { node }), ...where });
    }
  }
  return endpoints;
}

/** The nodes that a workload is reached on, this one first. Behind `nodes: all` stand those that can be reached at all. */
function placesOf(workload: Workload, site: CompiledSite): readonly string[] {
  const { node } = site.record;
  if (workload.spec.node !== "all") return [nodeOf(workload, site)];
  return [node, ...[...site.reachable].filter((other) => other !== node).sort()];
}

/** The number that a Service's port comes to at a workload; `undefined` where the workload has no port of that name. */
export function targetNumberOf({ targetPort }: ServicePort, { spec }: Workload): number | undefined {
  if (typeof targetPort === "number") return targetPort;
  return Object.hasOwn(spec.ports, targetPort) ? spec.ports[targetPort] : undefined;
}

function targetNumber(
  service: Service,
  port: ServicePort,
  portIndex: number,
  workload: Workload,
  report: Report,
): number | undefined {
  const { ports } = workload.spec;
  const path = ["spec", "ports", portIndex, "targetPort"];
  const { targetPort } = port;
  if (typeof targetPort === "string") {
    const number = targetNumberOf(port, workload);
    if (number !== undefined) return number;
    const message = `Service ${qualifiedName(service)} targets port ${JSON.stringify(targetPort)}, which Workload ${qualifiedName(workload)} does not have`;
    report.add(
      service,
      path,
      "SV1007",
      message,
      report.didYouMean(targetPort, () => Object.keys(ports)),
    );
    return undefined;
  }
  const known = Object.entries(ports);
  if (known.length > 0 && !known.some(([, number]) => number === targetPort)) {
    const list = known.map(([name, number]) => `${name}: ${number}`).join(", ");
    const message = `Service ${qualifiedName(service)} targets port ${targetPort}, but Workload ${qualifiedName(workload)} has { ${list} }`;
    report.add(service, path, "SV1008", message, `write targetPort: ${known[0]![0]}`);
  }
  return targetPort;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
