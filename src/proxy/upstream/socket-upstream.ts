import type { Socket } from "bun";
import { Timer } from "../../base/timer-wheel.ts";
import type { ConnectingSocket } from "../../kernel/connecting-socket.ts";
import { Output } from "../output.ts";
import type { Upstream, UpstreamOwner } from "./upstream.ts";

/** Where a connection belongs: its pool. */
export interface UpstreamHome {
  /** The owner is done with it, and it can serve another. */
  onReleased(upstream: SocketUpstream): void;
  onConnected(upstream: SocketUpstream): void;
  onConnectFailed(upstream: SocketUpstream, error: string): void;
  /** Called exactly once for a connection that had connected. */
  onClosed(upstream: SocketUpstream): void;
  /** An idle connection has been unused for too long. */
  onIdleTooLong(upstream: SocketUpstream): void;
}

/** The error of a connection that was not established in time. */
export const CONNECT_TIMED_OUT = "connect timed out";

const STATE = { CONNECTING: 0, IDLE: 1, BUSY: 2, CLOSED: 3 } as const;

/** One connection to an endpoint, as bytes. Made by its pool, lent to one owner at a time. */
export class SocketUpstream implements Upstream {
  readonly out = new Output();
  readonly home: UpstreamHome;
  readonly timer: Timer;
  socket: Socket<SocketUpstream> | null = null;
  /** While it is being established, where it can be given up. */
  connecting: ConnectingSocket | null = null;
  owner: UpstreamOwner | null = null;
  state: number = STATE.CONNECTING;
  /** Owners it has served: a connection that served none yet cannot be stale. */
  uses = 0;
  isPaused = false;
  /** No owner had it when it closed. */
  wasIdleAtClose = false;
  /** How long the endpoint keeps an idle connection, where it said so (`Keep-Alive: timeout=`). Milliseconds, 0 = unknown. */
  announcedIdleMs = 0;
  readonly isUntouched = false;
  readonly takesUpgrades = true;

  constructor(home: UpstreamHome) {
    this.home = home;
    this.timer = new Timer(() => this.#onTimer());
  }

  get isClosed(): boolean {
    return this.state === STATE.CLOSED;
  }

  get isConnecting(): boolean {
    return this.state === STATE.CONNECTING;
  }

  lend(owner: UpstreamOwner): void {
    this.owner = owner;
    this.state = STATE.BUSY;
    this.uses++;
  }

  release(): void {
    this.home.onReleased(this);
  }

  /** The pool has it again. */
  setIdle(): void {
    this.owner = null;
    this.state = STATE.IDLE;
  }

  pause(): void {
    if (this.isPaused || !this.socket) return;
    this.isPaused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.isPaused || !this.socket) return;
    this.isPaused = false;
    this.socket.resume();
  }

  /**
   * Closes at once; the owner is not told, the pool is. An idle connection is closed politely, and so is one whose owner has
   * had a last byte both ways; any other with a reset, so that the endpoint takes nothing for whole.
   */
  close(isFinished = false): void {
    if (this.state === STATE.CLOSED) return;
    const wasConnecting = this.state === STATE.CONNECTING;
    const isPolite = isFinished || this.state === STATE.IDLE;
    this.wasIdleAtClose = this.state === STATE.IDLE;
    this.state = STATE.CLOSED;
    this.owner = null;
    this.out.drop();
    this.out.socket = null;
    this.timer.deadlineMs = 0;
    const socket = this.socket;
    this.socket = null;
    if (isPolite) socket?.end();
    else socket?.terminate();
    if (!wasConnecting) this.home.onClosed(this);
  }

  #onTimer(): void {
    if (this.state === STATE.CONNECTING) {
      this.state = STATE.CLOSED;
      this.connecting?.giveUp();
      this.connecting = null;
      this.home.onConnectFailed(this, CONNECT_TIMED_OUT);
    } else if (this.state === STATE.IDLE) this.home.onIdleTooLong(this);
  }

  opened(socket: Socket<SocketUpstream>): void {
    if (this.state !== STATE.CONNECTING) {
      socket.terminate();
      return;
    }
    this.connecting = null;
    this.socket = socket;
    this.out.socket = socket;
    this.timer.deadlineMs = 0;
    socket.setNoDelay(true);
    this.setIdle();
    this.home.onConnected(this);
  }

  failed(error: string): void {
    if (this.state !== STATE.CONNECTING) return;
    this.state = STATE.CLOSED;
    this.connecting = null;
    this.timer.deadlineMs = 0;
    this.home.onConnectFailed(this, error);
  }

  received(bytes: Uint8Array): void {
    // Bytes that answer no request belong to nobody: whoever got the connection next would be given them.
    if (this.owner) this.owner.onUpstreamData(this, bytes);
    else this.close();
  }

  drained(): void {
    if (this.out.flush()) this.owner?.onUpstreamDrained(this);
  }

  ended(): void {
    if (this.owner) this.owner.onUpstreamEnded(this);
    else this.close();
  }

  /** The socket was closed. @param error what closed it, where it was not the endpoint's last byte behind ours. */
  gone(error?: Error): void {
    if (this.state === STATE.CLOSED) return;
    if (!error && this.out.hasEnded) this.owner?.onUpstreamEnded(this);
    if (this.isClosed) return;
    if (this.state === STATE.CONNECTING) {
      this.failed("closed while connecting");
      return;
    }
    this.wasIdleAtClose = this.state === STATE.IDLE;
    this.state = STATE.CLOSED;
    this.out.drop();
    this.out.socket = null;
    this.socket = null;
    this.timer.deadlineMs = 0;
    const owner = this.owner;
    this.owner = null;
    this.home.onClosed(this);
    owner?.onUpstreamClosed(this);
  }
}

/** The one set of handlers of every connection to an endpoint. */
export const UPSTREAM_HANDLERS = {
  open: (socket: Socket<SocketUpstream>): void => socket.data.opened(socket),
  data: (socket: Socket<SocketUpstream>, bytes: Uint8Array): void => socket.data.received(bytes),
  drain: (socket: Socket<SocketUpstream>): void => socket.data.drained(),
  end: (socket: Socket<SocketUpstream>): void => socket.data.ended(),
  close: (socket: Socket<SocketUpstream>, error?: Error): void => socket.data.gone(error),
  error: (socket: Socket<SocketUpstream>, error: Error): void => socket.data.gone(error),
  connectError: (socket: Socket<SocketUpstream>, error: Error): void => socket.data.failed(error.message),
} as const;
