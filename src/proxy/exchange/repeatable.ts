import { BODY, METHOD, type RequestHead } from "../../wire/http1/head.ts";

/**
 * Whether a request that may have reached an endpoint can be sent again: it has no body to send again, and its method is
 * safe (RFC 9110 9.2.1), so that doing it twice changes nothing.
 */
export function isRepeatable(head: RequestHead): boolean {
  const { method, body } = head;
  const isSafe =
    method === METHOD.GET || method === METHOD.HEAD || method === METHOD.OPTIONS || method === METHOD.TRACE;
  return isSafe && body === BODY.NONE;
}
