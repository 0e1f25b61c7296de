import type { Upstream } from "../upstream/upstream.ts";
import type { ExchangeClient } from "./exchange-client.ts";
import type { ExchangeHost } from "./exchange-host.ts";
import type { ForwardPlan } from "./forward-plan.ts";
import { writeRequestHead } from "./request-head.ts";
import { makeWebsocketKey } from "./websocket-key.ts";
import { writeRepeatedHead } from "./write-repeated.ts";

/** Writes the head of a request for one way to its endpoint to the start of the host's scratch; answers its length, or FULL. */
export function writeHeadTo(
  upstream: Upstream,
  plan: ForwardPlan,
  { head, headBytes, out }: ExchangeClient,
  { scratch, random }: ExchangeHost,
): number {
  const { isFramed } = upstream.out;
  const { headPlan } = plan;
  if (plan.pin) plan.speakAs(upstream.handle ?? 0);
  headPlan.keepsTe = isFramed;
  // A caller by HTTP/2 sends none, and an endpoint by HTTP/1.1 wants one.
  headPlan.websocketKey = head.upgradeLine >= 0 && out.isFramed && !isFramed ? makeWebsocketKey(random) : "";
  return plan.isRepeated
    ? writeRepeatedHead(scratch, headBytes, head, plan, random)
    : writeRequestHead(scratch, 0, headBytes, head, headPlan, random);
}
