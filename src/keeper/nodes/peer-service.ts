import type { Certificate } from "../../identity/certificate.ts";
import { CHALLENGE_BYTES } from "../../identity/issuer-request.ts";
import { PEER_STATUS } from "../../wire/channel/frames.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";
import { IssuerDesk } from "./issuer-desk.ts";
import type { NodeContacts } from "./node-contacts.ts";
import type { PeerCalls, PeerReply, PeerWorker } from "./peer-calls.ts";
import { encodeRenewal, PEER_KIND, PEER_REFUSAL, type Sync, statusWords, type ToldIssuer } from "./peer-message.ts";
import { PeerRates } from "./peer-rates.ts";
import { proveRenewal } from "./renewal-proof.ts";
import { decodeSignedSync, judgeSync, type SignedSync, signSync } from "./signed-sync.ts";

/** What the service needs of the rest of the keeper. */
export interface PeerHost {
  readonly identity: SiteIdentity;
  /** Whether every worker judges by the newest trust; waits a while for that. */
  whenTaken(): Promise<boolean>;
  /** A worker whose dial to this node is up. */
  workerTo(node: string): PeerWorker | undefined;
  /** The root's node came into reach: what waited for it can be done. */
  rootInReach(): void;
  /** Whether this node was let in by that one, or got its issuer from it last. */
  isProvenRoot(node: string): boolean;
  /** A node that says it holds the root tells whom it has signed issuers for; not proven by that. */
  issuersTold(by: string, issuers: readonly ToldIssuer[]): void;
  /** It signed this node's issuer, and so does hold the root. */
  rootProven(node: string): void;
  /** For the audit log. */
  told(
    what: "trust_adopted" | "trust_refused" | "sync_refused" | "issuer_signed" | "issuer_refused",
    node: string,
    detail: string,
  ): void;
}

const NOTHING = new Uint8Array(0);

/** Between two hints from nodes that only say that they hold the root. Reason: each may begin a renewal, which costs a child. */
export const CLAIM_QUIET_MS = 60_000;

/**
 * What nodes say to each other over tunnels that prove them: the root's word on whom to believe, which anybody may hand on; how
 * far it has been taken up; the clock floor; and new issuers, which the root's node alone can sign, for the asking node itself.
 */
export class PeerService {
  readonly #host: PeerHost;
  readonly #contacts: NodeContacts;
  readonly #calls: PeerCalls;
  /** Signs for others on the root's node. */
  readonly desk: IssuerDesk;
  /** Nodes that a sync is under way with; true: something has changed since it was sent. */
  readonly #syncing = new Map<string, boolean>();
  readonly #rates: PeerRates;
  readonly #nowMs: () => number;
  #claimQuietUntilMs = 0;
  #bansTaken = 0;
  #waiting: (() => void)[] = [];

  /** @param nowMs monotonic. */
  constructor(host: PeerHost, contacts: NodeContacts, calls: PeerCalls, nowMs: () => number) {
    this.#host = host;
    this.#contacts = contacts;
    this.#calls = calls;
    this.desk = new IssuerDesk(host.identity, nowMs);
    this.#rates = new PeerRates(nowMs);
    this.#nowMs = nowMs;
  }

  /** Answers a message from a proven node. Never rejects. `bytes` must stay as they are until then. */
  async answer(node: string, address: string, kind: number, bytes: Uint8Array): Promise<PeerReply> {
    try {
      if (!this.#rates.mayAsk(node)) return { status: PEER_REFUSAL.BUSY, bytes: NOTHING };
      if (this.#isBanned(node)) return { status: PEER_REFUSAL.BANNED, bytes: NOTHING };
      this.#contacts.heard(node, address, this.#host.identity.nowMs());
      switch (kind) {
        case PEER_KIND.SYNC:
          return await this.#answerSync(node, address, bytes);
        case PEER_KIND.RENEW_BEGIN:
          return this.desk.begin(node);
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
    } catch (error) {
      // A disk that refuses: what was said is said again at the next meeting.
      this.#contacts.refused(node, error instanceof Error ? error.message : String(error));
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
    const isTaken = await this.#host.whenTaken();
    // What a restart would forget is not acknowledged.
    if (isTaken && this.#host.identity.siteTrust.unwritten === undefined)
      this.#bansTaken = Math.max(this.#bansTaken, sequence);
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
    const claimed = this.#contacts.all.filter(({ holdsRoot, dialed }) => holdsRoot && dialed.size > 0);
    // Anybody may say so: the one who has proven it is not kept waiting by the others.
    const isProven = ({ node }: { readonly node: string }): number => (this.#host.isProvenRoot(node) ? 0 : 1);
    const roots = claimed.sort((a, b) => isProven(a) - isProven(b));
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
    const { identity } = this.#host;
    const { status, bytes } = await this.#ask(node, PEER_KIND.SYNC, await signSync(identity, node, this.#ownSync()));
    if (status !== PEER_STATUS.OK) {
      this.#contacts.refused(node, statusWords(status));
      return;
    }
    const told = decodeSignedSync(bytes);
    if (told === undefined) this.#contacts.refused(node, "its answer cannot be read");
    else if (this.#take(node, "", told)) await this.refreshTaken();
  }

  async #answerSync(node: string, address: string, bytes: Uint8Array): Promise<PeerReply> {
    const told = decodeSignedSync(bytes);
    if (told === undefined) return { status: PEER_REFUSAL.MALFORMED, bytes: NOTHING };
    // What is answered tells how far the workers are, so a ban is acknowledged when it is in force.
    if (this.#take(node, address, told)) await this.refreshTaken();
    return { status: PEER_STATUS.OK, bytes: await signSync(this.#host.identity, node, this.#ownSync()) };
  }

  /** Takes in what another node says; answers whether bundle or bans have changed by it. */
  #take(node: string, address: string, told: SignedSync): boolean {
    // The root's own word, whoever carries it; and it may name the root that the teller's issuer is of.
    const isChanged = this.#adopt(node, told.sync.trust);
    const issuer = judgeSync(this.#host.identity, node, told);
    if (typeof issuer === "string") {
      this.#contacts.refused(node, issuer);
      this.#host.told("sync_refused", node, issuer);
    } else this.#takeWord(node, address, told.sync, issuer);
    for (const resolve of this.#waiting.splice(0)) resolve();
    return isChanged;
  }

  /** What its keeper has signed with the key of this issuer. */
  #takeWord(node: string, address: string, sync: Sync, issuer: Certificate): void {
    const { identity } = this.#host;
    const isProven = this.#host.isProvenRoot(node);
    const contact = this.#contacts.heard(node, address, identity.nowMs());
    identity.confirmBundle(node, sync.bundleSequence);
    // Of all others a stolen one could push the clocks of the whole site beyond the life of everybody's certificates.
    if (isProven && !identity.holdsRoot) identity.clock.vouch(sync.floorMs, issuer.notAfterMs);
    identity.noteSeen(issuer);
    if (contact !== undefined) {
      contact.bansTaken = sync.bansTaken;
      contact.holdsRoot = sync.holdsRoot;
    }
    if (!sync.holdsRoot || identity.holdsRoot) return;
    this.#host.issuersTold(node, sync.issuers);
    if (isProven || this.#nowMs() >= this.#claimQuietUntilMs) {
      if (!isProven) this.#claimQuietUntilMs = this.#nowMs() + CLAIM_QUIET_MS;
      this.#host.rootInReach();
    }
  }

  #adopt(node: string, trust: Uint8Array): boolean {
    const { identity } = this.#host;
    const isKnown = Buffer.from(trust).equals(identity.trustMessage()) && identity.siteTrust.unwritten === undefined;
    if (trust.length === 0 || isKnown) return false;
    const adopted = identity.adoptTrust(trust);
    const { unwritten } = identity.siteTrust;
    const detail =
      unwritten === undefined ? "" : `until this node is restarted, since it cannot be written down: ${unwritten}`;
    if (adopted === "adopted") this.#host.told("trust_adopted", node, detail);
    else if (adopted !== "same" && adopted !== "older") this.#host.told("trust_refused", node, adopted);
    return adopted === "adopted";
  }

  async #answerRenewal(node: string, bytes: Uint8Array): Promise<PeerReply> {
    const reply = await this.desk.sign(node, bytes);
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

  /** Workers let no banned key in; this is for a tunnel that is being cut, and on the root's node only. */
  #isBanned(node: string): boolean {
    const { identity } = this.#host;
    const issued = identity.issuedIssuers().filter((issuer) => issuer.node === node);
    return issued.length > 0 && issued.every(({ keyHash }) => identity.siteTrust.isBanned(keyHash));
  }
}
