import type { PolicySet } from "../../model/authz/policy-set.ts";
import type { GatewayTable } from "../../model/route/gateway-table.ts";
import type { CallerIdentity } from "../caller.ts";
import type { Destination } from "../mesh/destination.ts";
import type { Pin } from "../pin/pin.ts";
import type { AuthorityMemo } from "./authority-memo.ts";
import type { DecisionMemo } from "./decision-memo.ts";

/** Where a request came in. */
export interface RequestOrigin {
  readonly caller: CallerIdentity;
  /** Known without looking at the authority: clusterIP listeners and the inside of a CONNECT. */
  readonly fixed: Destination | null;
  /** Routes of a Gateway listener. */
  readonly gateway: GatewayTable | null;
  readonly gatewayPolicies: PolicySet | null;
  readonly localIp: string;
  readonly localPort: number;
  readonly memo: AuthorityMemo;
  /** What the node it comes from has chosen; `null` for callers of this node. */
  readonly pin: Pin | null;
  /** What was decided about equal requests; without it each is decided anew. */
  readonly decisions?: DecisionMemo | null;
  /** Tells it from others with the same `decisions`, most of the time. */
  readonly salt?: number;
}

/** An origin that outlives snapshots. */
export interface LastingOrigin extends RequestOrigin {
  /** Brings it up to date with the snapshot that is served; false: the connection cannot go on under it. */
  refresh(): boolean;
}
