import { type Certificate, readCertificate } from "../../identity/certificate.ts";
import { CertificateError } from "../../identity/certificate-error.ts";
import type { Signer } from "../../identity/issue-protocol.ts";
import type { RootRotation } from "../../identity/root-rotation.ts";
import { ROOT_FILE, type StoredRoot, type StoredSigner } from "./identity-files.ts";
import { type IdentityStore, IdentityStoreError } from "./identity-store.ts";

/** The site's root on the node that holds it: its key stays sealed but for the moment of signing. */
export class RootKeys {
  readonly #store: IdentityStore;
  #stored: StoredRoot;

  private constructor(store: IdentityStore, stored: StoredRoot) {
    this.#store = store;
    this.#stored = stored;
  }

  /** `undefined` where this node does not hold the root. Throws IdentityStoreError where what is stored is of no use. */
  static load(store: IdentityStore): RootKeys | undefined {
    const stored = store.read(ROOT_FILE);
    if (stored.state === "absent") return undefined;
    if (stored.state === "rotten") throw new IdentityStoreError(`the root's file is rotten: ${stored.reason}`);
    for (const { certificate } of stored.value.signers) readStored(certificate);
    return new RootKeys(store, stored.value);
  }

  /** The certificate that signs now. */
  get certificate(): Certificate {
    return readStored(this.#signing.certificate);
  }

  get keyHash(): string {
    return this.certificate.keyHash;
  }

  get rotation(): RootRotation & { readonly isCompromised: boolean } {
    const { phase, sinceMs, isCompromised } = this.#stored;
    return { phase, sinceMs, isCompromised };
  }

  /** Certificate of the root that waits to take over, while a change is announced. */
  get announced(): Uint8Array | undefined {
    return this.#stored.signers[1]?.certificate;
  }

  /** Calls with the key that signs now. Rejects with IdentityStoreError where it does not open. */
  sign<Result>(use: (signer: Signer) => Promise<Result>): Promise<Result> {
    return this.#store.withSigner("root-key", this.#signing, use);
  }

  /** Calls with the key of the root that waits. */
  signWithAnnounced<Result>(use: (signer: Signer) => Promise<Result>): Promise<Result> {
    const announced = this.#stored.signers[1];
    if (announced === undefined) throw new IdentityStoreError("no root waits to take over");
    return this.#store.withSigner("root-key", announced, use);
  }

  /** A new root beside the one that signs. Wipes the key. */
  announce(next: Signer, sinceMs: number, isCompromised: boolean): void {
    const signers = [this.#signing, this.#store.sealSigner("root-key", next)];
    this.#keep({ signers, phase: "announced", sinceMs, isCompromised });
  }

  /** The new root signs from now on; the old one's key is gone for good. */
  takeOver(sinceMs: number): void {
    const next = this.#stored.signers[1];
    if (next === undefined) throw new IdentityStoreError("no root waits to take over");
    this.#keep({ ...this.#stored, signers: [next], phase: "signing", sinceMs });
  }

  /** The change is over. */
  settle(sinceMs: number): void {
    this.#keep({ ...this.#stored, phase: "steady", sinceMs, isCompromised: false });
  }

  /** The old root's key is in other hands. */
  markCompromised(): void {
    this.#keep({ ...this.#stored, isCompromised: true });
  }

  get #signing(): StoredSigner {
    return this.#stored.signers[0] as StoredSigner;
  }

  #keep(next: StoredRoot): void {
    this.#store.write(ROOT_FILE, next);
    this.#stored = next;
  }
}

/** A certificate from disk. Throws IdentityStoreError where it is none. */
export function readStored(der: Uint8Array): Certificate {
  try {
    return readCertificate(der);
  } catch (error) {
    if (error instanceof CertificateError) throw new IdentityStoreError(`a certificate on disk: ${error.problem}`);
    throw error;
  }
}
