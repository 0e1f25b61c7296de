import type { RequestHead } from "../../wire/http1/head.ts";
import type { MessageSink } from "../message-sink.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** The caller's side, as an exchange sees it: a connection on which HTTP/1.1 is spoken, or a stream. */
export interface ExchangeClient {
  /** Where the answer goes. `out.isFramed`: the body of the request comes as content alone, too. */
  readonly out: MessageSink;
  /** The bytes that hold the head of the request under way; they stay until the exchange ends. */
  readonly headBytes: Buffer;
  readonly head: RequestHead;
  /** Go on handing over what has arrived of the body. */
  resumeReading(): void;
  /** The answer is whole, and has left. `keepsConnection` false: nothing more is taken on the connection. */
  exchangeEnded(keepsConnection: boolean): void;
  /** The answer broke off: the caller must see that, so the connection or stream is cut. */
  exchangeBroken(): void;
  /** The request could not be answered by the endpoint: make the answer here. Nothing has been sent yet. */
  exchangeFailed(status: number, flag: number, reason: string): void;
  /** The endpoint switched protocols: from now on bytes are relayed. `rest`: what it sent behind its head. */
  exchangeUpgraded(upstream: Upstream, rest: Uint8Array): void;
}
