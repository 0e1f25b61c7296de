import type { LinkStream } from "./link-stream.ts";

/** What a link tells about the connection as a whole. */
export interface LinkHandler {
  /**
   * Servers: a request has come; its head stands in `host.heads.request` during the call. Give the stream an owner, or reset it.
   */
  onRequest(stream: LinkStream, isEnd: boolean): void;
  /** Servers: a request was not let in, and was answered or reset already. @param refusal a PARSE_ERROR. */
  onRefused(refusal: number): void;
  /** The peer's settings came; the first time, the link is up. */
  onSettings(): void;
  /** A stream is over: there may be room for another one. */
  onStreamOver(): void;
  /** The peer takes no new streams. */
  onGoAway(errorCode: number): void;
  onPong(high: number, low: number): void;
  /**
   * The connection has failed, for what the peer did or by `close`; what it has to be told is written as far as the socket took
   * it. Close the socket. @param reason a word, such as the name of a budget.
   */
  onFailed(errorCode: number, reason: string): void;
}
