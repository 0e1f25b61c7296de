/**
 * Where the messages of one direction are written: a socket on which HTTP/1.1 is spoken, or one stream of an HTTP/2
 * connection. Whoever feeds it stops when it is full, and goes on when it is told that everything has left.
 */
export interface MessageSink {
  /**
   * Messages delimit themselves (HTTP/2): content is written as it is, without chunks, and ends with `finish` or `trailers`.
   * False: bytes leave as they are written, framing included.
   */
  readonly isFramed: boolean;
  /** Bytes taken that have not left yet. */
  readonly queuedBytes: number;
  /** Stop feeding. */
  readonly isFull: boolean;
  /**
   * Sends the HTTP/1.1 head `bytes[start, end)`, which the caller may overwrite afterwards. `isEnd`: nothing follows it.
   * `isUpgrade`: it asks for a WebSocket, or grants one.
   */
  head(bytes: Buffer, start: number, end: number, isEnd: boolean, isUpgrade: boolean): void;
  /** Sends content; false when it is full now. `isShared`: the caller will overwrite the bytes. */
  write(bytes: Uint8Array, start: number, end: number, isShared: boolean): boolean;
  /** The same for a whole chunk that nobody looks at any more; it may be empty afterwards. */
  give(bytes: Uint8Array): boolean;
  /** Framed only: sends the last content of the message, and ends it. */
  last(bytes: Uint8Array, start: number, end: number): void;
  /** Framed only: ends the message with the lines `bytes[start, end)`, their empty line included. May be overwritten afterwards. */
  trailers(bytes: Uint8Array, start: number, end: number): void;
  /** Framed only: the message has no more content. */
  finish(): void;
  /** What follows is the inside of a tunnel: bytes that bring their framing with them. */
  becomeRaw(): void;
  /** Nothing more is sent in this direction, once everything queued has left. */
  end(): void;
  /** Until `uncork`, small writes are put together. */
  cork(): void;
  /** False when it is full. */
  uncork(): boolean;
}
