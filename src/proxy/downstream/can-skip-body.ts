import { BODY, type RequestHead } from "../../wire/http1/head.ts";

/** Largest body of a refused request that is read and dropped to keep the connection; beyond it, it is closed. */
export const SKIPPED_BODY_BYTES_MAX = 64 * 1024;

/**
 * Whether a connection can go on behind a request that is answered without reading it: its body is known to be absent or
 * small. Not where the caller waits for a 100: it may or may not send the body after any other answer (RFC 9110 10.1.1).
 */
export function canSkipBody(head: RequestHead): boolean {
  if (!head.isKeepAlive) return false;
  if (head.body === BODY.NONE) return true;
  return head.body === BODY.LENGTH && head.contentLength <= SKIPPED_BODY_BYTES_MAX && !head.expectsContinue;
}
