import { checkCalls } from "../../model/authz/calls.ts";
import type { Denied } from "../../model/authz/decision.ts";
import { authorizeConnection, type Permit } from "../../model/authz/permit.ts";
import { FLAG } from "../../model/response-flags.ts";
import type { Rule } from "../../model/route/rule.ts";
import type { CallerIdentity } from "../caller.ts";
import type { Destination, ServicePort, Target } from "../mesh/destination.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { occurrenceOf, type Pin, pinnedBackend } from "../pin/pin.ts";
import { pickTarget } from "../upstream/pick-target.ts";

/** What a raw stream comes to. */
export interface StreamVerdict {
  readonly target: Target | null;
  readonly destination: Destination;
  readonly permit: Permit | null;
  readonly denial: Denied | null;
  readonly rule: Rule | null;
  /** Which of the rule's backends with this Service and port, see `PinText`. */
  readonly occurrence: number;
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
  const pick = (port: Destination): Target | null => pickTarget(open(caller, port), nowMs, random);
  if (destination.kind === "external")
    return judged(mesh, caller, destination, destination, null, 0, pick(destination));
  const rule = destination.tcpRoutes?.match(caller.facts.namespace);
  if (rule === undefined) return judged(mesh, caller, destination, destination, null, 0, pick(destination));
  if (rule === null) return refused(destination, null, FLAG.NR, "the routes of the port have no rule");
  const at = rule.split.next();
  const backend = rule.backends[at];
  const port = backend?.service ? mesh.service(backend.service)?.portFor(backend.port) : null;
  if (!port) return refused(destination, rule, FLAG.NC, backend?.reason ?? "the rule has no backend");
  return judged(mesh, caller, destination, port, rule, occurrenceOf(rule.backends, backend!), pick(port));
}

/** The same where another node has chosen: its choice must be one that the documents of this node allow. */
export function judgePinnedStream(mesh: Mesh, caller: CallerIdentity, pin: Pin): StreamVerdict {
  const { parent, port, target } = pin;
  if (!parent?.isTcp) return refused(port, null, FLAG.UH, DISAGREE);
  const rule = parent.tcpRoutes?.match(caller.facts.namespace);
  const isThere = rule === undefined ? port === parent : rule !== null && pinnedBackend(pin, rule.backends) >= 0;
  if (!isThere) return refused(port, rule ?? null, FLAG.UH, DISAGREE);
  const verdict = judged(mesh, caller, parent, port, rule ?? null, pin.occurrence, target);
  if (verdict.denial || !target.isDrained) return verdict;
  return { ...verdict, target: null, flag: FLAG.UH, reason: "the endpoint takes no new connections" };
}

const DISAGREE = "the nodes' documents disagree";

function refused(destination: Destination, rule: Rule | null, flag: number, reason: string): StreamVerdict {
  return { target: null, destination, permit: null, denial: null, rule, occurrence: 0, flag, reason };
}

/** Another node must know whom it serves. */
function open(caller: CallerIdentity, port: Destination): readonly Target[] {
  return port.kind === "service" && caller.facts.workload === undefined ? port.localTargets : port.targets;
}

function judged(
  mesh: Mesh,
  caller: CallerIdentity,
  parent: Destination,
  port: Destination,
  rule: Rule | null,
  occurrence: number,
  target: Target | null,
): StreamVerdict {
  const verdict = permits(mesh, caller, parent, target ?? port.targets[0] ?? null);
  const found = { target, destination: port, rule, occurrence };
  if (!verdict.allowed) {
    const flag = verdict.reason === "calls" ? FLAG.CALLS : FLAG.RBAC;
    return { ...found, permit: null, denial: verdict, flag, reason: verdict.reason };
  }
  if (!target && open(caller, port).length < port.targets.length) {
    const reason = "a caller without identity cannot cross nodes";
    return { ...found, permit: null, denial: null, flag: FLAG.RBAC, reason };
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
