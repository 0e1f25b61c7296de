import type { Trace } from "../authz/explain.ts";
import type { JudgedRequest } from "./judge-request.ts";

/** What a judged request came to, as plain JSON: what `-o json` prints. */
export interface AccessTrace {
  /** Keys of the records. */
  readonly service: string;
  readonly port: number;
  readonly calls: {
    readonly allowed: boolean /** Key of the Workload whose list refused. */;
    readonly workload?: string;
  };
  /** What the policies that target the Service say, where any does. */
  readonly atService?: Trace;
  readonly workloads: readonly WorkloadTrace[];
  /** Some workloads refuse what others let in. */
  readonly isMixed: boolean;
  /** `NR`, `UH`, `NC` or `redirect`, where the request reaches no workload. */
  readonly ends?: string;
}

export interface WorkloadTrace {
  readonly workload: string;
  /** Name of the node that it is reached on, where that is another one. */
  readonly node?: string;
  /** Id of the route rule that leads there; absent for the Service's own endpoints. */
  readonly route?: string;
  readonly allowed: boolean;
  readonly trace: Trace;
}

export function accessTrace(judged: JudgedRequest): AccessTrace {
  const { service, port, calls, callsOf, serviceTrace, ends, isMixed } = judged;
  return {
    service: service.key,
    port: port.port,
    calls: { allowed: calls.allowed, ...(callsOf && { workload: callsOf.key }) },
    ...(serviceTrace && { atService: serviceTrace }),
    workloads: judged.legs.map(({ leg, trace }) => ({
      workload: leg.workload.key,
      ...(leg.endpoint.node !== undefined && { node: leg.endpoint.node }),
      ...(leg.rule && { route: leg.rule.id }),
      allowed: trace.decision.allowed,
      trace,
    })),
    isMixed,
    ...(ends !== undefined && { ends }),
  };
}
