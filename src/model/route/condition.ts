/** What became of a route at one of its parents, in Gateway API's words; shown by `selvedge routes`. */

/** Reasons of `Accepted`, `ResolvedRefs` and `PartiallyInvalid`. */
export type RouteReason =
  | "Accepted"
  | "NotAllowedByListeners"
  | "NoMatchingListenerHostname"
  | "NoMatchingParent"
  | "UnsupportedValue"
  | "Conflicted"
  | "ResolvedRefs"
  | "RefNotPermitted"
  | "InvalidKind"
  | "BackendNotFound"
  | "UnsupportedProtocol";

/** One condition of a route at one parent. */
export interface RouteCondition {
  readonly kind: "GRPCRoute" | "HTTPRoute" | "TCPRoute";
  readonly namespace: string;
  readonly name: string;
  /** `Service/<namespace>/<name>` or `Gateway/<namespace>/<name>`, then `:<port>` and `#<section>` where given. */
  readonly parent: string;
  readonly type: "Accepted" | "ResolvedRefs" | "PartiallyInvalid";
  readonly status: "True" | "False";
  readonly reason: RouteReason;
  /** One sentence without a final period. */
  readonly message: string;
}
