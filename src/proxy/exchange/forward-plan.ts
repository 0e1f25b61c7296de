import type { Permit } from "../../model/authz/permit.ts";
import type { HeaderEdits } from "../../model/route/header-edits.ts";
import type { CallerIdentity } from "../caller.ts";
import type { Target } from "../mesh/destination.ts";
import { type PinLines, type PinParent, pinLines } from "../pin/pin-lines.ts";
import { certLine } from "./cert-line.ts";
import type { HeldRequest } from "./held-request.ts";
import { RequestHeadPlan } from "./request-head.ts";

/**
 * Everything that was decided about a request before it is forwarded. One per connection, filled in anew for every request
 * by the decider; it cannot be made without the Permit that judging the request answered.
 *
 * To an endpoint of this node a request goes rewritten and edited; to another node as it was received, with a pin, because
 * that node decides again and does the rest. `aim` chooses between the two, and again where another endpoint is tried.
 */
export class ForwardPlan {
  permit: Permit;
  target: Target;
  readonly headPlan = new RequestHeadPlan();
  /** Of the answer, as it comes from `target`. */
  responseEdits: HeaderEdits | null = null;
  /** A request to switch protocols, as it was judged; `null` for all others. */
  held: HeldRequest | null = null;
  /** Milliseconds for the whole exchange, 0 = no bound. */
  requestTimeoutMs = 0;
  /** Milliseconds from the request having been sent to the answer's head, 0 = no bound. */
  backendRequestTimeoutMs = 0;

  /** The call is by gRPC: its status is noted. */
  isGrpc = false;

  /** The request repeats the one this was decided for. */
  isRepeated = false;
  /** The head as it was written for such a one. */
  template: Buffer | null = null;

  /** Who calls; `null` before the plan was filled in. */
  caller: CallerIdentity | null = null;
  /** What an endpoint of this node is sent in place of the path and query; `null`: as received. */
  rewrittenTarget: string | null = null;
  /** The same of the authority. */
  rewrittenHost: string | null = null;
  /** The authority of a request that came without one. */
  hostIfNone: string | null = null;
  requestEdits: HeaderEdits | null = null;
  answerEdits: HeaderEdits | null = null;
  /** What was asked for, as another node is told; `null` for what leaves the mesh. */
  pinParent: PinParent | null = null;
  /** Which of the rule's backends with this Service and port, see `PinText`. */
  occurrence = 0;
  /** The pin, where `target` is on another node. */
  pin: PinLines | null = null;

  constructor(permit: Permit, target: Target) {
    this.permit = permit;
    this.target = target;
  }

  /** Sends it to this target, for which the Permit holds too. */
  aim(target: Target): void {
    this.target = target;
    this.template = null;
    const { headPlan } = this;
    headPlan.host = this.hostIfNone;
    headPlan.numbersIds = target.node !== "";
    if (target.node !== "") {
      if (!this.pinParent) throw new TypeError("what leaves the mesh has no endpoint on another node");
      this.pin = pinLines(target, this.pinParent, this.occurrence);
      headPlan.target = null;
      headPlan.edits = null;
      headPlan.certLine = null;
      this.responseEdits = null;
      return;
    }
    this.pin = null;
    headPlan.target = this.rewrittenTarget;
    headPlan.host = this.rewrittenHost ?? this.hostIfNone;
    headPlan.edits = this.requestEdits;
    const { caller } = this;
    const isInside = caller !== null && caller.facts.workload !== undefined;
    headPlan.certLine = isInside && target.workload ? certLine(caller.workload, target, target.workload) : null;
    this.responseEdits = this.answerEdits;
  }

  /** On another node: under which handle of the connection the caller speaks. Call before the head is written. */
  speakAs(handle: number): void {
    const lines = this.pin?.as(handle) ?? null;
    if (this.headPlan.certLine === lines) return;
    this.headPlan.certLine = lines;
    this.template = null;
  }
}
