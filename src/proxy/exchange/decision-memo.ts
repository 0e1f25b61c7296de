import type { Permit } from "../../model/authz/permit.ts";
import type { Rule, RuleBackend } from "../../model/route/rule.ts";
import { FORM, METHOD, type RequestHead } from "../../wire/http1/head.ts";
import type { CallerIdentity } from "../caller.ts";
import type { ServicePort, Target } from "../mesh/destination.ts";
import type { Pin } from "../pin/pin.ts";

/** Decisions remembered for one other node. Reason: a few paths of each service it calls, in some 40 KiB; a power of two. */
export const DECISIONS_MAX = 64;
/** Longest path and authority, together, that are remembered; what is longer is decided every time. */
export const DECISION_KEY_BYTES_MAX = 384;
/** Most headers that rules and policies may read for a decision to be remembered. Reason: each is looked for in every request. */
export const HEADERS_READ_MAX = 8;

/** What was found out about a request that may go on. */
export interface Decision {
  readonly permit: Permit;
  readonly target: Target;
  /** The service that was asked for, which is where the policies are that say whether this may be remembered at all. */
  readonly parent: ServicePort;
  readonly port: ServicePort;
  readonly rule: Rule | null;
  readonly backend: RuleBackend | null;
  /** Position of the backend in the rule, -1 without one. */
  readonly chosen: number;
  /** Normalised, as received and as the workload gets it. */
  readonly path: string;
  readonly host: string;
  readonly forwardedPath: string;
  readonly forwardedHost: string;
  /** Headers that have a say, and that the request did not have: it holds for those without them. */
  readonly absent: readonly string[];
}

/** Whom a decision is about: what a `RequestOrigin` says of it. */
export interface DecidedFor {
  readonly caller: CallerIdentity;
  readonly pin: Pin | null;
  readonly salt?: number;
}

interface Judged {
  readonly path: string;
  readonly host: string;
}

/** The request that is looked at. */
interface Received extends Judged {
  header(name: string): string | undefined;
}

/** What the decider has found out about a request that may go on. */
interface Decided {
  readonly facts: Received;
  readonly forwarded: Judged;
  readonly parent: ServicePort | null;
  readonly target: Target | null;
  readonly rule: Rule | null;
  readonly permit: Permit | null;
  readonly chosen: number;
}

/**
 * What was decided about requests that another node has chosen the endpoint for. Only what follows from the caller, the pin,
 * the method, the authority and the path is kept, and from headers that have a say not being there (`headersThatDecide`), and
 * only while one snapshot is served: so an equal request has to come to the same. One per connection between nodes; a new decision takes the place of an older one.
 */
export class DecisionMemo {
  readonly #slots: (Slot | undefined)[] = new Array<Slot | undefined>(DECISIONS_MAX).fill(undefined);
  #epoch = -1;

  /** Forgets everything. */
  clear(): void {
    this.#slots.fill(undefined);
  }

  /** The decision about an equal request under the same snapshot, or `null`. @param epoch of the mesh, now. */
  find(
    origin: DecidedFor,
    facts: Pick<Received, "header">,
    bytes: Uint8Array,
    head: RequestHead,
    epoch: number,
  ): Decision | null {
    if (epoch !== this.#epoch) {
      // Nothing of a former snapshot is held on to.
      this.#epoch = epoch;
      this.clear();
      return null;
    }
    const slot = this.#slots[slotOf(origin, bytes, head)];
    if (!slot?.holds(origin, bytes, head)) return null;
    return hasNone(facts, slot.decision!.absent) ? slot.decision : null;
  }

  /** @param epoch of the mesh under which it was decided. @param decided may be used again for other requests. */
  remember(
    origin: DecidedFor,
    bytes: Uint8Array,
    head: RequestHead,
    epoch: number,
    decided: Decided,
    port: ServicePort,
    backend: RuleBackend | null,
  ): void {
    const { facts, forwarded, parent, target, rule, permit, chosen } = decided;
    if (epoch !== this.#epoch || !isComparable(head) || !parent || !target || !permit) return;
    const absent = headersThatDecide(origin, parent, rule, target);
    if (!absent || !hasNone(facts, absent)) return;
    const at = slotOf(origin, bytes, head);
    let slot = this.#slots[at];
    if (!slot) {
      slot = new Slot();
      this.#slots[at] = slot;
    }
    slot.take(origin, bytes, head, {
      permit,
      target,
      parent,
      port,
      rule,
      backend,
      chosen,
      path: facts.path,
      host: facts.host,
      forwardedPath: forwarded.path,
      forwardedHost: forwarded.host,
      absent,
    });
  }
}

/** One decision and all that it follows from. */
class Slot {
  decision: Decision | null = null;
  #caller: CallerIdentity | null = null;
  #pin: Pin | null = null;
  #method = -1;
  #pathBytes = 0;
  #authorityBytes = 0;
  /** The path and, behind it, the authority. */
  readonly #key = new Uint8Array(DECISION_KEY_BYTES_MAX);

  holds(origin: DecidedFor, bytes: Uint8Array, head: RequestHead): boolean {
    const { pathStart, authorityStart } = head;
    const pathBytes = this.#pathBytes;
    const authorityBytes = this.#authorityBytes;
    if (origin.caller !== this.#caller || origin.pin !== this.#pin) return false;
    if (head.method !== this.#method || head.form !== FORM.ORIGIN || head.upgradeLine >= 0) return false;
    if (head.pathEnd - pathStart !== pathBytes || head.authorityEnd - authorityStart !== authorityBytes) return false;
    const key = this.#key;
    for (let i = 0; i < pathBytes; i++) if (key[i] !== bytes[pathStart + i]) return false;
    for (let i = 0; i < authorityBytes; i++) if (key[pathBytes + i] !== bytes[authorityStart + i]) return false;
    return true;
  }

  take(origin: DecidedFor, bytes: Uint8Array, head: RequestHead, decision: Decision): void {
    const { pathStart, authorityStart } = head;
    const pathBytes = head.pathEnd - pathStart;
    const authorityBytes = head.authorityEnd - authorityStart;
    const key = this.#key;
    for (let i = 0; i < pathBytes; i++) key[i] = bytes[pathStart + i]!;
    for (let i = 0; i < authorityBytes; i++) key[pathBytes + i] = bytes[authorityStart + i]!;
    this.#pathBytes = pathBytes;
    this.#authorityBytes = authorityBytes;
    this.#method = head.method;
    this.#caller = origin.caller;
    this.#pin = origin.pin;
    this.decision = decision;
  }
}

/** Whether all that was looked at can be compared. */
function isComparable(head: RequestHead): boolean {
  if (head.form !== FORM.ORIGIN || head.upgradeLine >= 0) return false;
  if (head.method === METHOD.OTHER || head.method === METHOD.CONNECT) return false;
  return head.pathEnd - head.pathStart + head.authorityEnd - head.authorityStart <= DECISION_KEY_BYTES_MAX;
}

/**
 * The headers that had a say besides the key; `null` where something else had one: the query, an address, a choice made anew
 * each time, or too many headers.
 */
function headersThatDecide(
  { pin }: DecidedFor,
  { routes, service }: ServicePort,
  rule: Rule | null,
  target: Target,
): readonly string[] | null {
  if (pin === null || pin.target !== target || routes?.readsQuery || rule?.cors) return null;
  const ofService = service.policies?.dependsOn;
  const ofWorkload = target.policies?.dependsOn;
  if (ofService?.query || ofService?.ip || ofWorkload?.query || ofWorkload?.ip) return null;
  const lists = [routes?.headerNames, ofService?.headerNames, ofWorkload?.headerNames];
  const count = lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
  if (count === 0) return NO_HEADERS;
  return count > HEADERS_READ_MAX ? null : lists.flatMap((list) => list ?? []);
}

function hasNone(facts: Pick<Received, "header">, names: readonly string[]): boolean {
  for (let i = 0; i < names.length; i++) if (facts.header(names[i]!) !== undefined) return false;
  return true;
}

const NO_HEADERS: readonly string[] = [];

/** Any number would do: it only spreads. */
function slotOf({ salt }: DecidedFor, bytes: Uint8Array, { pathStart, pathEnd }: RequestHead): number {
  let hash = salt ?? 0;
  const length = pathEnd - pathStart;
  for (let at = length > 8 ? pathEnd - 8 : pathStart; at < pathEnd; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  return (hash + length) & (DECISIONS_MAX - 1);
}
