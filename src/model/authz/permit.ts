/** The proof that a request was judged. Forwarding takes a Permit, and only this file makes one. */
import type { ConnectionFacts, RequestFacts } from "../request-facts.ts";
import { CALLS_REFUSED, type CallsVerdict } from "./calls.ts";
import { type Allowed, allowed, type Decision, type Denied } from "./decision.ts";
import type { PolicySet } from "./policy-set.ts";

declare const permitted: unique symbol;

/** An `Allowed` that came out of `authorize` or `authorizeConnection`. */
export type Permit = Allowed & { readonly [permitted]: true };

export type Denial = Denied;

interface Judges {
  /** Whom the caller may call, from `checkCalls`. */
  readonly calls: CallsVerdict;
  /** Policies that target the Service or Gateway the request came for. */
  readonly service?: PolicySet | undefined;
  /** Policies of the destination workload; `null` only for destinations outside the mesh, which have none. */
  readonly workload: PolicySet | null;
}

export interface AuthorizeInputs extends Judges {
  /** The request as it arrived; judged by `service`. */
  readonly asReceived: RequestFacts;
  /** The request as the workload will get it, after rewrites; judged by `workload`. */
  readonly asForwarded: RequestFacts;
}

export interface AuthorizeConnectionInputs extends Judges {
  /** As seen at the Service: its port, its address. */
  readonly asReceived: ConnectionFacts;
  /** As seen at the workload. */
  readonly asForwarded: ConnectionFacts;
}

const NOTHING_DECIDED = allowed();

/** Judges a request by everything that has a say in it. Never throws. */
export function authorize(inputs: AuthorizeInputs): Permit | Denial {
  if (!inputs.calls.allowed) return CALLS_REFUSED;
  const service = inputs.service === undefined ? NOTHING_DECIDED : inputs.service.decide(inputs.asReceived);
  if (!service.allowed) return service;
  return concluded(service, inputs.workload === null ? NOTHING_DECIDED : inputs.workload.decide(inputs.asForwarded));
}

/** Judges a raw TCP stream, when it opens and again when policies change. Never throws. */
export function authorizeConnection(inputs: AuthorizeConnectionInputs): Permit | Denial {
  if (!inputs.calls.allowed) return CALLS_REFUSED;
  const service = inputs.service === undefined ? NOTHING_DECIDED : inputs.service.decideConnection(inputs.asReceived);
  if (!service.allowed) return service;
  const workload = inputs.workload;
  return concluded(service, workload === null ? NOTHING_DECIDED : workload.decideConnection(inputs.asForwarded));
}

/** The workload's word is the last; what the Service's policies found besides is kept. */
function concluded(service: Allowed, workload: Decision): Permit | Denial {
  if (!workload.allowed) return workload;
  return merged(service, workload) as Permit;
}

function merged(service: Allowed, workload: Allowed): Allowed {
  const decided = workload.policy === undefined ? service : workload;
  const wouldDeny = workload.wouldDeny ?? service.wouldDeny;
  const audit = workload.audit ?? service.audit;
  if (workload.wouldDeny === wouldDeny && workload.audit === audit && decided.policy === workload.policy)
    return workload;
  if (service.wouldDeny === wouldDeny && service.audit === audit && decided === service) return service;
  return allowed(decided.policy, decided.rule, wouldDeny, audit);
}
