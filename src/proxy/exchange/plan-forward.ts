import type { Permit } from "../../model/authz/permit.ts";
import { CORS_RESPONSE_HEADERS } from "../../model/route/cors.ts";
import type { HeaderEdits } from "../../model/route/header-edits.ts";
import { rewritePath } from "../../model/route/path-rewrite.ts";
import type { Rule, RuleBackend } from "../../model/route/rule.ts";
import type { RequestHead } from "../../wire/http1/head.ts";
import type { ServicePort, Target } from "../mesh/destination.ts";
import { occurrenceOf } from "../pin/pin.ts";
import { ForwardPlan } from "./forward-plan.ts";
import type { ForwardedFacts, HeadFacts } from "./head-facts.ts";
import { HeldRequest } from "./held-request.ts";
import type { RequestOrigin } from "./request-origin.ts";
import { hostToSend, withQuery } from "./what-to-send.ts";

/** What was decided about a request that may be forwarded. */
export interface Decided {
  readonly facts: HeadFacts;
  readonly forwarded: ForwardedFacts;
  readonly rule: Rule | null;
  /** The service that was asked for; `null`: through a Gateway, or out of the mesh. */
  readonly parent: ServicePort | null;
}

/** What the endpoint will be sent in place of what was received, and what policies of the workload look at. */
export function rewrite({ facts, forwarded, rule }: Decided, backend: RuleBackend | null): void {
  const rewriteTo = backend?.filters?.rewritePath ?? rule?.filters?.rewritePath;
  const path = rewriteTo && rule ? rewritePath(facts.path, rewriteTo, rule.pathPrefix) : facts.path;
  const hostname = backend?.filters?.rewriteHostname ?? rule?.filters?.rewriteHostname;
  forwarded.begin(path, hostname ?? facts.host, backend?.requestHeaders ?? null);
}

/**
 * Writes down how a permitted request is forwarded.
 *
 * @param into a plan of the same connection that is not in use any more, or `null`
 */
export function planForward(
  decided: Decided,
  origin: RequestOrigin,
  permit: Permit,
  target: Target,
  backend: RuleBackend | null,
  bytes: Buffer,
  head: RequestHead,
  into: ForwardPlan | null,
): ForwardPlan {
  const { facts, forwarded, rule, parent } = decided;
  const plan = into ?? new ForwardPlan(permit, target);
  plan.permit = permit;
  plan.isRepeated = false;
  plan.caller = origin.caller;
  plan.rewrittenTarget =
    forwarded.path === facts.path && head.isPathPlain ? null : withQuery(forwarded.path, bytes, head);
  plan.rewrittenHost = forwarded.host === facts.host ? null : forwarded.host;
  plan.hostIfNone = hostToSend(target, head);
  plan.requestEdits = backend?.requestHeaders ?? null;
  plan.answerEdits = answerEdits(facts, rule, backend);
  plan.pinParent = parent ?? origin.gateway;
  const { port } = target;
  const hasRemote = port.kind === "service" && port.localTargets !== port.targets;
  plan.occurrence = hasRemote && backend && rule ? occurrenceOf(rule.backends, backend) : 0;
  const { headPlan } = plan;
  const isInside = facts.caller.workload !== undefined;
  const isFromNode = origin.pin !== null;
  headPlan.trustsForwarded = isInside || isFromNode;
  headPlan.clientIp = isInside || isFromNode ? "" : facts.caller.ip;
  plan.aim(target);
  plan.requestTimeoutMs = rule?.requestTimeoutMs ?? 0;
  plan.backendRequestTimeoutMs = rule?.backendRequestTimeoutMs ?? 0;
  const serviceKey = parent?.service.record.key ?? null;
  plan.held =
    head.upgradeLine < 0 ? null : new HeldRequest(bytes, head, facts, forwarded, plan.requestEdits, serviceKey);
  return plan;
}

function answerEdits(facts: HeadFacts, rule: Rule | null, backend: RuleBackend | null): HeaderEdits | null {
  const edits = backend?.responseHeaders ?? null;
  if (!rule?.cors) return edits;
  const origin = facts.header("origin");
  if (origin === undefined) return edits;
  // The filter speaks alone: what the endpoint says of CORS does not get through beside it.
  return {
    dropped: new Set([...(edits?.dropped ?? []), ...CORS_RESPONSE_HEADERS]),
    lines: [...(edits?.lines ?? []), ...rule.cors.actual(origin)],
  };
}
