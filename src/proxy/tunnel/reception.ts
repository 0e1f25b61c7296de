import { JOIN_ALPN } from "../../identity/join-protocol.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { type GateRefusal, HandshakeGate } from "./handshake-gate.ts";
import type { JoinDoor } from "./join-door.ts";
import { judgeTunnel } from "./judge-tunnel.ts";
import { TUNNELS_MAX, TUNNELS_PER_NODE_MAX } from "./limits.ts";
import type { OwnAddress } from "./missing-addresses.ts";
import { stillHolds } from "./still-holds.ts";
import type { Speaker, TlsConnection, TlsOwner } from "./tls-connection.ts";
import { alpnOf } from "./tls-session.ts";
import type { MakeTunnelEnd, TunnelEnd } from "./tunnel-end.ts";
import type { TunnelHost } from "./tunnel-host.ts";
import type { TunnelSession } from "./tunnel-session.ts";

/** Decides about connections that other nodes open, and keeps those that were let in. */
export class Reception<E extends TunnelEnd> implements TlsOwner {
  readonly wheel: TunnelHost["wheel"];
  readonly #host: TunnelHost;
  readonly #make: MakeTunnelEnd<E>;
  readonly #door: JoinDoor;
  readonly #gate = new HandshakeGate();
  readonly #waiting = new Set<TlsConnection>();
  readonly #ends = new Set<E>();
  #drained: () => void = () => undefined;

  constructor(host: TunnelHost, door: JoinDoor, make: MakeTunnelEnd<E>) {
    this.#host = host;
    this.wheel = host.wheel;
    this.#door = door;
    this.#make = make;
  }

  /** The tunnels that are open. */
  get ends(): ReadonlySet<E> {
    return this.#ends;
  }

  /** Connections that have not shaken hands yet. */
  get handshakes(): number {
    return this.#gate.underWay;
  }

  nowMs(): number {
    return this.#host.nowMs();
  }

  opened(connection: TlsConnection): boolean {
    const { documents, stats } = this.#host;
    const { address } = connection;
    const begin = () => this.#gate.begin(address, documents.isKnownAddress(address), this.nowMs());
    let refused = begin();
    if (refused === "total" && this.#putOutStranger()) refused = begin();
    if (refused === undefined) {
      this.#waiting.add(connection);
      return true;
    }
    stats.counter(LIMIT_COUNTER[GATE_LIMIT[refused]]);
    this.#host.reports.report({ node: "", address, reason: "handshake_limit", detail: refused });
    return false;
  }

  /** The stranger whose handshake takes longest: connections that only stand there must not keep a machine from joining. */
  #putOutStranger(): boolean {
    const { documents, stats } = this.#host;
    for (const connection of this.#waiting) {
      if (documents.isKnownAddress(connection.address)) continue;
      stats.counter(LIMIT_COUNTER.handshakes);
      connection.cut("others_wait");
      return true;
    }
    return false;
  }

  handshaken(connection: TlsConnection, isDone: boolean, error: string): Speaker | string {
    this.#leaveGate(connection);
    if (isDone && connection.socket !== null && alpnOf(connection.socket as never) === JOIN_ALPN) {
      return this.#door.enter(connection);
    }
    const session = judgeTunnel(this.#host, connection, undefined, isDone, error);
    if (typeof session === "string") return session;
    if (this.#isFull(session)) {
      this.#host.stats.counter(LIMIT_COUNTER.tunnels);
      const { node } = session;
      this.#host.reports.report({ node, address: connection.address, reason: "tunnel_limit", detail: "" });
      return "limit";
    }
    return this.#begin(session);
  }

  failed(connection: TlsConnection, reason: string): void {
    this.#leaveGate(connection);
    if (reason === "handshake_timeout") this.#host.stats.counter(LIMIT_COUNTER.handshake_timeout);
  }

  /** Judges all that is open once more; what does not hold any longer is closed. */
  judgeAgain(): void {
    const { trust } = this.#host.trust;
    for (const end of [...this.#ends]) {
      const problem = this.#host.documents.isRegistered(end.session.node)
        ? stillHolds(end.session, trust)?.refused
        : "node_unknown";
      if (problem !== undefined) this.#refuse(end, problem);
    }
  }

  /** Closes what came to an address that this machine no longer has. */
  leaveAddresses(isLost: OwnAddress): void {
    for (const end of [...this.#ends]) if (isLost(end.session.localAddress)) end.close("address_gone");
  }

  /** Closes what has come to the end of its certificates. */
  tick(): void {
    const nowMs = this.#host.trust.nowMs();
    for (const end of [...this.#ends]) if (!(nowMs < end.session.endMs)) end.close("certificate_end");
  }

  /** Lets streams end, and closes. @param gone called for each tunnel that is over. */
  drain(gone: () => void): void {
    this.#drained = gone;
    for (const connection of [...this.#waiting]) connection.cut("draining");
    for (const end of [...this.#ends]) end.drain();
  }

  /** Cuts everything. */
  close(reason: string): void {
    for (const connection of [...this.#waiting]) connection.cut(reason);
    for (const end of [...this.#ends]) end.close(reason);
  }

  #begin(session: TunnelSession): Speaker {
    const { node, connection } = session;
    const tell = (isUp: boolean, reason: string) =>
      this.#host.tell({ node, direction: "listener", isUp, address: connection.address, reason });
    let isUp = false;
    const end = this.#make(session, {
      up: () => {
        isUp = true;
        tell(true, "");
      },
      going: () => undefined,
      gone: (reason) => {
        this.#ends.delete(end);
        this.#drained();
        if (isUp) tell(false, reason);
      },
    });
    this.#ends.add(end);
    end.start();
    return end;
  }

  #refuse(end: E, reason: string): void {
    const { node, connection } = end.session;
    this.#host.reports.report({ node, address: connection.address, reason, detail: "an open tunnel was closed" });
    end.close(reason);
  }

  #isFull({ node }: TunnelSession): boolean {
    if (this.#ends.size >= TUNNELS_MAX) return true;
    let count = 0;
    for (const end of this.#ends) if (end.session.node === node) count++;
    return count >= TUNNELS_PER_NODE_MAX;
  }

  #leaveGate(connection: TlsConnection): void {
    if (this.#waiting.delete(connection)) this.#gate.end(connection.address);
  }
}

const GATE_LIMIT: Readonly<Record<GateRefusal, "handshakes" | "handshakes_of_address">> = {
  total: "handshakes",
  address: "handshakes_of_address",
  rate: "handshakes_of_address",
};
