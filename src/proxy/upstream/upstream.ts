import type { ResponseHead } from "../../wire/http1/head.ts";
import type { MessageSink } from "../message-sink.ts";

/** What uses a connection or stream to an endpoint at the moment: an exchange or a relay. */
export interface UpstreamOwner {
  /** Framed only: a head of the answer. `head` and `bytes` hold during the call. `isEnd`: nothing follows it, and nothing more is told. */
  onUpstreamHead(upstream: Upstream, head: ResponseHead, bytes: Buffer, isEnd: boolean): void;
  /** Bytes from the endpoint, content alone where it is framed; the view stays valid, the owner may keep it. */
  onUpstreamData(upstream: Upstream, bytes: Uint8Array): void;
  /** Framed only: the message ends with these lines, without an empty line. They hold during the call. */
  onUpstreamTrailers(upstream: Upstream, bytes: Buffer, start: number, end: number): void;
  /** There is room again; go on feeding. */
  onUpstreamDrained(upstream: Upstream): void;
  /** The endpoint sent its last byte; the other direction is still open. */
  onUpstreamEnded(upstream: Upstream): void;
  /** It is gone before its end; nothing more comes. Not called after `release` or `close`. */
  onUpstreamClosed(upstream: Upstream): void;
}

/** A way to an endpoint for one request at a time: a connection, or a stream of one. Got by `Endpoint.acquire`. */
export interface Upstream {
  /** `out.isFramed`: what comes is told as heads, content and trailers, else as bytes. */
  readonly out: MessageSink;
  /** Owners that its connection has served, this one included: one that served none yet cannot be stale. */
  readonly uses: number;
  /** Once it is closed: the endpoint has said that it did not look at the request, so that it can be sent again. */
  readonly isUntouched: boolean;
  /** Framed, once it is closed: what came on it is no answer of HTTP. Absent: false. */
  readonly isMalformed?: boolean;
  /** On a tunnel: the handle under which the caller speaks. */
  readonly handle?: number;
  /** A request for a WebSocket can be sent on it. */
  readonly takesUpgrades: boolean;
  /** How long the endpoint keeps an idle connection, where it said so (`Keep-Alive: timeout=`). Milliseconds, 0 = unknown. */
  announcedIdleMs: number;
  /** Whom to tell from now on. */
  lend(owner: UpstreamOwner): void;
  /** What comes is not taken any further for now. */
  pause(): void;
  resume(): void;
  /** The owner is done, and both ends agree on where the next message begins. */
  release(): void;
  /** It cannot be given back; the owner is told nothing more. `isFinished`: both directions came to their end. */
  close(isFinished?: boolean): void;
}
