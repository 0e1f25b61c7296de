import { CHALLENGE_BYTES } from "../../identity/issuer-request.ts";
import { PEER_STATUS } from "../../wire/channel/frames.ts";
import { newestByNode } from "../identity/issued-issuers.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";
import { IssuerDesk } from "./issuer-desk.ts";
import type { NodeContacts } from "./node-contacts.ts";
import type { PeerCalls, PeerReply, PeerWorker } from "./peer-calls.ts";
import {
  decodeSync,
  encodeRenewal,
  encodeSync,
  PEER_KIND,
  PEER_REFUSAL,
  type Sync,
  statusWords,
  type ToldIssuer,
} from "./peer-message.ts";
import { proveRenewal } from "./renewal-proof.ts";

/** What the service needs of the rest of the keeper. */
export interface PeerHost {
  readonly identity: SiteIdentity;
  /** Whether every worker judges by the newest trust; waits a while for that. */
  whenTaken(): Promise<boolean>;
  /** A worker whose dial to this node is up. */
  workerTo(node: string): PeerWorker | undefined;
  /** The root's node came into reach: what waited for it can be done. */
  rootInReach(): void;
  /** A node that says it holds the root tells whom it has signed issuers for; not proven by that. */
  issuersTold(by: string, issuers: readonly ToldIssuer[]): void;
  /** It signed this node's issuer, and so does hold the root. */
  rootProven(node: string): void;
  /** For the audit log. */
  told(
    what: "trust_adopted" | "trust_refused" | "issuer_signed" | "issuer_refused",
    node: string,
    detail: string,
  ): void;
}

const NOTHING = new Uint8Array(0);

/**
 * What nodes say to each other over tunnels that prove them: the root's word on whom to believe, which anybody may hand on; how
 * far it has been taken up; the clock floor; and new issuers, which the root's node alone can sign, for the asking node itself.
 */
export class PeerService {
  readonly #host: PeerHost;
  readonly #contacts: NodeContacts;
  readonly #calls: PeerCalls;
  readonly #desk: IssuerDesk;
  /** Nodes that a sync is under way with; true: something has changed since it was sent. */
  readonly #syncing = new Map<string, boolean>();
  #bansTaken = 0;
  #waiting: (() => void)[] = [];

  /** @param nowMs monotonic. */
  constructor(host: PeerHost, contacts: NodeContacts, calls: PeerCalls, nowMs: () => number) {
    this.#host = host;
    this.#contacts = contacts;
    this.#calls = calls;
    this.#desk = new IssuerDesk(host.identity, nowMs);
  }

  /** Answers a message from a proven node. Never rejects. `bytes` must stay as they are until then. */
  async answer(node: string, address: string, kind: number, bytes: Uint8Array): Promise<PeerReply> {
    try {
      if (this.#isBanned(node)) return { status: PEER_REFUSAL.BANNED, bytes: NOTHING };
      this.#contacts.heard(node, address, this.#host.identity.nowMs());
      switch (kind) {
        case PEER_KIND.SYNC:
          return await this.#answerSync(node, address, bytes);
        case PEER_KIND.RENEW_BEGIN:
          return this.#desk.begin(node);
        case PEER_KIND.RENEW:
          return await this.#answerRenewal(node, bytes);
        default:
          return { status: PEER_REFUSAL.UNKNOWN_KIND, bytes: NOTHING };
      }
    } catch {
      // A disk that refuses: nothing was promised.
      return { status: PEER_REFUSAL.REFUSED, bytes: NOTHING };
    }
  }

  /** Tells a node everything, and hears everything from it; once more where something changes meanwhile. Never rejects. */
  async sync(node: string): Promise<void> {
    if (this.#syncing.has(node)) {
      this.#syncing.set(node, true);
      return;
    }
    this.#syncing.set(node, false);
    try {
      do {
        this.#syncing.set(node, false);
        await this.#syncOnce(node);
      } while (this.#syncing.get(node) === true);
    } finally {
      this.#syncing.delete(node);
    }
  }

  /** Bundle, bans or issuers have changed: everybody who can be reached is told. */
  async changed(): Promise<void> {
    await this.refreshTaken();
    await Promise.all(this.#contacts.connected().map((node) => this.sync(node)));
  }

  /** Waits until workers have taken up the newest trust. */
  async refreshTaken(): Promise<void> {
    // After whoever else listens for the same change: only then are workers told.
    await Promise.resolve();
    const sequence = this.#host.identity.siteTrust.wordSequence;
    if (await this.#host.whenTaken()) this.#bansTaken = Math.max(this.#bansTaken, sequence);
  }

  /** Which of these nodes have taken up bans up to `sequence`; waits `waitMs` at most for those that have not. */
  async acknowledged(nodes: readonly string[], sequence: number, waitMs: number): Promise<readonly string[]> {
    const hasTaken = (node: string): boolean => (this.#contacts.find(node)?.bansTaken ?? 0) >= sequence;
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), waitMs);
    while (!nodes.every(hasTaken)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      if ((await Promise.race([promise, late.promise])) === "late") break;
    }
    clearTimeout(timer);
    return nodes.filter(hasTaken);
  }

  /** Gets this node a new issuer from the root's node. Answers why not, or `undefined`. May reject with IdentityStoreError. */
  async renewIssuer(): Promise<string | undefined> {
    const roots = this.#contacts.all.filter(({ holdsRoot, dialed }) => holdsRoot && dialed.size > 0);
    if (roots.length === 0) return "the root's node is not connected";
    let problem: string | undefined;
    for (const { node } of roots) {
      problem = await this.#renewAt(node);
      if (problem === undefined) return undefined;
    }
    return problem;
  }

  async #renewAt(node: string): Promise<string | undefined> {
    const { identity } = this.#host;
    const begun = await this.#ask(node, PEER_KIND.RENEW_BEGIN, NOTHING);
    if (begun.status !== PEER_STATUS.OK) return `${node} gave no challenge: ${statusWords(begun.status)}`;
    if (begun.bytes.length !== CHALLENGE_BYTES) return `${node} gave a challenge of another length`;
    const asked = await identity.askIssuer(begun.bytes);
    if ("refused" in asked) return asked.refused;
    const issuer = identity.issuerCertificate();
    if (issuer === undefined) return "this node has no issuer to ask with; it has to join";
    const challenge = begun.bytes;
    const { trustDomain, node: ownNode } = identity;
    const claim = { trustDomain, node: ownNode, challenge, request: asked.request };
    const proof = await identity.issuer.sign(async (signer) => proveRenewal(claim, signer));
    const renewal = encodeRenewal({ challenge, request: asked.request, issuer: issuer.der, proof });
    const signed = await this.#ask(node, PEER_KIND.RENEW, renewal);
    if (signed.status !== PEER_STATUS.OK) return `${node} signed nothing: ${statusWords(signed.status)}`;
    const problem = identity.installIssuer(signed.bytes);
    if (problem === undefined) this.#host.rootProven(node);
    return problem;
  }

  async #syncOnce(node: string): Promise<void> {
    const { status, bytes } = await this.#ask(node, PEER_KIND.SYNC, encodeSync(this.#ownSync()));
    if (status !== PEER_STATUS.OK) {
      this.#contacts.refused(node, statusWords(status));
      return;
    }
    const sync = decodeSync(bytes);
    if (sync === undefined) this.#contacts.refused(node, "its answer cannot be read");
    else if (this.#take(node, "", sync)) await this.refreshTaken();
  }

  async #answerSync(node: string, address: string, bytes: Uint8Array): Promise<PeerReply> {
    const sync = decodeSync(bytes);
    if (sync === undefined) return { status: PEER_REFUSAL.MALFORMED, bytes: NOTHING };
    // What is answered tells how far the workers are, so a ban is acknowledged when it is in force.
    if (this.#take(node, address, sync)) await this.refreshTaken();
    return { status: PEER_STATUS.OK, bytes: encodeSync(this.#ownSync()) };
  }

  /** Takes in what another node says; answers whether bundle or bans have changed by it. */
  #take(node: string, address: string, sync: Sync): boolean {
    const { identity } = this.#host;
    const contact = this.#contacts.heard(node, address, identity.nowMs());
    identity.confirmBundle(node, sync.bundleSequence);
    identity.clock.vouch(sync.floorMs, this.#issuerEndMs(node));
    if (contact !== undefined) {
      contact.bansTaken = sync.bansTaken;
      contact.holdsRoot = sync.holdsRoot;
    }
    if (sync.holdsRoot && !identity.holdsRoot) this.#host.issuersTold(node, sync.issuers);
    const isChanged = this.#adopt(node, sync.trust);
    for (const resolve of this.#waiting.splice(0)) resolve();
    if (sync.holdsRoot) this.#host.rootInReach();
    return isChanged;
  }

  #adopt(node: string, trust: Uint8Array): boolean {
    const { identity } = this.#host;
    if (trust.length === 0 || Buffer.from(trust).equals(identity.trustMessage())) return false;
    const adopted = identity.adoptTrust(trust);
    if (adopted === "adopted") this.#host.told("trust_adopted", node, "");
    else if (adopted !== "same" && adopted !== "older") this.#host.told("trust_refused", node, adopted);
    return adopted === "adopted";
  }

  async #answerRenewal(node: string, bytes: Uint8Array): Promise<PeerReply> {
    const reply = await this.#desk.sign(node, bytes);
    const isSigned = reply.status === PEER_STATUS.OK;
    this.#host.told(isSigned ? "issuer_signed" : "issuer_refused", node, reply.detail);
    return { status: reply.status, bytes: reply.bytes };
  }

  #ask(node: string, kind: number, bytes: Uint8Array): Promise<PeerReply> {
    const worker = this.#host.workerTo(node);
    if (worker === undefined) return Promise.resolve({ status: PEER_STATUS.NOT_CONNECTED, bytes: NOTHING });
    return this.#calls.send(worker, node, kind, bytes);
  }

  #ownSync(): Sync {
    const { identity } = this.#host;
    const issuers = identity.holdsRoot ? identity.issuedIssuers() : [];
    return {
      trust: identity.trustMessage(),
      bansTaken: this.#bansTaken,
      bundleSequence: identity.trust().bundle.sequence,
      floorMs: identity.clock.floorMs,
      holdsRoot: identity.holdsRoot,
      issuers,
    };
  }

  /** How far a node's word on the time is believed: to the end of its issuer, or of our own where its is not known. */
  #issuerEndMs(node: string): number {
    const { identity } = this.#host;
    const issued = newestByNode(identity.issuedIssuers()).get(node);
    return (issued ?? identity.issuerCertificate())?.notAfterMs ?? 0;
  }

  /** Workers let no banned key in; this is for a tunnel that is being cut, and on the root's node only. */
  #isBanned(node: string): boolean {
    const { identity } = this.#host;
    const issued = identity.issuedIssuers().filter((issuer) => issuer.node === node);
    return issued.length > 0 && issued.every(({ keyHash }) => identity.siteTrust.isBanned(keyHash));
  }
}
