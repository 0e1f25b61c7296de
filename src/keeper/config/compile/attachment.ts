/** What came of attaching a route. */
import type { RouteReason } from "../../../model/route/condition.ts";

/** The outcome of attaching a route to one parent. */
export interface Attachment {
  readonly reason: Extract<
    RouteReason,
    | "Accepted"
    | "NoMatchingParent"
    | "NotAllowedByListeners"
    | "NoMatchingListenerHostname"
    | "Conflicted"
    | "UnsupportedValue"
  >;
  readonly message: string;
  readonly hint?: string | undefined;
}
