import type { Socket } from "bun";
import { Timer } from "../../base/timer-wheel.ts";
import type { CallerIdentity } from "../caller.ts";
import { LINGER_MS } from "../limits.ts";
import { Output } from "../output.ts";
import { NO_SHARE } from "./connection-shares.ts";
import type { Downstream, DownstreamHost } from "./downstream.ts";
import type { Entrance } from "./entrance.ts";
import type { Session } from "./session.ts";

/** What a connection needs besides what all share. */
export interface ConnectionHost extends DownstreamHost {
  /**
   * Who is at the other end. Answers at once, or `null` and later through `answer`; `answer` is not called after a direct one.
   */
  attest(
    socket: Socket<Connection>,
    entrance: Entrance,
    answer: (caller: CallerIdentity) => void,
  ): CallerIdentity | null;
  opened(connection: Connection): boolean;
  closed(connection: Connection): void;
  /** The first protocol of a connection whose caller is known. */
  begin(connection: Connection): Session;
}

/** One connection of a caller. Made when it is accepted, finished when the socket is closed. */
export class Connection implements Downstream {
  readonly out = new Output();
  readonly host: ConnectionHost;
  readonly entrance: Entrance;
  caller: CallerIdentity | null = null;
  socket: Socket<Connection> | null = null;
  session: Session | null = null;
  lastByteMs = 0;
  /** Whose share of the connections it is counted in; the host's. */
  share = NO_SHARE;
  hasEnded = false;
  readonly #timer: Timer;
  /** What arrived before the caller was known. */
  #held: Buffer | null = null;
  #isPaused = false;
  #isLingering = false;
  #isCounted = false;

  constructor(entrance: Entrance, host: ConnectionHost) {
    this.entrance = entrance;
    this.host = host;
    this.#timer = new Timer(() => this.#onTimer());
  }

  get isOpen(): boolean {
    return this.socket !== null;
  }

  get localIp(): string {
    return this.socket?.localAddress ?? "";
  }

  opened(socket: Socket<Connection>): void {
    this.socket = socket;
    this.out.socket = socket;
    if (!this.host.opened(this)) {
      this.cut();
      return;
    }
    this.#isCounted = true;
    socket.setNoDelay(true);
    this.lastByteMs = this.host.nowMs();
    const caller = this.host.attest(socket, this.entrance, (late) => this.#begin(late));
    if (caller) this.#begin(caller);
    else this.pauseReading();
  }

  #begin(caller: CallerIdentity): void {
    if (!this.socket) return;
    this.caller = caller;
    this.session = this.host.begin(this);
    this.watch(this.session.quiet(0));
    this.resumeReading();
    const held = this.#held;
    this.#held = null;
    if (held) this.session?.received(held);
    if (this.hasEnded) this.session?.ended();
  }

  received(bytes: Buffer): void {
    if (this.#isLingering) return;
    this.lastByteMs = this.host.nowMs();
    if (this.session) this.session.received(bytes);
    else this.#held = this.#held ? Buffer.concat([this.#held, bytes]) : bytes;
  }

  drained(): void {
    if (!this.out.flush()) return;
    if (this.#isLingering) this.#leaveWhenDone();
    else this.session?.drained();
  }

  ended(): void {
    this.hasEnded = true;
    if (this.#isLingering) this.#leaveWhenDone();
    else this.session?.ended();
  }

  /** The socket was closed. @param error what closed it, where it was not the caller's last byte behind ours. */
  closed(error: Error | undefined): void {
    if (this.socket && !error && this.out.hasEnded && !this.hasEnded) this.ended();
    this.gone();
  }

  gone(): void {
    const { socket, session } = this;
    this.socket = null;
    this.session = null;
    this.out.socket = null;
    this.out.drop();
    this.host.wheel.remove(this.#timer);
    if (this.#isCounted) {
      this.#isCounted = false;
      this.host.closed(this);
    }
    if (socket) session?.gone();
  }

  pauseReading(): void {
    if (this.#isPaused || !this.socket) return;
    this.#isPaused = true;
    this.socket.pause();
  }

  resumeReading(): void {
    if (!this.#isPaused || !this.socket) return;
    this.#isPaused = false;
    this.socket.resume();
  }

  /** Looks after `afterMs` whether the session has been quiet for too long. */
  watch(afterMs: number): void {
    this.host.wheel.arm(this.#timer, this.host.nowMs(), afterMs);
  }

  /**
   * Ends the connection after everything written has left, and lets the caller read it: what it still sends is read and
   * dropped for a moment, because closing over unread bytes makes the kernel reset, and the answer is lost (RFC 9112 9.6).
   */
  close(): void {
    if (!this.socket || this.#isLingering) return;
    this.session = null;
    this.#isLingering = true;
    this.resumeReading();
    this.out.end();
    this.#leaveWhenDone();
    if (this.socket) this.watch(LINGER_MS);
  }

  /** Closes at once with a reset, so that nobody takes what was sent for all; the session is not told. */
  cut(): void {
    this.#letGo()?.terminate();
  }

  #leaveWhenDone(): void {
    if (this.hasEnded && this.out.queuedBytes === 0) this.#leave();
  }

  /** Closes without a reset: what the kernel still has to send goes on being sent, however slowly it is read. */
  #leave(): void {
    this.#letGo()?.end();
  }

  #letGo(): Socket<Connection> | null {
    const { socket } = this;
    this.session = null;
    if (socket) this.gone();
    return socket;
  }

  #onTimer(): void {
    if (!this.socket) return;
    if (this.#isLingering) {
      // Somebody who reads slowly still gets the rest, as long as there is progress.
      if (this.out.queuedBytes > 0 && this.host.nowMs() - this.lastByteMs < 30 * LINGER_MS) this.watch(LINGER_MS);
      else if (this.out.queuedBytes > 0) this.cut();
      else this.#leave();
      return;
    }
    const again = this.session?.quiet(this.host.nowMs() - this.lastByteMs) ?? 0;
    if (this.socket && !this.#isLingering && again > 0) this.watch(again);
  }
}

/** The one set of handlers of every connection from a caller. */
export const DOWNSTREAM_HANDLERS = {
  data: (socket: Socket<Connection>, bytes: Buffer): void => socket.data.received(bytes),
  drain: (socket: Socket<Connection>): void => socket.data.drained(),
  end: (socket: Socket<Connection>): void => socket.data.ended(),
  close: (socket: Socket<Connection>, error?: Error): void => socket.data?.closed(error),
  error: (socket: Socket<Connection>): void => socket.data?.cut(),
} as const;
