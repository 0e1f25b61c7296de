/** One connection to a node's tunnel as another node opens it: mutual TLS, settings both ways, and then nothing. */
import type { Socket } from "bun";
import type { HeldKeys } from "../../../src/proxy/tunnel/keys.ts";
import { dialerTls } from "../../../src/proxy/tunnel/tls-options.ts";
import { PREFACE } from "../../../src/wire/http2/protocol.ts";
import type { VisitorIdentities } from "./visitor-identities.ts";

/** Where to, and from which address of this machine: the gate for handshakes counts by address. */
export interface VisitTarget {
  readonly hostname: string;
  readonly port: number;
  /** Name of the node there. */
  readonly node: string;
  readonly localAddress: string;
}

/** Frames of HTTP/2 (RFC 9113 6.5, 6.7) that a connection without streams sees. */
const SETTINGS = 4;
const PING = 6;
const ACK = 1;
const HEAD_BYTES = 9;

const OWN_SETTINGS = Buffer.from([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]);
const SETTINGS_ACK = Buffer.from([0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0]);

/** A connection that is up; `close` ends it. */
export interface Visit {
  readonly isOver: boolean;
  close(): void;
}

class Visitor implements Visit {
  isOver = false;
  #socket: Socket<undefined> | null = null;
  #unread: Buffer = Buffer.alloc(0);
  readonly #settled: (isUp: boolean) => void;

  constructor(settled: (isUp: boolean) => void) {
    this.#settled = settled;
  }

  handshaken(socket: Socket<undefined>, isDone: boolean): void {
    this.#socket = socket;
    if (!isDone) this.close();
    else socket.write(Buffer.concat([Buffer.from(PREFACE), OWN_SETTINGS]));
  }

  received(bytes: Buffer): void {
    this.#unread = this.#unread.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#unread, bytes]);
    while (this.#unread.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + this.#unread.readUIntBE(0, 3);
      if (this.#unread.length < end) return;
      this.#frame(this.#unread.subarray(0, end));
      this.#unread = this.#unread.subarray(end);
    }
  }

  close(): void {
    this.#socket?.terminate();
    this.over();
  }

  over(): void {
    this.isOver = true;
    this.#settled(false);
  }

  #frame(frame: Buffer): void {
    const isAck = ((frame[4] ?? 0) & ACK) !== 0;
    if (isAck) return;
    if (frame[3] === PING) {
      const pong = Buffer.from(frame);
      pong[4] = ACK;
      this.#socket?.write(pong);
    } else if (frame[3] === SETTINGS) {
      this.#socket?.write(SETTINGS_ACK);
      this.#settled(true);
    }
  }
}

/** Dials; resolves when the other node's settings are there, or with `undefined` where it does not come to that. */
export function visit(ids: VisitorIdentities, own: HeldKeys, target: VisitTarget): Promise<Visit | undefined> {
  const { promise, resolve } = Promise.withResolvers<Visit | undefined>();
  const visitor: Visitor = new Visitor((isUp) => resolve(isUp ? visitor : undefined));
  // Anew each time, as a node does it.
  const tls = dialerTls(own, [ids.root], ids.trustDomain, target.node, { isWallDoubted: false });
  const options = {
    hostname: target.hostname,
    port: target.port,
    // Missing from the runtime's types.
    localAddress: target.localAddress,
    tls: tls as never,
    socket: {
      handshake: (socket: Socket<undefined>, isDone: boolean) => visitor.handshaken(socket, isDone),
      data: (_socket: Socket<undefined>, bytes: Buffer) => visitor.received(bytes),
      close: () => visitor.over(),
      error: () => visitor.over(),
    },
  };
  Bun.connect<undefined>(options).catch(() => visitor.over());
  return promise;
}
