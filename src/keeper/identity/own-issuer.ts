import { createPrivateKey, createPublicKey } from "node:crypto";
import { type Certificate, isSignedBy, keyHashOf } from "../../identity/certificate.ts";
import type { Signer } from "../../identity/issue-protocol.ts";
import { judgeIssuer } from "../../identity/profile.ts";
import { isValidAt } from "../../identity/rotation.ts";
import { ISSUER_FILE, PENDING_FILE, type StoredSigner } from "./identity-files.ts";
import { type IdentityStore, IdentityStoreError } from "./identity-store.ts";
import { readStored } from "./root-keys.ts";
import type { SiteTrust } from "./site-trust.ts";

/** What an issuer has to be to become this node's. */
export interface IssuerExpectation {
  readonly trustDomain: string;
  readonly node: string;
  readonly trust: Pick<SiteTrust, "bundle" | "isBanned">;
  readonly nowMs: number;
}

/** This node's issuer: its certificate and its sealed key. */
export class OwnIssuer {
  readonly #store: IdentityStore;
  #stored: StoredSigner | undefined;
  #certificate: Certificate | undefined;

  private constructor(store: IdentityStore, stored: StoredSigner | undefined) {
    this.#store = store;
    this.#use(stored);
  }

  /**
   * Throws IdentityStoreError where what is stored is of no use, unless the root is here: then it is no loss, another one is made.
   */
  static load(store: IdentityStore, isRootHere: boolean): OwnIssuer {
    try {
      const stored = store.read(ISSUER_FILE);
      if (stored.state === "rotten") throw new IdentityStoreError(`the issuer's file is rotten: ${stored.reason}`);
      return new OwnIssuer(store, stored.state === "good" ? stored.value : undefined);
    } catch (error) {
      if (!isRootHere) throw error;
      return new OwnIssuer(store, undefined);
    }
  }

  get certificate(): Certificate | undefined {
    return this.#certificate;
  }

  /** Takes a new issuer. Wipes the key. Throws IdentityStoreError. */
  keep(signer: Signer): void {
    const stored = this.#store.sealSigner("issuer-key", signer);
    this.#store.write(ISSUER_FILE, stored);
    this.#use(stored);
  }

  /** Calls with the key open. Rejects with IdentityStoreError where there is none or it does not open. */
  sign<Result>(use: (signer: Signer) => Promise<Result>): Promise<Result> {
    if (this.#stored === undefined) return Promise.reject(new IdentityStoreError("this node has no issuer"));
    return this.#store.withSigner("issuer-key", this.#stored, use);
  }

  /** A key that waits for its certificate; a later one takes its place. Wipes the key. Throws IdentityStoreError. */
  keepPending(key: Uint8Array): void {
    try {
      this.#store.write(PENDING_FILE, { sealedKey: this.#store.sealKey("pending-key", key) });
    } finally {
      key.fill(0);
    }
  }

  /** The key that waits, to be wiped by whoever asked; `undefined` where there is none. Throws IdentityStoreError. */
  openPending(): Uint8Array | undefined {
    const pending = this.#store.read(PENDING_FILE);
    return pending.state === "good" ? this.#store.openKey("pending-key", pending.value.sealedKey) : undefined;
  }

  /** Takes a certificate for the key that waits, or says why not. Throws IdentityStoreError. */
  install(der: Uint8Array, expected: IssuerExpectation): string | undefined {
    const pending = this.#store.read(PENDING_FILE);
    if (pending.state !== "good") return "no key waits for an issuer";
    const key = this.#store.openKey("pending-key", pending.value.sealedKey);
    const problem = issuerProblem(der, key, expected);
    if (problem !== undefined) {
      key.fill(0);
      return problem;
    }
    this.keep({ certificate: Uint8Array.from(der), key });
    this.#store.remove(PENDING_FILE);
    return undefined;
  }

  #use(stored: StoredSigner | undefined): void {
    this.#certificate = stored === undefined ? undefined : readStored(stored.certificate);
    this.#stored = stored;
  }
}

/** Why a certificate cannot be this node's issuer with this key, or `undefined`. Throws IdentityStoreError for no certificate. */
export function issuerProblem(
  der: Uint8Array,
  key: Uint8Array,
  { trustDomain, node, trust, nowMs }: IssuerExpectation,
): string | undefined {
  const certificate = readStored(der);
  const judged = judgeIssuer(certificate, trustDomain);
  if (typeof judged === "string") return judged;
  if (judged.node !== node) return `it is for node ${judged.node}`;
  if (publicKeyHash(key) !== certificate.keyHash) return "it is for another key";
  if (!trust.bundle.roots.some((root) => isSignedBy(certificate, root))) return "no root of this site signed it";
  if (trust.isBanned(certificate.keyHash)) return "its key is banned";
  return isValidAt(certificate, nowMs) ? undefined : "it is not valid now";
}

/** SHA-256 of the public key that belongs to a private one in PKCS #8, hex. Throws what the crypto library says of no key. */
export function publicKeyHash(pkcs8: Uint8Array): string {
  const privateKey = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  return keyHashOf(new Uint8Array(createPublicKey(privateKey).export({ type: "spki", format: "der" })));
}
