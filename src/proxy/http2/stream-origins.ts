import { FLAG } from "../../model/response-flags.ts";
import type { RequestHead } from "../../wire/http1/head.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
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

/**
 * The code of the reset that ends an answer which has begun. Another node has to log what this one does: that the answer was
 * malformed, or that it broke off; so it is told, and nobody else is.
 */
export function codeOfBroken(flag: number, origin: StreamOrigin): number {
  return flag === FLAG.UPE && origin.pin !== null ? ERROR_CODE.PROTOCOL_ERROR : ERROR_CODE.INTERNAL_ERROR;
}
