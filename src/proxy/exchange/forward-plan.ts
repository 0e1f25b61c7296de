import type { Permit } from "../../model/authz/permit.ts";
import type { HeaderEdits } from "../../model/route/header-edits.ts";
import type { Target } from "../mesh/destination.ts";
import type { HeldRequest } from "./held-request.ts";
import { RequestHeadPlan } from "./request-head.ts";

/**
 * Everything that was decided about a request before it is forwarded. One per connection, filled in anew for every request
 * by the decider; it cannot be made without the Permit that judging the request answered.
 */
export class ForwardPlan {
  permit: Permit;
  target: Target;
  readonly headPlan = new RequestHeadPlan();
  responseEdits: HeaderEdits | null = null;
  /** A request to switch protocols, as it was judged; `null` for all others. */
  held: HeldRequest | null = null;
  /** Milliseconds for the whole exchange, 0 = no bound. */
  requestTimeoutMs = 0;
  /** Milliseconds from the request having been sent to the answer's head, 0 = no bound. */
  backendRequestTimeoutMs = 0;

  /** The request repeats the one this was decided for. */
  isRepeated = false;
  /** The head as it was written for such a one. */
  template: Buffer | null = null;

  constructor(permit: Permit, target: Target) {
    this.permit = permit;
    this.target = target;
  }
}
