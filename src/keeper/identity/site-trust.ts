import {
  BANS_RESERVE_BYTES,
  BANS_TEXT_BYTES_MAX,
  type Ban,
  type BanList,
  banSequence,
  isKeyBanned,
  mergeBans,
  NO_BANS,
  parseBans,
  printBans,
  refuseTooLong,
} from "../../identity/bans.ts";
import {
  adoptBundle,
  type BundleProblem,
  makeBundle,
  parseBundle,
  printBundle,
  type TrustBundle,
} from "../../identity/bundle.ts";
import { makeTrustMessage, readTrustMessage, type TrustProblem, type TrustWord } from "../../identity/trust-message.ts";
import type { StoredTrust } from "./identity-files.ts";
import { type IdentityStore, IdentityStoreError } from "./identity-store.ts";

/** What became of a word of the root that another node handed on. */
export type Adopted = "adopted" | "same" | "older" | TrustProblem | BundleProblem | "key_banned" | "too_many_bans";

/** A root's certificate and key for signing what is believed. */
export interface TrustSigner {
  readonly keyHash: string;
  /** PKCS #8; wiped by whoever opened it. */
  readonly key: Uint8Array;
}

/** Bundle and bans of one site, as this node believes them. On disk before anybody is told. */
export class SiteTrust {
  readonly #store: IdentityStore;
  #bundle: TrustBundle;
  #bans: BanList;
  #message: Uint8Array;
  #unwritten: string | undefined;

  private constructor(store: IdentityStore, bundle: TrustBundle, bans: BanList, message: Uint8Array) {
    this.#store = store;
    this.#bundle = bundle;
    this.#bans = bans;
    this.#message = message;
  }

  /** Throws IdentityStoreError where what is stored cannot be believed: going on without bans would let them all in. */
  static load(store: IdentityStore, trustDomain: string): SiteTrust {
    const stored = store.readTrust();
    if (stored.state === "absent") throw new IdentityStoreError("bundle and bans are not there");
    if (stored.state === "rotten") throw new IdentityStoreError(`bundle and bans are rotten: ${stored.reason}`);
    const bundle = parseBundle(stored.value.bundle, trustDomain);
    const bans = parseBans(stored.value.bans);
    if (typeof bundle === "string") throw new IdentityStoreError(`the bundle cannot be used: ${bundle}`);
    if (bans === undefined) throw new IdentityStoreError("the bans cannot be read");
    return new SiteTrust(store, bundle, bans, stored.value.message);
  }

  get bundle(): TrustBundle {
    return this.#bundle;
  }

  get bans(): BanList {
    return this.#bans;
  }

  /** Sequence of the newest ban in the root's last word; bans of this node alone do not count. */
  get wordSequence(): number {
    const word = this.#word();
    return word === undefined ? 0 : banSequence(word.bans);
  }

  /** Whether the root's last word says all that is known here: one out of an old backup does not know its own former words. */
  get isWordWhole(): boolean {
    const word = this.#word();
    return word !== undefined && printBans(word.bans) === printBans(this.#bans);
  }

  /** Why what was taken over is not on disk, or `undefined`. */
  get unwritten(): string | undefined {
    return this.#unwritten;
  }

  /** Bans that this node knows and the root's last word does not have, as an operator of this node has said them. */
  get ownBans(): BanList {
    const said = this.#word()?.bans ?? NO_BANS;
    return new Map([...this.#bans].filter(([key, ban]) => ban.state === "banned" && !isKeyBanned(said, key)));
  }

  /** Bans keys on this node alone: unsigned, so that no other node hears of it. Throws IdentityStoreError, BansFullError. */
  banHere(bans: readonly Omit<Ban, "sequence" | "state">[]): void {
    // No later than the root's own words: its next one about the same key holds.
    const sequence = Math.max(1, banSequence(this.#bans));
    const added = bans.map((ban) => [ban.keyHash, { ...ban, state: "banned", sequence }] as const);
    const next = mergeBans(this.#bans, new Map(added));
    refuseTooLong(next, this.#bans, BANS_TEXT_BYTES_MAX + BANS_RESERVE_BYTES);
    this.#keep(this.#bundle, next, this.#message);
  }

  /** Lifts bans of this node alone. Throws IdentityStoreError. */
  unbanHere(keyHashes: readonly string[]): void {
    const own = this.ownBans;
    const said = this.#word()?.bans ?? NO_BANS;
    const bans = new Map(this.#bans);
    for (const keyHash of keyHashes.filter((key) => own.has(key))) {
      const before = said.get(keyHash);
      if (before === undefined) bans.delete(keyHash);
      else bans.set(keyHash, before);
    }
    this.#keep(this.#bundle, bans, this.#message);
  }

  #word(): TrustWord | undefined {
    const word = readTrustMessage(this.#message, this.#bundle);
    return typeof word === "string" ? undefined : word;
  }

  /** The root's last word, to be handed on to other nodes. */
  get message(): Uint8Array {
    return this.#message;
  }

  isBanned(keyHash: string): boolean {
    return isKeyBanned(this.#bans, keyHash);
  }

  /** Says something new, signed. Throws IdentityStoreError where the disk refuses, and then nothing has changed. */
  say(bundle: TrustBundle, bans: BanList, signer: TrustSigner): void {
    this.#keep(bundle, bans, makeTrustMessage(bundle, bans, signer.keyHash, signer.key));
  }

  /**
   * Takes over a word of the root. Where the disk refuses it holds all the same, until a restart: a full disk must not let in
   * whom the root has banned. `unwritten` says so; every later word tries again.
   */
  adopt(message: Uint8Array): Adopted {
    const word = readTrustMessage(message, this.#bundle);
    if (typeof word === "string") return word;
    if (this.isBanned(word.signedBy)) return "key_banned";
    const isOlder = word.bundle.sequence < this.#bundle.sequence;
    const bundle = isOlder ? this.#bundle : adoptBundle(this.#bundle, word.bundle);
    if (typeof bundle === "string") return bundle;
    let bans: BanList;
    try {
      bans = mergeBans(this.#bans, word.bans);
    } catch {
      return "too_many_bans";
    }
    const isChanged = bundle !== this.#bundle || printBans(bans) !== printBans(this.#bans);
    if (isChanged) {
      const isWhole = !isOlder && banSequence(word.bans) >= this.wordSequence;
      this.#use(bundle, bans, isWhole ? Uint8Array.from(message) : this.#message);
    }
    if (isChanged || this.#unwritten !== undefined) this.#tryWrite();
    if (isChanged) return "adopted";
    return isOlder ? "older" : "same";
  }

  #tryWrite(): void {
    try {
      this.#store.writeTrust(storedTrust(this.#bundle, this.#bans, this.#message));
      this.#unwritten = undefined;
    } catch (error) {
      if (!(error instanceof IdentityStoreError)) throw error;
      this.#unwritten = error.message;
    }
  }

  #keep(bundle: TrustBundle, bans: BanList, message: Uint8Array): void {
    this.#store.writeTrust(storedTrust(bundle, bans, message));
    this.#unwritten = undefined;
    this.#use(bundle, bans, message);
  }

  #use(bundle: TrustBundle, bans: BanList, message: Uint8Array): void {
    this.#bundle = bundle;
    this.#bans = bans;
    this.#message = message;
  }
}

/** What is written of a bundle, bans and the word that says them. */
export function storedTrust(bundle: TrustBundle, bans: BanList, message: Uint8Array): StoredTrust {
  return { bundle: printBundle(bundle), bans: printBans(bans), message };
}

/** The first word of a new site. Throws IdentityStoreError where the root is none. */
export function firstTrust(trustDomain: string, root: Uint8Array, key: Uint8Array): StoredTrust {
  const bundle = makeBundle(trustDomain, 1, [root]);
  if (typeof bundle === "string") throw new IdentityStoreError(`the new root cannot be used: ${bundle}`);
  const keyHash = bundle.roots[0]?.keyHash ?? "";
  return storedTrust(bundle, NO_BANS, makeTrustMessage(bundle, NO_BANS, keyHash, key));
}
