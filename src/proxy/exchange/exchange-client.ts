import type { RequestHead } from "../../wire/http1/head.ts";
import type { Output } from "../output.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** The caller's connection, as an exchange sees it. */
export interface ExchangeClient {
  readonly out: Output;
  /** The bytes that hold the head of the request under way; they stay until the exchange ends. */
  readonly headBytes: Buffer;
  readonly head: RequestHead;
  /** Go on handing over what has arrived of the body. */
  resumeReading(): void;
  /** The answer is whole. `keepsConnection` false: end the connection once everything is sent. */
  exchangeEnded(keepsConnection: boolean): void;
  /** The answer broke off: the caller must see that, so the connection is cut. */
  exchangeBroken(): void;
  /** The request could not be answered by the endpoint: make the answer here. Nothing has been sent yet. */
  exchangeFailed(status: number, flag: number, reason: string): void;
  /** The endpoint switched protocols: from now on bytes are relayed. `rest`: what it sent behind its head. */
  exchangeUpgraded(upstream: Upstream, rest: Uint8Array): void;
}
