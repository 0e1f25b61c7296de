import { checkCalls } from "../../model/authz/calls.ts";
import type { Denied } from "../../model/authz/decision.ts";
import { authorize, type Permit } from "../../model/authz/permit.ts";
import { FLAG } from "../../model/response-flags.ts";
import type { GatewayTable } from "../../model/route/gateway-table.ts";
import type { HeaderLine } from "../../model/route/header-edits.ts";
import type { Rule, RuleBackend } from "../../model/route/rule.ts";
import { FORM, METHOD, METHODS, type RequestHead } from "../../wire/http1/head.ts";
import { normalisePath } from "../../wire/http1/normalise-path.ts";
import { latin1 } from "../bytes.ts";
import type { Authority } from "../mesh/authority.ts";
import type { Destination, ExternalPort, ServicePort, Target } from "../mesh/destination.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { type Pin, pinnedBackend } from "../pin/pin.ts";
import { mayCross, pickTarget } from "../upstream/pick-target.ts";
import type { Decision } from "./decision-memo.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { ForwardedFacts, HeadFacts } from "./head-facts.ts";
import { passthroughFor } from "./passthrough-for.ts";
import { planForward, rewrite } from "./plan-forward.ts";
import type { RequestOrigin } from "./request-origin.ts";
import { isPreflightFor, preflightLines, redirectLines } from "./rule-answers.ts";
import { hostOf } from "./what-to-send.ts";

/** What a request comes to. */
export const OUTCOME = {
  /** `plan` says how. */
  FORWARD: 0,
  /** `status`, `flag`, `lines` are to be answered. */
  REPLY: 1,
  /** The target is outside what anybody declared: ask for `passthrough`, then decide again with it. */
  PASSTHROUGH: 2,
} as const;

interface Clock {
  /** When the event that is being handled came in, milliseconds. */
  readonly now: number;
}

/**
 * Takes a request from its parsed head to what is done with it, in the order of DESIGN 4: service and route (404), filters
 * and redirects, backend (the split counts here), authorisation (403), endpoint (503). One per worker; `decide` never waits,
 * so its fields hold the last outcome until the next call.
 */
export class Decider {
  readonly facts = new HeadFacts();
  readonly forwarded = new ForwardedFacts(this.facts);
  status = 0;
  flag = 0;
  /** For the record, never for the caller. */
  reason = "";
  lines: readonly HeaderLine[] = [];
  plan: ForwardPlan | null = null;
  /** As far as it got; for telemetry. */
  destination: Destination | null = null;
  target: Target | null = null;
  rule: Rule | null = null;
  /**
   * Position of the backend in the rule; -1 without one. Set before `decide` where the split has chosen already; `decide`
   * leaves what was chosen, and takes -1 for the next one.
   */
  chosen = -1;
  denial: Denied | null = null;
  permit: Permit | null = null;
  /** OUTCOME.PASSTHROUGH: where to. */
  passthrough: Authority | null = null;
  /** The service that was asked for, where it was one. */
  parent: ServicePort | null = null;
  readonly #mesh: Mesh;
  readonly #clock: Clock;
  readonly #random: () => number;

  /** @param random answers 0 to 2^32 - 1. */
  constructor(mesh: Mesh, clock: Clock, random: () => number) {
    this.#mesh = mesh;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * @param into the connection's plan of an earlier request, to be filled in anew, or `null`
   * @param passthrough what an earlier OUTCOME.PASSTHROUGH led to
   */
  decide(
    origin: RequestOrigin,
    bytes: Buffer,
    head: RequestHead,
    into: ForwardPlan | null,
    passthrough: ExternalPort | null,
  ): number {
    this.#clear();
    const { facts } = this;
    facts.over(bytes, head);
    facts.caller = origin.caller.facts;
    facts.remoteIp = origin.caller.facts.ip;
    facts.destinationIp = origin.localIp;
    facts.method =
      head.method === METHOD.OTHER ? latin1(bytes, head.methodStart, head.methodEnd) : METHODS[head.method]!;
    const known = passthrough ? null : origin.decisions?.find(origin, facts, bytes, head, this.#mesh.epoch);
    if (known) return this.#again(known, origin, bytes, head, into);
    const destination = this.#whereTo(origin, bytes, head);
    if (!this.#readPath(bytes, head)) return this.#reply(400, FLAG.DPE, "the path cannot be normalised");
    // Not where the snapshot has changed while its name was looked up, and no longer lets it out.
    if (passthrough && this.passthrough) {
      this.destination = passthrough;
      return this.#toExternal(origin, passthrough, bytes, head, into);
    }
    if (origin.gateway) return this.#throughGateway(origin, origin.gateway, bytes, head, into);
    if (!destination) {
      return this.passthrough ? OUTCOME.PASSTHROUGH : this.#reply(404, FLAG.NR, "no such service");
    }
    this.destination = destination;
    if (destination.isTcp) return this.#reply(404, FLAG.NR, "the port speaks TCP; use CONNECT");
    if (destination.kind === "external") return this.#toExternal(origin, destination, bytes, head, into);
    return this.#toService(origin, destination, bytes, head, into);
  }

  #clear(): void {
    this.status = 0;
    this.flag = 0;
    this.reason = "";
    this.lines = [];
    this.plan = null;
    this.destination = null;
    this.target = null;
    this.rule = null;
    this.parent = null;
    this.denial = null;
    this.permit = null;
    this.passthrough = null;
  }

  /** An equal request was decided under this snapshot: only what differs from one to the next is looked at. */
  #again(known: Decision, origin: RequestOrigin, bytes: Buffer, head: RequestHead, into: ForwardPlan | null): number {
    const { facts, forwarded } = this;
    facts.path = known.path;
    facts.host = known.host;
    forwarded.begin(known.forwardedPath, known.forwardedHost, known.backend?.requestHeaders ?? null);
    this.rule = known.rule;
    this.chosen = known.chosen;
    this.destination = known.port;
    this.parent = known.parent;
    this.target = known.target;
    this.permit = known.permit;
    return this.#forward(origin, known.permit, known.target, known.backend, bytes, head, into);
  }

  #readPath(bytes: Buffer, head: RequestHead): boolean {
    if (head.form === FORM.ASTERISK) {
      this.facts.path = "*";
      return true;
    }
    const raw = latin1(bytes, head.pathStart, head.pathEnd);
    if (head.isPathPlain) {
      this.facts.path = raw === "" ? "/" : raw;
      return true;
    }
    const normalised = normalisePath(raw);
    if (normalised === null) return false;
    this.facts.path = normalised;
    return true;
  }

  /** Fills in the host, and answers the destination it means where that is not settled otherwise. */
  #whereTo(origin: RequestOrigin, bytes: Buffer, head: RequestHead): Destination | null {
    const { memo } = origin;
    const { epoch } = this.#mesh;
    const { authorityStart: start, authorityEnd: end } = head;
    if (memo.holds(bytes, start, end, epoch)) {
      this.facts.host = memo.host;
      // On a tunnel every stream brings a destination of its own.
      return origin.fixed ?? memo.destination;
    }
    const authority = latin1(bytes, start, end);
    const host = hostOf(authority);
    this.facts.host = host;
    if (origin.gateway) return null;
    const destination = origin.fixed ?? this.#mesh.resolve(authority, origin.caller.facts.namespace, 80);
    // A name that leads out of the mesh has more to it than the memo holds.
    if (destination) memo.remember(bytes, start, end, epoch, host, destination);
    else
      this.passthrough = head.form === FORM.ASTERISK ? null : passthroughFor(this.#mesh, origin.caller, authority, 80);
    return destination;
  }

  #throughGateway(
    origin: RequestOrigin,
    gateway: GatewayTable,
    bytes: Buffer,
    head: RequestHead,
    into: ForwardPlan | null,
  ): number {
    this.facts.destinationPort = origin.localPort;
    const rule = gateway.match(this.facts);
    if (!rule) return this.#noRoute(origin);
    return this.#byRule(origin, null, rule, bytes, head, into);
  }

  #toService(
    origin: RequestOrigin,
    port: ServicePort,
    bytes: Buffer,
    head: RequestHead,
    into: ForwardPlan | null,
  ): number {
    this.facts.destinationPort = port.record.port;
    if (port.routes) {
      const rule = port.routes.match(this.facts);
      if (rule === null) return this.#noRoute(origin);
      if (rule !== undefined) return this.#byRule(origin, port, rule, bytes, head, into);
    }
    if (origin.pin && origin.pin.port !== port) return this.#disagree();
    return this.#toPort(origin, port, port, null, bytes, head, into);
  }

  #byRule(
    origin: RequestOrigin,
    parent: ServicePort | null,
    rule: Rule,
    bytes: Buffer,
    head: RequestHead,
    into: ForwardPlan | null,
  ): number {
    this.rule = rule;
    const filters = rule.filters;
    if (filters?.unsupported !== undefined) return this.#reply(500, FLAG.NC, filters.unsupported);
    if (isPreflightFor(rule, this.facts)) {
      this.lines = preflightLines(rule, this.facts);
      return this.#reply(204, FLAG.none, "preflight");
    }
    if (filters?.redirect) {
      this.lines = redirectLines(rule, this.facts, parent?.record.port ?? origin.localPort);
      return this.#reply(filters.redirect.statusCode, FLAG.none, "redirect");
    }
    const at = this.#choose(rule, origin.pin);
    if (at === DISAGREE) return this.#disagree();
    this.chosen = at;
    const backend = at < 0 ? undefined : rule.backends[at];
    if (!backend || backend.service === null) {
      return this.#reply(500, FLAG.NC, backend?.reason ?? "the rule has no backend with a weight");
    }
    if (backend.filters?.unsupported !== undefined) return this.#reply(500, FLAG.NC, backend.filters.unsupported);
    const port = this.#mesh.service(backend.service)?.portFor(backend.port);
    if (!port || port.isTcp) return this.#reply(500, FLAG.NC, "the backend's port does not exist");
    return this.#toPort(origin, parent, port, backend, bytes, head, into);
  }

  /** The split's choice, unless it was made before: by another node, whose choice must be one of the rule's. */
  #choose(rule: Rule, pin: Pin | null): number {
    if (!pin) return this.chosen >= 0 ? this.chosen : rule.split.next();
    const at = pinnedBackend(pin, rule.backends);
    return at < 0 ? DISAGREE : at;
  }

  /** Another node found a route where there is none here. */
  #noRoute(origin: RequestOrigin): number {
    return origin.pin ? this.#disagree() : this.#reply(404, FLAG.NR, "no route matches");
  }

  /** UH, so that the other node may try elsewhere: it has other documents, for a moment or because it lies. */
  #disagree(): number {
    return this.#reply(503, FLAG.UH, "the nodes' documents disagree");
  }

  /** @param parent the service that was asked for: its policies and the caller's list of calls look at this one. */
  #toPort(
    origin: RequestOrigin,
    parent: ServicePort | null,
    port: ServicePort,
    backend: RuleBackend | null,
    bytes: Buffer,
    head: RequestHead,
    into: ForwardPlan | null,
  ): number {
    const target = this.#pick(origin, port);
    // Whoever may not call learns nothing about which endpoints are up.
    const judged = target ?? origin.pin?.target ?? port.targets[0] ?? null;
    this.destination = port;
    this.parent = parent;
    this.target = judged;
    rewrite(this, backend);
    this.forwarded.destinationPort = judged?.endpoint.port ?? port.record.port;
    this.forwarded.destinationIp = judged?.endpoint.hostname ?? "";
    const verdict = authorize({
      calls: parent
        ? checkCalls(origin.caller.workload.record.calls, { serviceKey: parent.service.record.key })
        : PERMITTED,
      service: (parent ? parent.service.policies : origin.gatewayPolicies) ?? undefined,
      workload: judged?.policies ?? null,
      asReceived: this.facts,
      asForwarded: this.forwarded,
    });
    if (!verdict.allowed) {
      this.denial = verdict;
      return this.#reply(403, verdict.reason === "calls" ? FLAG.CALLS : FLAG.RBAC, verdict.reason);
    }
    if (!target && !mayCross(origin) && port.localTargets.length < port.targets.length) {
      return this.#reply(403, FLAG.RBAC, "a caller without identity cannot cross nodes");
    }
    this.permit = verdict;
    if (!target) return this.#reply(503, FLAG.UH, "the service has no endpoint that takes requests");
    origin.decisions?.remember(origin, bytes, head, this.#mesh.epoch, this, port, backend);
    return this.#forward(origin, verdict, target, backend, bytes, head, into);
  }

  #pick(origin: RequestOrigin, port: ServicePort): Target | null {
    const { pin } = origin;
    if (pin) return pin.target.isDrained ? null : pin.target;
    return pickTarget(mayCross(origin) ? port.targets : port.localTargets, this.#clock.now, this.#random);
  }

  #toExternal(
    origin: RequestOrigin,
    port: ExternalPort,
    bytes: Buffer,
    head: RequestHead,
    into: ForwardPlan | null,
  ): number {
    this.facts.destinationPort = port.port;
    this.forwarded.begin(this.facts.path, this.facts.host, null);
    this.forwarded.destinationPort = port.port;
    const verdict = this.judgeExternal(origin, port);
    if (!verdict.allowed) {
      this.denial = verdict;
      return this.#reply(403, verdict.reason === "calls" ? FLAG.CALLS : FLAG.RBAC, verdict.reason);
    }
    this.permit = verdict;
    const target = pickTarget(port.targets, this.#clock.now, this.#random);
    this.target = target;
    if (!target) return this.#reply(503, FLAG.UH, "the host has no endpoint");
    rewrite(this, null);
    return this.#forward(origin, verdict, target, null, bytes, head, into);
  }

  /** Calls out of the mesh: the caller's list, policies on the host, and nobody without identity where the default is to deny. */
  judgeExternal(origin: RequestOrigin, port: ExternalPort): Permit | Denied {
    const { record, host } = port;
    const calls = checkCalls(origin.caller.workload.record.calls, {
      serviceKey: record?.key,
      hostPort: `${host}:${port.port}`,
    });
    const isNobody = origin.caller.facts.workload === undefined && this.#mesh.site.defaultAction === "deny";
    return authorize({
      calls,
      service: port.policies ?? undefined,
      workload: isNobody && !port.policies ? this.#mesh.denyByDefault : null,
      asReceived: this.facts,
      asForwarded: this.forwarded,
    });
  }

  #forward(
    origin: RequestOrigin,
    permit: Permit,
    target: Target,
    backend: RuleBackend | null,
    bytes: Buffer,
    head: RequestHead,
    into: ForwardPlan | null,
  ): number {
    this.plan = planForward(this, origin, permit, target, backend, bytes, head, into);
    return OUTCOME.FORWARD;
  }

  #reply(status: number, flag: number, reason: string): number {
    this.status = status;
    this.flag = flag;
    this.reason = reason;
    return OUTCOME.REPLY;
  }
}

const PERMITTED = { allowed: true } as const;
/** In place of a position among backends: what another node chose is none of them. */
const DISAGREE = -2;
