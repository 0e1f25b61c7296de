import type { Socket, SocketHandler } from "bun";
import { Timer, type TimerWheel } from "../../base/timer-wheel.ts";
import type { ConnectingSocket } from "../../kernel/connecting-socket.ts";
import type { HeldKeys } from "./keys.ts";

/** What speaks on a connection whose other end was verified. */
export interface Speaker {
  /** The view is valid only now. */
  received(bytes: Buffer): void;
  /** The socket takes bytes again. */
  drained(): void;
  /** The socket is closed; called once, last. */
  gone(reason: string): void;
}

/** Who decides about a connection. */
export interface TlsOwner {
  readonly wheel: TimerWheel;
  nowMs(): number;
  /** TCP is there. False: close it at once. */
  opened(connection: TlsConnection): boolean;
  /**
   * The handshake is over: who speaks from now on, or why nobody may. Not one byte of the peer is handed on before, nor after a
   * refusal. @param isDone false: the runtime says that it failed. @param error the runtime's own word, `""` = none.
   */
  handshaken(connection: TlsConnection, isDone: boolean, error: string): Speaker | string;
  /** It ended without a speaker; called once. `reason`: a stable word. */
  failed(connection: TlsConnection, reason: string): void;
}

/**
 * One TLS connection, accepted or dialed, until somebody verified speaks on it. Three ends are possible: the time is up, the
 * owner refuses, or the socket closes; each is told once.
 */
export class TlsConnection {
  readonly owner: TlsOwner;
  /** The identity of ours that it shows. */
  readonly own: HeldKeys;
  socket: Socket<TlsConnection> | null = null;
  /** Dialed, and not connected yet, where it can be given up. */
  connecting: ConnectingSocket | null = null;
  /** IP address of the other end, once TCP is there. */
  address = "";
  /** IP address of this end. */
  localAddress = "";
  #speaker: Speaker | null = null;
  #isOver = false;
  readonly #timer: Timer;

  /** @param timeoutMs until somebody must speak. */
  constructor(owner: TlsOwner, own: HeldKeys, timeoutMs: number) {
    this.owner = owner;
    this.own = own;
    this.#timer = new Timer(() => this.cut("handshake_timeout"));
    owner.wheel.arm(this.#timer, owner.nowMs(), timeoutMs);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends it now; nothing that was received or queued counts any more. */
  cut(reason: string): void {
    if (this.#isOver) return;
    // First, so that the runtime's callbacks within `terminate` find it closed.
    this.#over(reason);
    // Not `end`: that hands on what was already read.
    this.socket?.terminate();
    this.connecting?.giveUp();
    this.connecting = null;
  }

  /** Ends it once what was written has left. */
  finish(reason: string): void {
    if (this.#isOver) return;
    this.#over(reason);
    this.socket?.end();
  }

  /** TCP is there. */
  opened(socket: Socket<TlsConnection>): void {
    this.socket = socket;
    this.connecting = null;
    const { remoteAddress, localAddress } = addressesOf(socket);
    this.address = plainAddress(remoteAddress ?? "");
    this.localAddress = plainAddress(localAddress ?? "");
    // A dial that was given up while the runtime was still connecting.
    if (this.#isOver) socket.terminate();
    // Reset by the other end before it was accepted: nobody is there, and the system tells no address.
    else if (remoteAddress === undefined) this.cut("connection_lost");
    else if (!this.owner.opened(this)) this.cut("limit");
  }

  handshaken(isDone: boolean, error: string): void {
    if (this.#isOver || this.#speaker !== null) return;
    const speaker = this.owner.handshaken(this, isDone, error);
    if (typeof speaker === "string") {
      this.cut(speaker);
      return;
    }
    this.owner.wheel.remove(this.#timer);
    this.#speaker = speaker;
  }

  received(bytes: Buffer): void {
    if (!this.#isOver) this.#speaker?.received(bytes);
  }

  drained(): void {
    if (!this.#isOver) this.#speaker?.drained();
  }

  closed(reason: string): void {
    if (!this.#isOver) this.#over(reason);
  }

  #over(reason: string): void {
    this.#isOver = true;
    this.owner.wheel.remove(this.#timer);
    const speaker = this.#speaker;
    this.#speaker = null;
    if (speaker === null) this.owner.failed(this, reason);
    else speaker.gone(reason);
  }
}

/** Handlers of both ends; `socket.data` is the connection. */
export const TLS_HANDLERS: SocketHandler<TlsConnection> = {
  open: (socket) => socket.data.opened(socket),
  handshake: (socket, isDone, error) => socket.data.handshaken(isDone === true, wordOf(error)),
  data: (socket, bytes) => socket.data.received(bytes),
  drain: (socket) => socket.data.drained(),
  end: (socket) => socket.data.cut("closed_by_peer"),
  close: (socket, error) => socket.data.closed(error === undefined ? "closed" : "connection_lost"),
  // The runtime comes here with what a handler above threw: a fault of ours, which costs this connection and must not pass unseen.
  error: (socket, error) => {
    console.error("selvedge worker: a tunnel's handler failed:", error);
    socket.data.closed("connection_lost");
  },
};

/** The runtime's code for what went wrong, `""` = nothing. */
export function wordOf(error: unknown): string {
  if (error === null || error === undefined) return "";
  if (typeof error === "object" && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.message : String(error);
}

/** As the runtime really tells them: its types leave out that a socket which is gone has none. */
function addressesOf(socket: Socket<TlsConnection>): {
  readonly remoteAddress?: string;
  readonly localAddress?: string;
} {
  return socket;
}

/** An IPv4 address that a socket for both families shows within an IPv6 one, as it stands in documents. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
