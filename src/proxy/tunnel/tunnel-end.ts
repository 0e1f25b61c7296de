import type { Speaker } from "./tls-connection.ts";
import type { TunnelSession } from "./tunnel-session.ts";

/** One end of a tunnel: HTTP/2 on one TLS session. */
export interface TunnelEnd extends Speaker {
  readonly session: TunnelSession;
  /** Streams that are open. */
  readonly streams: number;
  /** It takes no new streams any more. */
  readonly isGoing: boolean;
  /** It has carried so much that another one should take its place. */
  readonly isWorn: boolean;
  /** Begins to speak; called once, within the handshake callback. */
  start(): void;
  /** Takes no new streams, lets those under way end, and closes then. */
  drain(): void;
  /** Cuts everything now: streams, TCP through them, the connection. `reason`: a stable word. */
  close(reason: string): void;
}

/** What an end tells whoever keeps it. */
export interface TunnelEndEvents {
  /** The other side's settings are there; called once. */
  up(): void;
  /** The other side takes no new streams: another connection is needed. */
  going(): void;
  /** It is over; called once. */
  gone(reason: string): void;
}

/** Makes an end for a verified session. */
export type MakeTunnelEnd<E extends TunnelEnd> = (session: TunnelSession, events: TunnelEndEvents) => E;
