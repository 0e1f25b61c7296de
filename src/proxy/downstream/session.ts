/** What speaks on a connection, or in a tunnel: HTTP, a relay, or the metrics page. Replaced when the protocol changes. */
export interface Session {
  /** Bytes from the caller; the view may be kept. */
  received(bytes: Buffer): void;
  /** Everything that was written has left. */
  drained(): void;
  /** The caller sent its last byte; the other direction is still open. */
  ended(): void;
  /** The connection is gone. */
  gone(): void;
  /** Nothing arrived for `quietMs`: end what has been quiet for too long, or answer in how many milliseconds to look again. */
  quiet(quietMs: number): number;
  /** The worker is going: end at the next good moment, which may be now. */
  drain(): void;
}
