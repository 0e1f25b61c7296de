import type { RequestHead } from "../../wire/http1/head.ts";
import type { LastingOrigin } from "../exchange/request-origin.ts";

/** Where one stream comes from. */
export interface StreamOrigin extends LastingOrigin {
  /** It is not to be served: answered at once with this status and flag. */
  readonly refusal?: { readonly status: number; readonly flag: number } | undefined;
}

/** Tells where the streams of one connection come from: all from its caller, or each from whom it says and has proven. */
export interface StreamOrigins {
  /**
   * The origin of the request that was just read, brought up to date with the snapshot. `null`: nobody is served on this
   * connection any more; the stream is refused unread, for the caller to send it on another one.
   */
  of(head: RequestHead, bytes: Buffer): StreamOrigin | null;
}
