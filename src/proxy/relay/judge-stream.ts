import { checkCalls } from "../../model/authz/calls.ts";
import type { Denied } from "../../model/authz/decision.ts";
import { authorizeConnection, type Permit } from "../../model/authz/permit.ts";
import { FLAG } from "../../model/response-flags.ts";
import type { Rule } from "../../model/route/rule.ts";
import type { CallerIdentity } from "../caller.ts";
import type { Destination, ServicePort, Target } from "../mesh/destination.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { pickTarget } from "../upstream/pick-target.ts";

/** What a raw stream comes to. */
export interface StreamVerdict {
  readonly target: Target | null;
  readonly destination: Destination;
  readonly permit: Permit | null;
  readonly denial: Denied | null;
  readonly rule: Rule | null;
  /** Position in RESPONSE_FLAGS; 0 = go on. */
  readonly flag: number;
  readonly reason: string;
}

/** Route, backend, authorisation and endpoint of a raw stream, in this order. */
export function judgeStream(
  mesh: Mesh,
  caller: CallerIdentity,
  destination: Destination,
  nowMs: number,
  random: () => number,
): StreamVerdict {
  const none = { target: null, destination, permit: null, denial: null, rule: null };
  if (destination.kind === "external") return judged(mesh, caller, destination, destination, null, nowMs, random);
  const rule = destination.tcpRoutes?.match(caller.facts.namespace);
  if (rule === undefined) return judged(mesh, caller, destination, destination, null, nowMs, random);
  if (rule === null) return { ...none, flag: FLAG.NR, reason: "the routes of the port have no rule" };
  const backend = rule.backends[rule.split.next()];
  const port = backend?.service ? mesh.service(backend.service)?.portFor(backend.port) : null;
  if (!port) return { ...none, rule, flag: FLAG.NC, reason: backend?.reason ?? "the rule has no backend" };
  return judged(mesh, caller, destination, port, rule, nowMs, random);
}

function judged(
  mesh: Mesh,
  caller: CallerIdentity,
  parent: Destination,
  port: Destination,
  rule: Rule | null,
  nowMs: number,
  random: () => number,
): StreamVerdict {
  const target = pickTarget(port.targets, nowMs, random);
  const verdict = permits(mesh, caller, parent, target ?? port.targets[0] ?? null);
  const found = { target, destination: port, rule };
  if (!verdict.allowed) {
    const flag = verdict.reason === "calls" ? FLAG.CALLS : FLAG.RBAC;
    return { ...found, permit: null, denial: verdict, flag, reason: verdict.reason };
  }
  if (!target)
    return { ...found, permit: verdict, denial: null, flag: FLAG.UH, reason: "no endpoint takes connections" };
  return { ...found, permit: verdict, denial: null, flag: FLAG.none, reason: "" };
}

/** Whether a caller may have a stream to a target, having asked for `parent`. Asked again under every snapshot. */
export function permits(
  mesh: Mesh,
  caller: CallerIdentity,
  parent: Destination,
  target: Target | null,
): Permit | Denied {
  const isService = parent.kind === "service";
  const hostPort = isService ? undefined : `${parent.host}:${parent.port}`;
  const serviceKey = isService ? parent.service.record.key : parent.record?.key;
  const isNobody = caller.facts.workload === undefined && mesh.site.defaultAction === "deny";
  const policies = isService ? parent.service.policies : parent.policies;
  const outside = isNobody && !policies ? mesh.denyByDefault : null;
  return authorizeConnection({
    calls: checkCalls(caller.workload.record.calls, { serviceKey, hostPort }),
    service: policies ?? undefined,
    workload: isService ? (target?.policies ?? null) : outside,
    asReceived: { caller: caller.facts, destinationPort: portNumber(parent), destinationIp: "" },
    asForwarded: {
      caller: caller.facts,
      destinationPort: target?.endpoint.port ?? portNumber(parent),
      destinationIp: target?.endpoint.hostname ?? "",
    },
  });
}

function portNumber(destination: Destination): number {
  return destination.kind === "service" ? (destination as ServicePort).record.port : destination.port;
}
