import type { TimerWheel } from "../../base/timer-wheel.ts";
import type { ListenerRecord } from "../../model/snapshot.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { LinkHost } from "../http2/link.ts";
import type { RecordStore } from "../mesh/store.ts";
import type { ListenerOutcome } from "../worker/listeners.ts";
import { AcceptedTunnel } from "./accepted-tunnel.ts";
import { Acceptor } from "./acceptor.ts";
import { TunnelDocuments } from "./documents.ts";
import { JoinDoor } from "./join-door.ts";
import { type KeeperQuestion, KeeperRelay } from "./keeper-relay.ts";
import { type HeldKeys, Keys, type KeysFrame, NODE_KEYS } from "./keys.ts";
import { MissingAddresses, type OwnAddress } from "./missing-addresses.ts";
import { NodeDialer } from "./node-dialer.ts";
import { PeerMessages, type PeerReply } from "./peer-messages.ts";
import { Reception } from "./reception.ts";
import { type RefusalReport, RefusalReports } from "./refusal-reports.ts";
import { NO_TUNNEL_STREAMS, type TunnelStreams } from "./stream-handler.ts";
import { listenerTls } from "./tls-options.ts";
import { type TrustFrame, TunnelTrust } from "./trust.ts";
import type { TunnelHost, TunnelState } from "./tunnel-host.ts";
import { TunnelLink } from "./tunnel-link.ts";

/** What the transport tells the keeper. */
export interface TunnelWire {
  tunnel(state: TunnelState): void;
  refused(report: RefusalReport): void;
  listening(outcome: ListenerOutcome): void;
  /** False: there is no keeper. */
  request(requestId: number, question: KeeperQuestion): boolean;
}

/** What the transport needs of the worker: one of each. */
export interface TunnelsHost {
  readonly store: RecordStore;
  readonly wheel: TimerWheel;
  readonly stats: Pick<StatsWriter, "counter">;
  readonly links: LinkHost;
  readonly wire: TunnelWire;
  /** On the monotonic clock; reading it sets `links.now`. */
  nowMs(): number;
  /** Milliseconds since 1970 on the machine's clock, believed or not. */
  wallMs(): number;
  /** From 0 up to 1. */
  random(): number;
  /** Looks once, and answers what tells whether an IP address is this machine's. */
  ownAddresses(): OwnAddress;
}

/** With what the listener was opened last. */
interface Opened {
  readonly record: ListenerRecord;
  readonly own: HeldKeys;
  readonly rootsEpoch: number;
  readonly isDoorOpen: boolean;
  readonly isWallDoubted: boolean;
}

/**
 * All tunnels of a worker: one to each other node, those that other nodes opened to this one, and what they need: keys, trust and
 * documents. Whatever of these changes is judged against everything that is open, before anything else happens.
 */
export class Tunnels {
  readonly documents: TunnelDocuments;
  readonly #host: TunnelHost;
  readonly #wire: TunnelWire;
  readonly #store: RecordStore;
  readonly #ownAddresses: () => OwnAddress;
  readonly #missing = new MissingAddresses();
  readonly #relay: KeeperRelay;
  readonly #door: JoinDoor;
  readonly #reception: Reception<AcceptedTunnel>;
  readonly #acceptor: Acceptor;
  readonly #messages: PeerMessages;
  readonly #dialers = new Map<string, NodeDialer<TunnelLink>>();
  #opened: Opened | null = null;
  #isDraining = false;
  /** Who has the streams that other nodes open. Set once, before the first tunnel. */
  streams: TunnelStreams = NO_TUNNEL_STREAMS;

  constructor(host: TunnelsHost) {
    const { wheel, stats, links, wire, store } = host;
    const nowMs = (): number => host.nowMs();
    this.documents = new TunnelDocuments(store);
    this.#store = store;
    this.#wire = wire;
    this.#ownAddresses = () => host.ownAddresses();
    this.#host = {
      wheel,
      stats,
      links,
      keys: new Keys(),
      trust: new TunnelTrust(nowMs, () => host.wallMs()),
      documents: this.documents,
      reports: new RefusalReports((report) => wire.refused(report), nowMs),
      nowMs,
      random: () => host.random(),
      tell: (state) => this.#tell(state),
    };
    this.#relay = new KeeperRelay({ wheel, nowMs, request: (id, question) => wire.request(id, question) });
    this.#door = new JoinDoor({ wheel, nowMs, relay: this.#relay });
    this.#reception = new Reception(
      this.#host,
      this.#door,
      (session, events) => new AcceptedTunnel(this.#host, session, events, this.streams, this.#relay),
    );
    this.#acceptor = new Acceptor(this.#reception);
    this.#messages = new PeerMessages(this.#host);
  }

  #tell(state: TunnelState): void {
    this.#wire.tunnel(state);
    if (state.direction === "listener" && state.isUp) this.#dialers.get(state.node)?.heardOf();
  }

  /** The link to open streams on; `null`: none is up to that node now. */
  link(node: string): TunnelLink | null {
    return this.#dialers.get(node)?.current ?? null;
  }

  /**
   * Calls once: with true when a link is up, at once where one is; with false when an attempt failed, and at once where there is
   * nobody to dial. @param waiter to be taken back with `forget` by whoever waits no longer.
   */
  whenUp(node: string, waiter: (isUp: boolean) => void): void {
    const dialer = this.#dialers.get(node);
    if (dialer === undefined) waiter(false);
    else dialer.whenUp(waiter);
  }

  /** Takes a waiter of `whenUp` back. */
  forget(node: string, waiter: (isUp: boolean) => void): void {
    this.#dialers.get(node)?.forget(waiter);
  }

  /**
   * The handle under which a workload of this node speaks on a link, or one of NO_HANDLE. @param waiter called once where that
   * is PENDING, when to ask again.
   */
  handleFor(link: TunnelLink, workload: string, waiter: () => void): number {
    return link.proofs.handle(workload, waiter);
  }

  /** The handle under which a workload of this node speaks on a link, where it is in use already; else -1. Sends nothing. */
  knownHandle(link: TunnelLink, workload: string): number {
    return link.proofs.known(workload);
  }

  /** Calls once, when keys of a workload of this node come; `handleFor` says NO_KEYS until then. */
  whenKeys(workload: string, waiter: () => void): void {
    this.#host.keys.whenHeld(workload, waiter);
  }

  /** Takes a waiter of `whenKeys` back. */
  forgetKeys(workload: string, waiter: () => void): void {
    this.#host.keys.forget(workload, waiter);
  }

  /** Tunnels that other nodes have opened. */
  get accepted(): ReadonlySet<AcceptedTunnel> {
    return this.#reception.ends;
  }

  /** Connections of others that have not shaken hands yet. */
  get handshakes(): number {
    return this.#reception.handshakes;
  }

  /** Port of the listener, 0 where it is not open. */
  get port(): number {
    return this.#acceptor.port;
  }

  /** Sends a message of the keeper's to another node. `bytes` is kept until it has left. */
  send(node: string, kind: number, bytes: Uint8Array, reply: PeerReply): void {
    this.#messages.send(this.link(node), kind, bytes, reply);
  }

  /** A PEER_ANSWER came. */
  answered(requestId: number, status: number, bytes: Uint8Array): void {
    this.#relay.answered(requestId, status, bytes);
  }

  /** A KEYS frame came; what is kept is copied, the key in the frame is wiped. */
  takeKeys(frame: KeysFrame): void {
    const problem = this.#host.keys.take(frame);
    if (problem !== "") {
      const detail = `keys of ${frame.workload === NODE_KEYS ? "the node" : frame.workload}`;
      this.#host.reports.report({ node: this.documents.node, address: "", reason: problem, detail });
    }
    if (frame.workload === NODE_KEYS) this.#settle();
  }

  /** A TRUST frame came. When this returns, nothing that it no longer holds for is open any more. */
  takeTrust(frame: TrustFrame): void {
    const { trust } = this.#host;
    trust.take(frame);
    this.#reportTrustProblem();
    this.#judgeAgain();
    this.#settle();
  }

  /** The keeper opens or shuts the join door. */
  setDoor(isOpen: boolean): void {
    this.#door.set(isOpen);
    this.#settle();
  }

  /** The store holds another generation: call after it was committed. */
  commit(): void {
    const before = this.documents.trustDomain;
    this.documents.commit();
    this.#host.trust.follow(this.documents.trustDomain);
    if (before !== this.documents.trustDomain) this.#reportTrustProblem();
    this.#followNodes();
    this.#judgeAgain();
    this.#settle();
  }

  /** What time brings: call every few seconds. */
  tick(): void {
    if (this.#dialers.size > 0 || this.#reception.ends.size > 0) this.#leaveAddresses();
    this.#reception.tick();
    for (const tunnel of [...this.#reception.ends]) tunnel.tick();
    this.#settle();
  }

  /** The keeper is gone: nobody answers, and nobody new is let in by the door. What is open goes on. */
  keeperGone(): void {
    this.#relay.cut();
    this.setDoor(false);
  }

  /**
   * Accepts nothing more, and lets what other nodes have under way end. This node's own calls go on. @param gone called for each
   * tunnel of another node that is over, see `accepted`.
   */
  drain(gone: () => void): void {
    this.#isDraining = true;
    this.#acceptor.close();
    this.#reception.drain(gone);
  }

  /** Cuts everything and wipes every key. */
  close(reason: string): void {
    this.#isDraining = true;
    this.#acceptor.close();
    this.#reception.close(reason);
    for (const dialer of this.#dialers.values()) dialer.close(reason);
    this.#dialers.clear();
    this.#relay.cut();
    this.#host.keys.clear();
  }

  /** TCP would wait for a quarter of an hour on an address that is gone. */
  #leaveAddresses(): void {
    const isLost = this.#missing.look(this.#ownAddresses(), this.#localAddresses(), this.#host.nowMs());
    this.#reception.leaveAddresses(isLost);
    for (const dialer of this.#dialers.values()) dialer.leaveAddresses(isLost);
  }

  #localAddresses(): Set<string> {
    const addresses = new Set<string>();
    for (const { session } of this.#reception.ends) addresses.add(session.localAddress);
    for (const dialer of this.#dialers.values()) {
      for (const { session } of dialer.ends) addresses.add(session.localAddress);
    }
    return addresses;
  }

  #followNodes(): void {
    const { remote } = this.documents;
    for (const [node, dialer] of this.#dialers) {
      if (remote.get(node)?.hostname !== undefined) continue;
      this.#dialers.delete(node);
      dialer.close("node_removed");
    }
    for (const { name, hostname, port } of remote.values()) {
      if (hostname === undefined || port === undefined) continue;
      const known = this.#dialers.get(name);
      if (known !== undefined) known.aim({ hostname, port });
      else this.#dialers.set(name, this.#makeDialer(name, hostname, port));
    }
  }

  #makeDialer(node: string, hostname: string, port: number): NodeDialer<TunnelLink> {
    return new NodeDialer(
      this.#host,
      node,
      { hostname, port },
      (session, events) => new TunnelLink(this.#host, session, events),
    );
  }

  #judgeAgain(): void {
    this.#reception.judgeAgain();
    for (const tunnel of [...this.#reception.ends]) tunnel.judgeCallers();
    for (const dialer of this.#dialers.values()) {
      dialer.judgeAgain();
      dialer.current?.proofs.forgetRefused();
    }
  }

  /** Opens, swaps and closes what keys, trust and documents now ask for. */
  #settle(): void {
    this.#settleListener();
    for (const dialer of this.#dialers.values()) dialer.settle();
  }

  #settleListener(): void {
    const { keys, trust } = this.#host;
    const [record] = [...this.#store.all("listener")].filter(({ role }) => role === "tunnel");
    const own = keys.node;
    if (this.#isDraining) return;
    if (own === undefined || trust.roots.length === 0 || record === undefined) {
      this.#acceptor.close();
      this.#opened = null;
      if (own === undefined) this.#reception.close("identity_removed");
      return;
    }
    const { rootsEpoch, isWallDoubted } = trust;
    const wanted: Opened = { record, own, rootsEpoch, isDoorOpen: this.#door.isOpen, isWallDoubted };
    if (this.#opened !== null && isSame(this.#opened, wanted)) return;
    const outcome = this.#acceptor.open(record.hostname, record.port, own, listenerTls(own, trust.roots, wanted));
    const isNew = this.#opened?.record.key !== record.key;
    // One that could not be opened is tried again with the next change, and not every second.
    this.#opened = wanted;
    const failed = "errno" in outcome ? outcome : { errno: 0, message: "" };
    if (isNew || outcome.port === 0) {
      this.#wire.listening({ key: record.key, port: outcome.port, errno: failed.errno, message: failed.message });
    }
  }

  #reportTrustProblem(): void {
    const { problem } = this.#host.trust;
    if (problem === "") return;
    const detail = "bundle or bans of the keeper cannot be read: nobody is believed";
    this.#host.reports.report({ node: this.documents.node, address: "", reason: problem, detail });
  }
}

function isSame(a: Opened, b: Opened): boolean {
  const isSamePlace = a.record.hostname === b.record.hostname && a.record.port === b.record.port;
  const isSameJudge = a.rootsEpoch === b.rootsEpoch && a.isDoorOpen === b.isDoorOpen;
  return isSamePlace && isSameJudge && a.own === b.own && a.isWallDoubted === b.isWallDoubted;
}
