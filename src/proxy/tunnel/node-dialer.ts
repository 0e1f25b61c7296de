import { Timer } from "../../base/timer-wheel.ts";
import { dial } from "./dial.ts";
import { judgeTunnel } from "./judge-tunnel.ts";
import { DIAL_TIMEOUT_MS, KEYS_WAIT_MS, OLD_TUNNELS_MAX, REDIAL_MS_FIRST, REDIAL_MS_MAX } from "./limits.ts";
import type { OwnAddress } from "./missing-addresses.ts";
import { stillHolds } from "./still-holds.ts";
import type { Speaker, TlsConnection, TlsOwner } from "./tls-connection.ts";
import { dialerTls } from "./tls-options.ts";
import type { MakeTunnelEnd, TunnelEnd } from "./tunnel-end.ts";
import type { TunnelHost } from "./tunnel-host.ts";

/** Where a node's tunnel is. */
export interface DialTarget {
  readonly hostname: string;
  readonly port: number;
}

/** Ends that the other side made. */
const CLOSED_BY_PEER: ReadonlySet<string> = new Set(["closed", "closed_by_peer", "connection_lost"]);

interface Attempt<E> {
  readonly connection: TlsConnection;
  readonly target: DialTarget;
  readonly keys: object;
  /** After the handshake, until the settings come. */
  end: E | null;
}

/**
 * Keeps one tunnel to one node: dials, dials again with jitter, and puts another connection in the place of one that comes to
 * its end, before it ends.
 */
export class NodeDialer<E extends TunnelEnd> implements TlsOwner {
  readonly wheel: TunnelHost["wheel"];
  readonly node: string;
  readonly #host: TunnelHost;
  readonly #make: MakeTunnelEnd<E>;
  #target: DialTarget;
  #attempt: Attempt<E> | null = null;
  #current: E | null = null;
  #currentTarget: DialTarget;
  /** Connections whose streams are still ending. */
  readonly #old = new Set<E>();
  readonly #waiters = new Set<(isUp: boolean) => void>();
  readonly #redial: Timer;
  readonly #deadline: Timer;
  #failures = 0;
  #mustReplace = false;
  #isClosed = false;
  #told = "";
  readonly #keysByMs: number;

  constructor(host: TunnelHost, node: string, target: DialTarget, make: MakeTunnelEnd<E>) {
    this.#host = host;
    this.wheel = host.wheel;
    this.node = node;
    this.#target = target;
    this.#currentTarget = target;
    this.#make = make;
    this.#keysByMs = host.nowMs() + KEYS_WAIT_MS;
    this.#redial = new Timer(() => this.settle());
    this.#deadline = new Timer(() => this.#giveUp("no_settings"));
  }

  /** The connection to open streams on; `null` while there is none. */
  get current(): E | null {
    const current = this.#current;
    return current === null || current.isGoing ? null : current;
  }

  /** Connections that were up and are not over. */
  get ends(): readonly E[] {
    return [...this.#old, ...(this.#current === null ? [] : [this.#current])];
  }

  /**
   * Calls once it is up, or with false when an attempt failed; at once where it is up, or where there are no keys to dial with and
   * none are to be expected.
   */
  whenUp(waiter: (isUp: boolean) => void): void {
    if (this.current !== null) waiter(true);
    else if (this.#isClosed || !(this.#canDial || this.#areKeysExpected)) waiter(false);
    else {
      this.#waiters.add(waiter);
      if (!this.#canDial) return;
      // Somebody waits: the first wait is long enough.
      if (this.#attempt === null && this.#failures <= 1) this.#dial();
      else if (this.#redial.deadlineMs - this.nowMs() > REDIAL_MS_FIRST) {
        this.wheel.remove(this.#redial);
        this.wheel.arm(this.#redial, this.nowMs(), REDIAL_MS_FIRST);
      }
    }
  }

  /** Takes a waiter back. */
  forget(waiter: (isUp: boolean) => void): void {
    this.#waiters.delete(waiter);
  }

  /** The node has just dialed this one: it is there, and there is nothing to wait for. */
  heardOf(): void {
    if (this.#isClosed || this.#current !== null || this.#attempt !== null) return;
    this.#failures = 0;
    this.#dial();
  }

  /** The documents name this address now. */
  aim(target: DialTarget): void {
    if (target.hostname === this.#target.hostname && target.port === this.#target.port) return;
    this.#target = target;
    this.#failures = 0;
    this.wheel.remove(this.#redial);
    this.#cutAttempt("address_changed");
    this.settle();
  }

  /** Does what is due: dials, replaces, closes. Call after every change of keys or trust, and now and then. */
  settle(): void {
    if (this.#isClosed) return;
    const { keys, trust } = this.#host;
    const nowMs = trust.nowMs();
    for (const end of [...this.#old]) if (!(nowMs < end.session.endMs)) end.close("certificate_end");
    if (keys.node === undefined) {
      if (!this.#areKeysExpected) this.#cutAll("identity_removed");
      return;
    }
    if (this.#attempt !== null && this.#attempt.keys !== keys.node) this.#cutAttempt("identity_changed");
    const current = this.#current;
    if (current !== null && !(nowMs < current.session.endMs)) current.close("certificate_end");
    if (this.#isReplacementDue(nowMs) && this.#attempt === null && this.#redial.deadlineMs === 0) this.#dial();
  }

  /** Closes what was opened from an address that this machine no longer has: nothing will ever come back there. */
  leaveAddresses(isLost: OwnAddress): void {
    for (const end of this.ends) if (isLost(end.session.localAddress)) end.close("address_gone");
  }

  /** Judges its connections once more; what does not hold any longer is closed. */
  judgeAgain(): void {
    const { trust } = this.#host.trust;
    for (const end of this.ends) {
      const problem = stillHolds(end.session, trust);
      if (problem === undefined) continue;
      const { address } = end.session.connection;
      const detail = "an open tunnel was closed";
      this.#host.reports.report({ node: this.node, address, reason: problem.refused, detail });
      end.close(problem.refused);
    }
  }

  /** Cuts everything and dials no more. */
  close(reason: string): void {
    this.#isClosed = true;
    this.#cutAll(reason);
  }

  nowMs(): number {
    return this.#host.nowMs();
  }

  opened(): boolean {
    return true;
  }

  handshaken(connection: TlsConnection, isDone: boolean, error: string): Speaker | string {
    const attempt = this.#attempt;
    if (attempt?.connection !== connection) return "given_up";
    const session = judgeTunnel(this.#host, connection, this.node, isDone, error);
    if (typeof session === "string") return session;
    const end = this.#make(session, {
      up: () => this.#up(attempt),
      going: () => this.#going(end),
      gone: (reason) => this.#gone(end, reason),
    });
    attempt.end = end;
    end.start();
    return end;
  }

  failed(connection: TlsConnection, reason: string): void {
    if (this.#attempt?.connection === connection) this.#attemptFailed(reason);
  }

  #isReplacementDue(nowMs: number): boolean {
    const current = this.#current;
    if (current === null) return true;
    const { session } = current;
    // Its own certificate is as good as before: no stream has to be cut for new ones.
    if (session.own !== this.#host.keys.node && this.#old.size < OLD_TUNNELS_MAX) return true;
    return this.#currentTarget !== this.#target || this.#mustReplace || current.isWorn || !(nowMs < session.rotateAtMs);
  }

  get #canDial(): boolean {
    return this.#host.keys.node !== undefined && this.#host.trust.roots.length > 0;
  }

  /** The worker has just started, and has not been told who it is. */
  get #areKeysExpected(): boolean {
    return this.#current === null && this.#attempt === null && this.nowMs() < this.#keysByMs;
  }

  #dial(): void {
    const { keys, trust, documents } = this.#host;
    const own = keys.node;
    if (own === undefined || !this.#canDial || this.#attempt !== null) return;
    this.wheel.remove(this.#redial);
    const target = this.#target;
    const tls = dialerTls(own, trust.roots, documents.trustDomain, this.node, trust);
    const connection = dial(this, target.hostname, target.port, own, tls, DIAL_TIMEOUT_MS);
    this.#attempt = { connection, target, keys: own, end: null };
    this.wheel.arm(this.#deadline, this.nowMs(), DIAL_TIMEOUT_MS);
  }

  #up(attempt: Attempt<E>): void {
    const { end } = attempt;
    if (this.#attempt !== attempt || end === null) return;
    this.#attempt = null;
    this.wheel.remove(this.#deadline);
    const before = this.#current;
    this.#current = end;
    this.#currentTarget = attempt.target;
    this.#failures = 0;
    this.#mustReplace = false;
    this.#tell(true, "");
    this.#answer(true);
    if (before === null) return;
    this.#old.add(before);
    before.drain();
    const [oldest] = this.#old;
    if (this.#old.size > OLD_TUNNELS_MAX) oldest?.close("too_many_old");
  }

  #going(end: E): void {
    if (this.#current !== end) return;
    this.#mustReplace = true;
    this.settle();
  }

  #gone(end: E, reason: string): void {
    this.#old.delete(end);
    if (this.#attempt?.end === end) {
      // The handshake was right for us: whoever closes it then does not believe us, or goes just now.
      this.#attemptFailed(CLOSED_BY_PEER.has(reason) ? "closed_before_settings" : reason);
      return;
    }
    if (this.#current !== end) return;
    this.#current = null;
    this.#mustReplace = false;
    this.#tell(false, reason);
    if (this.#attempt === null && !this.#isClosed) this.#later();
  }

  #giveUp(reason: string): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    if (attempt.end === null) attempt.connection.cut(reason);
    else attempt.end.close(reason);
  }

  #attemptFailed(reason: string): void {
    this.#attempt = null;
    this.wheel.remove(this.#deadline);
    this.#failures++;
    if (this.#current === null) {
      this.#tell(false, reason);
      this.#answer(false);
    }
    if (!this.#isClosed) this.#later();
  }

  /** Waits, the longer the more attempts failed, and never as long as another node that waits for the same. */
  #later(): void {
    const longestMs = Math.min(REDIAL_MS_MAX, REDIAL_MS_FIRST * 2 ** Math.min(this.#failures, 16));
    this.wheel.remove(this.#redial);
    this.wheel.arm(this.#redial, this.nowMs(), this.#host.random() * longestMs);
  }

  #cutAttempt(reason: string): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#attempt = null;
    this.wheel.remove(this.#deadline);
    if (attempt.end === null) attempt.connection.cut(reason);
    else attempt.end.close(reason);
  }

  #cutAll(reason: string): void {
    this.wheel.remove(this.#redial);
    this.#cutAttempt(reason);
    for (const end of this.ends) end.close(reason);
    this.wheel.remove(this.#redial);
    this.#answer(false);
  }

  #answer(isUp: boolean): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter(isUp);
  }

  /** Tells what changed, not every dial that failed like the one before. */
  #tell(isUp: boolean, reason: string): void {
    const { hostname, port } = this.#currentTarget;
    const said = `${isUp} ${reason}`;
    if (said === this.#told && !isUp) return;
    this.#told = said;
    const address = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
    this.#host.tell({ node: this.node, direction: "dialer", isUp, address, reason });
  }
}
