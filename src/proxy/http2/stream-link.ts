import type { Connection } from "../../wire/http2/connection.ts";
import type { Backlog } from "./backlog.ts";
import type { SharedHeads } from "./shared-heads.ts";

/** What a stream needs of its connection; `S` is the stream. */
export interface StreamLink<S> {
  readonly host: { readonly heads: SharedHeads; readonly now: number };
  readonly connection: Connection<S>;
  /** Where many receivers share the connection: what they have together; else `null`. */
  readonly backlog: Backlog | null;
  /** Bytes of content that the output takes before it has to be flushed. */
  readonly contentRoom: number;
  /** Nobody waits for a turn, and the socket took everything so far: whoever has a little to send need not queue for it. */
  readonly isQuiet: boolean;
  /** The stream has something to send. */
  ready(stream: S): void;
  /** Something was put into the output. */
  dirty(): void;
  /** Writes what there is, without telling anybody. */
  flushQuietly(): void;
  /** Clients: opens the stream for the request head that is about to be sent; false: not now, or never (then it was told so). */
  open(stream: S, bytes: Uint8Array, start: number, end: number, isUpgrade: boolean): boolean;
  /** The stream is over, or never came to be. */
  dropped(stream: S): void;
}

/** What came of a turn. */
export const TURN = {
  /** Nothing is left to send. */
  DONE: 0,
  /** There is more, for the next turn. */
  MORE: 1,
  /** The peer's window is used up. */
  STALLED: 2,
  /** The output is full. */
  NO_ROOM: 3,
} as const;
