import type { ResponseHead } from "../../wire/http1/head.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import { BODILESS, writeResponseHead } from "./response-head.ts";

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");

/** Passes a 1xx answer on. HTTP/1.0 callers know none (RFC 9110 15.2), and a 100 only reaches who asked for it. */
export function passInterim(client: ExchangeClient, head: ResponseHead, data: Buffer, scratch: Buffer): void {
  if (client.head.version < 11) return;
  if (head.status === 100) {
    if (client.head.expectsContinue) client.out.head(CONTINUE, 0, CONTINUE.length, false, false);
    return;
  }
  const end = writeResponseHead(scratch, 0, data, head, BODILESS);
  if (end > 0) client.out.head(scratch, 0, end, false, false);
}
