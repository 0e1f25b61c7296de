import { BANS_RESERVE_BYTES, BANS_TEXT_BYTES_MAX, type BanList, withBans } from "../../identity/bans.ts";
import { makeBundle, type TrustBundle } from "../../identity/bundle.ts";
import { type Certificate, isSignedBy, keyHashOf, readCertificate } from "../../identity/certificate.ts";
import type { ClockReading } from "../../identity/clock.ts";
import { readIssuerRequest } from "../../identity/issuer-request.ts";
import type { IssueOutcome } from "../ca/issue-child.ts";
import { type Issue, issueProblem } from "./found-site.ts";
import { HeldSvids } from "./held-svids.ts";
import { ISSUED_FILE, type IssuedIssuer, SITE_FILE, type StoredIssued, type StoredSite } from "./identity-files.ts";
import { type IdentityStore, IdentityStoreError } from "./identity-store.ts";
import {
  type AskedFor,
  keysOfNode,
  nodesForgotten,
  type ToldIssuer,
  withIssued,
  withSeen,
  withTold,
} from "./issued-issuers.ts";
import { OwnIssuer } from "./own-issuer.ts";
import { RootKeys, readStored } from "./root-keys.ts";
import { madeAtMs, SiteClock } from "./site-clock.ts";
import { type Adopted, SiteTrust } from "./site-trust.ts";

/** What an identity acts through. */
export interface IdentityHost {
  readonly store: IdentityStore;
  readonly issue: Issue;
  /** Both clocks of the machine, read together. */
  readonly clocks: () => ClockReading;
}

/** What changed. trust: bundle or bans. issuer: this node's. svids: one or more keys. clock: the judged time jumped. */
export type IdentityChange = "trust" | "issuer" | "svids" | "clock";

/** A signed issuer, or why there is none; the reason is for people. */
export type Signed = { readonly certificate: Uint8Array } | { readonly refused: string };

/** What a ban or its lifting came to. */
export type BanOutcome = { readonly keyHashes: readonly string[] } | { readonly refused: string };

/**
 * The identity of this node within its site: what it believes, what it holds, and what it can sign. Everything is on disk
 * before it counts; methods that write throw or reject with IdentityStoreError where the disk refuses, and then nothing has
 * changed. Makes no certificate by itself: see `renewal.ts`.
 */
export class SiteIdentity {
  readonly node: string;
  readonly trustDomain: string;
  readonly origin: StoredSite["origin"];
  readonly clock: SiteClock;
  /** Whom to believe. Change it through `ban`, `unban`, `adoptTrust` and the rotation only. */
  readonly siteTrust: SiteTrust;
  readonly issuer: OwnIssuer;
  readonly svids = new HeldSvids();
  readonly #host: IdentityHost;
  #root: RootKeys | undefined;
  #issued: StoredIssued;
  /** On the root's node: a machine that was off cannot be renewed any more, because so many others have ended. */
  forgotten: (node: string) => void = () => {};
  readonly #listeners = new Set<(change: IdentityChange) => void>();
  /** By node: the sequence of the bundle that it said it has. */
  readonly #confirmed = new Map<string, number>();

  private constructor(host: IdentityHost, site: StoredSite, parts: Parts) {
    this.#host = host;
    this.node = site.node;
    this.trustDomain = site.trustDomain;
    this.origin = site.origin;
    this.siteTrust = parts.trust;
    this.issuer = parts.issuer;
    this.#root = parts.root;
    this.#issued = parts.issued;
    const ends = parts.trust.bundle.roots.map((root) => root.notAfterMs);
    this.clock = new SiteClock(host.store, host.clocks, Math.max(...ends));
  }

  /** Reads what is stored. Throws IdentityStoreError that says what is wrong; nothing is made or changed. */
  static load(host: IdentityHost): SiteIdentity {
    const { store } = host;
    const site = store.read(SITE_FILE);
    if (site.state !== "good") throw new IdentityStoreError(`${store.folder}/site ${storedProblem(site)}`);
    const trust = SiteTrust.load(store, site.value.trustDomain);
    if (trust.bundle.roots.length === 0) throw new IdentityStoreError("the bundle has no root");
    const root = RootKeys.load(store);
    const issued = store.read(ISSUED_FILE);
    return new SiteIdentity(host, site.value, {
      trust,
      root,
      issuer: OwnIssuer.load(store, root !== undefined),
      issued: issued.state === "good" ? issued.value : UNKNOWN_ISSUED,
    });
  }

  /** Whether this node has the key of the site's root. */
  get holdsRoot(): boolean {
    return this.#root !== undefined;
  }

  get root(): RootKeys | undefined {
    return this.#root;
  }

  /** What issues and signs certificates, elsewhere. */
  get issue(): Issue {
    return this.#host.issue;
  }

  get store(): IdentityStore {
    return this.#host.store;
  }

  /** ms since 1970 by the judged clock. */
  nowMs(): number {
    return this.clock.nowMs;
  }

  /** What others are judged by. */
  trust(): { readonly bundle: TrustBundle; readonly bans: BanList } {
    return { bundle: this.siteTrust.bundle, bans: this.siteTrust.bans };
  }

  /** This node's issuer; `undefined` before the first. */
  issuerCertificate(): Certificate | undefined {
    return this.issuer.certificate;
  }

  /** The root of the bundle that signed this node's issuer. */
  issuerRoot(): Certificate | undefined {
    const { certificate } = this.issuer;
    if (certificate === undefined) return undefined;
    return this.siteTrust.bundle.roots.find((root) => isSignedBy(certificate, root));
  }

  /** Issuers that this node signed and that are not over, newest last; for `node ls`. */
  issuedIssuers(): readonly IssuedIssuer[] {
    // What others told counts for nothing before this node holds the root.
    return this.issued.issuers;
  }

  /** Everything that is on record of that; nothing on a node without the root. */
  get issued(): StoredIssued {
    return this.holdsRoot ? this.#issued : UNKNOWN_ISSUED;
  }

  /** Keys of a node that a ban of it names. */
  keysOf(node: string): readonly string[] {
    return keysOfNode(this.#issued, node, this.nowMs());
  }

  /** On a node without the root: what the root's node tells of the issuers it signed, for the day when it is gone. */
  noteTold(told: readonly ToldIssuer[]): void {
    const next = this.holdsRoot ? undefined : withTold(this.#issued, told, this.nowMs());
    if (next === undefined) return;
    this.#issued = next;
    try {
      this.store.write(ISSUED_FILE, next);
    } catch {
      // It is told again at every contact; what else stands on this disk says what is wrong with it.
    }
  }

  /** Since when that list is complete. */
  get issuedCompleteSinceMs(): number {
    return this.#issued.completeSinceMs;
  }

  /**
   * On the root's node: an issuer for another node's key. Whoever calls has made sure that this node may have it: a token, or a
   * tunnel that proves it is the node. A banned key is refused. @param request see `issuer-request.ts`.
   */
  async signIssuer(node: string, request: Uint8Array, challenge: Uint8Array, by: AskedFor = {}): Promise<Signed> {
    const root = this.#root;
    if (root === undefined) return { refused: "this node does not hold the site's root" };
    const spki = readIssuerRequest({ trustDomain: this.trustDomain, node, challenge }, request);
    if (spki === undefined) return { refused: "the request is not for this node and challenge" };
    if (this.siteTrust.isBanned(keyHashOf(spki))) return { refused: "the key is banned" };
    const nowMs = this.nowMs();
    const outcome = await root.sign((signer) => this.issue({ kind: "sign", signer, node, challenge, request, nowMs }));
    const certificate = certificateOf(outcome);
    if (certificate === undefined) return { refused: issueProblem(outcome) };
    this.noteIssued(certificate, by);
    return { certificate };
  }

  /** A new key for this node's next issuer, and what is to be sent to the root's node, that gave the challenge. */
  async askIssuer(challenge: Uint8Array): Promise<{ readonly request: Uint8Array } | { readonly refused: string }> {
    const { trustDomain, node } = this;
    const outcome = await this.issue({ kind: "ask", trustDomain, node, challenge });
    if (outcome.kind !== "asked") return { refused: issueProblem(outcome) };
    this.issuer.keepPending(outcome.key);
    return { request: Uint8Array.from(outcome.request) };
  }

  /**
   * The certificate for the key of the last `askIssuer`. Answers why it is not taken, or `undefined`. @param isLate this node was
   * off for long, so that its clock may be behind.
   */
  installIssuer(der: Uint8Array, isLate = false): string | undefined {
    const { trustDomain, node, siteTrust: trust } = this;
    // A clock that stood still says nothing against what the root has signed; one that is ahead does.
    const nowMs = isLate ? Math.max(this.nowMs(), madeAtMs(readStored(der))) : this.nowMs();
    const problem = this.issuer.install(der, { trustDomain, node, trust, nowMs });
    if (problem !== undefined) return problem;
    const { certificate } = this.issuer;
    if (certificate !== undefined) this.clock.vouch(madeAtMs(certificate), certificate.notAfterMs);
    this.changed("issuer");
    return undefined;
  }

  /** The root's last word about whom to believe, signed by it: to be handed on to any node as it is. */
  trustMessage(): Uint8Array {
    return this.siteTrust.message;
  }

  /** Takes over what `trustMessage` of another node said. It may come from anybody: only the root's signature counts. */
  adoptTrust(message: Uint8Array): Adopted {
    const adopted = this.siteTrust.adopt(message);
    if (adopted === "adopted") {
      this.#trustChanged();
      if (this.holdsRoot && !this.siteTrust.isWordWhole) void this.#sayAll();
    }
    return adopted;
  }

  /** What a root out of an old backup has said since, and what it heard of its own former words, as one word. */
  async #sayAll(): Promise<void> {
    try {
      await this.#say([]);
    } catch {
      // A disk that refuses: nothing was promised. Both words hold here, and are put together with the next one.
    }
  }

  /** A node said, over a tunnel that proves it, which bundle it has. Root rotation waits for all of them. */
  confirmBundle(node: string, sequence: number): void {
    this.#confirmed.set(node, sequence);
  }

  /** The sequence of the bundle that a node said it has; 0 where it has not. */
  confirmedSequence(node: string): number {
    return node === this.node ? this.siteTrust.bundle.sequence : (this.#confirmed.get(node) ?? 0);
  }

  /** On the root's node: bans every key of a node that is not over, or that could be renewed late. */
  async ban(node: string, reason: string): Promise<BanOutcome> {
    if (node === this.node) return { refused: "this is the root's own node" };
    const keys = this.keysOf(node);
    return keys.length === 0 ? { refused: `no issuer of node ${node} is known` } : this.banKeys(node, keys, reason);
  }

  /** On the root's node: bans keys by their SHA-256, hex. */
  banKeys(node: string, keyHashes: readonly string[], reason: string): Promise<BanOutcome> {
    return this.#say(keyHashes.map((keyHash) => ({ keyHash, node, state: "banned", reason })));
  }

  /** Throws BansFullError where these keys could not be banned for want of room. */
  refuseBansWithoutRoom(node: string, keyHashes: readonly string[], reason: string): void {
    const atMs = this.nowMs();
    withBans(
      this.siteTrust.bans,
      keyHashes.map((keyHash) => ({ keyHash, node, state: "banned", reason, atMs })),
    );
  }

  /** On the root's node: lifts every ban of a node's keys. */
  async unban(node: string): Promise<BanOutcome> {
    const banned = [...this.siteTrust.bans.values()].filter((ban) => ban.node === node && ban.state === "banned");
    if (banned.length === 0) return { refused: `no key of node ${node} is banned` };
    return this.#say(banned.map(({ keyHash }) => ({ keyHash, node, state: "lifted", reason: "lifted" })));
  }

  /** On any node: bans keys on this node alone. Throws IdentityStoreError, and BansFullError. */
  banHere(node: string, keyHashes: readonly string[], reason: string): void {
    const atMs = this.nowMs();
    this.siteTrust.banHere(keyHashes.map((keyHash) => ({ keyHash, node, reason, atMs })));
    this.#trustChanged();
  }

  /** Lifts what `banHere` said about a node; answers the keys. Throws IdentityStoreError. */
  unbanHere(node: string): readonly string[] {
    const own = [...this.siteTrust.ownBans.values()].filter((ban) => ban.node === node);
    const keyHashes = own.map(({ keyHash }) => keyHash);
    this.siteTrust.unbanHere(keyHashes);
    if (keyHashes.length > 0) this.#trustChanged();
    return keyHashes;
  }

  async #say(
    words: readonly { keyHash: string; node: string; state: "banned" | "lifted"; reason: string }[],
  ): Promise<BanOutcome> {
    const root = this.#root;
    if (root === undefined) return { refused: "only the root's node can ban" };
    const atMs = this.nowMs();
    await root.sign(async ({ key }) => {
      const bans = withBans(
        this.siteTrust.bans,
        words.map((word) => ({ ...word, atMs })),
      );
      this.siteTrust.say(this.siteTrust.bundle, bans, { keyHash: root.keyHash, key });
    });
    this.#trustChanged();
    return { keyHashes: words.map(({ keyHash }) => keyHash) };
  }

  /** On the root's node, for its rotation: another bundle, signed by the root that signs now. */
  async sayRoots(roots: readonly Uint8Array[], banned: readonly string[] = []): Promise<void> {
    const root = this.#root;
    if (root === undefined) throw new IdentityStoreError("only the root's node can change the bundle");
    const bundle = makeBundle(this.trustDomain, this.siteTrust.bundle.sequence + 1, roots);
    if (typeof bundle === "string") throw new IdentityStoreError(`the bundle cannot be made: ${bundle}`);
    const atMs = this.nowMs();
    await root.sign(async ({ key }) => {
      const word = { node: this.node, state: "banned", reason: "the site's root was changed", atMs } as const;
      const bans = withBans(
        this.siteTrust.bans,
        banned.map((keyHash) => ({ ...word, keyHash })),
        BANS_TEXT_BYTES_MAX + BANS_RESERVE_BYTES,
      );
      this.siteTrust.say(bundle, bans, { keyHash: root.keyHash, key });
    });
    this.#trustChanged();
  }

  /** Remembers an issuer that this node signed; on disk when this returns. */
  noteIssued(certificate: Uint8Array, by: AskedFor = {}): void {
    const nowMs = this.nowMs();
    const before = this.#issued;
    const issuing = { ...by, ownNode: this.node, nowMs };
    const next = withIssued(before, readCertificate(certificate), this.siteTrust.bundle, issuing);
    this.store.write(ISSUED_FILE, next);
    this.#issued = next;
    for (const node of nodesForgotten(before, next, nowMs)) this.forgotten(node);
  }

  /**
   * On the root's node: an issuer that a node has shown, signed by a root that is believed. A root out of a backup, or whose list
   * was lost, does not know it, and could not ban it.
   */
  noteSeen(issuer: Certificate): void {
    const seen = withSeen(this.#issued, issuer.keyHash);
    const isKnown = this.#issued.issuers.some(({ keyHash }) => keyHash === issuer.keyHash);
    if (!this.holdsRoot || (isKnown && seen === undefined)) return;
    try {
      if (seen === undefined) this.noteIssued(issuer.der);
      else this.store.write(ISSUED_FILE, seen);
      this.#issued = seen ?? this.#issued;
    } catch {
      // It is shown again at every meeting.
    }
  }

  /** Calls back after every change, until the answered function is called. */
  onChanged(listener: (change: IdentityChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells everybody who wants to know. */
  changed(change: IdentityChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }

  /** Writes down what is only in memory, wipes keys. */
  close(): void {
    this.clock.write();
    this.svids.clear();
    this.#listeners.clear();
  }

  #trustChanged(): void {
    this.clock.setLatest(Math.max(...this.siteTrust.bundle.roots.map((root) => root.notAfterMs)));
    this.changed("trust");
  }
}

/** A list that is gone counts as one that was never complete: nothing is concluded from it. */
const UNKNOWN_ISSUED: StoredIssued = { completeSinceMs: Number.MAX_SAFE_INTEGER, isShared: true, issuers: [] };

interface Parts {
  readonly trust: SiteTrust;
  readonly issuer: OwnIssuer;
  readonly root: RootKeys | undefined;
  readonly issued: StoredIssued;
}

function certificateOf(outcome: IssueOutcome): Uint8Array | undefined {
  const issued = outcome.kind === "issued" ? outcome.issued[0] : undefined;
  return issued === undefined ? undefined : Uint8Array.from(issued.certificate);
}

function storedProblem(stored: { readonly state: string; readonly reason?: string }): string {
  return stored.state === "absent" ? "is not there" : `is rotten: ${stored.reason ?? ""}`;
}
