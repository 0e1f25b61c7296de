import type { CallerIdentity } from "../caller.ts";
import type { ProxyContext } from "../context.ts";
import type { MessageSink } from "../message-sink.ts";
import type { Entrance } from "./entrance.ts";
import type { Session } from "./session.ts";

/** What whoever speaks with a caller needs of the worker. */
export interface DownstreamHost extends ProxyContext {
  /** Judges again after the snapshot changed; `null`: it cannot be told without a new connection. */
  reattest(caller: CallerIdentity): CallerIdentity | null;
}

/** What bytes from a caller and to it go through: its connection, or one stream of it that has become a tunnel. */
export interface Downstream {
  readonly out: MessageSink;
  readonly host: DownstreamHost;
  readonly entrance: Entrance;
  /** Who is at the other end; known before anything is spoken. */
  caller: CallerIdentity | null;
  /** What speaks on it; whoever hands it over to another protocol replaces it. */
  session: Session | null;
  /** Where the caller reached us; `""` where that is no IP address. */
  readonly localIp: string;
  lastByteMs: number;
  readonly isOpen: boolean;
  pauseReading(): void;
  resumeReading(): void;
  /** Looks after `afterMs` whether the session has been quiet for too long. */
  watch(afterMs: number): void;
  /** Ends it after everything written has left. */
  close(): void;
  /** Ends it at once, so that nobody takes what was sent for all; the session is not told. */
  cut(): void;
}
