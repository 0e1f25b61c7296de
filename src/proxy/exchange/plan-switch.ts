import type { HeaderEdits } from "../../model/route/header-edits.ts";
import type { ResponseHead } from "../../wire/http1/head.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import { BODILESS, type ResponseHeadPlan } from "./response-head.ts";
import { soleValue, WEBSOCKET_ACCEPT, WEBSOCKET_KEY, websocketAccept } from "./websocket-key.ts";

/**
 * How a 101 is passed on; `null`: nobody asked for it, or it does not answer what was asked.
 *
 * @param isFramed the endpoint speaks HTTP/2. @param key the one made here for the endpoint; `""`: it got the caller's.
 */
export function planSwitch(
  client: ExchangeClient,
  bytes: Buffer,
  head: ResponseHead,
  isFramed: boolean,
  key: string,
  edits: HeaderEdits | null,
): ResponseHeadPlan | null {
  if (client.head.upgradeLine < 0 || head.upgradeLine < 0) return null;
  if (key !== "" && soleValue(bytes, head.lines, WEBSOCKET_ACCEPT) !== websocketAccept(key)) return null;
  const plan = { ...BODILESS, edits, isUpgrade: true };
  if (!isFramed || client.out.isFramed) return plan;
  const asked = soleValue(client.headBytes, client.head.lines, WEBSOCKET_KEY);
  return asked === null ? null : { ...plan, websocketAccept: websocketAccept(asked) };
}
