import type { LinkStream, StreamOwner } from "../http2/link-stream.ts";
import { PING_AFTER_IDLE_MS } from "./limits.ts";
import { DIALER_OPTIONS } from "./link-options.ts";
import { SentProofs } from "./sent-proofs.ts";
import { TunnelCore } from "./tunnel-core.ts";
import type { TunnelEndEvents } from "./tunnel-end.ts";
import type { TunnelHost } from "./tunnel-host.ts";
import type { TunnelSession } from "./tunnel-session.ts";

/** The dialer's end of a tunnel: here streams to the other node are opened. */
export class TunnelLink extends TunnelCore {
  readonly proofs: SentProofs;
  #waiters = new Set<() => void>();

  constructor(host: TunnelHost, session: TunnelSession, events: TunnelEndEvents) {
    super(host, session, events, DIALER_OPTIONS, PING_AFTER_IDLE_MS, false);
    const proofsHost = {
      keys: host.keys,
      nowMs: () => host.nowMs(),
      judgedNowMs: () => host.trust.nowMs(),
      refused: (workload: string, status: number) => {
        const { node, connection } = session;
        const detail = `the other node answered ${status} to the proof of ${workload}`;
        host.reports.report({ node, address: connection.address, reason: "proof_refused_by_peer", detail });
      },
    };
    this.proofs = new SentProofs(proofsHost, this.link, session);
  }

  /** A stream for one request, or `null` where there is no room now: see `whenRoom`. */
  openStream(owner: StreamOwner): LinkStream | null {
    const stream = this.link.openStream(owner);
    if (stream !== null) this.keepAlive.busy(this.host.links.now);
    return stream;
  }

  /** Calls once when a stream has ended, or the link is over: then ask `Tunnels.link` again. */
  whenRoom(waiter: () => void): void {
    if (this.link.isOver) waiter();
    else this.#waiters.add(waiter);
  }

  /** Takes a waiter back. */
  forgetRoom(waiter: () => void): void {
    this.#waiters.delete(waiter);
  }

  onRequest(stream: LinkStream): void {
    // The codec lets no server open one.
    stream.reset(0);
  }

  onRefused(): void {
    // Requests only.
  }

  protected over(): void {
    this.roomier();
  }

  protected roomier(): void {
    if (this.#waiters.size === 0) return;
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const waiter of waiters) waiter();
  }
}
