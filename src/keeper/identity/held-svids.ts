import type { Certificate } from "../../identity/certificate.ts";
import { readCertificate } from "../../identity/certificate.ts";
import type { IssuedCertificate } from "../../identity/issue-protocol.ts";
import { renewAtMs } from "../../identity/rotation.ts";

/** Somebody of this node who needs an SVID. */
export interface SvidSubject {
  /** Key of the WorkloadRecord; `""` = the node itself. */
  readonly key: string;
  /** The SPIFFE ID as text. */
  readonly id: string;
}

/** An SVID with its key, as a worker gets it. */
export interface HeldSvid extends SvidSubject {
  readonly certificate: Certificate;
  /** DER: leaf, issuer, root. */
  readonly chain: readonly Uint8Array[];
  /** Key of the issuer that signed it. */
  readonly issuerKeyHash: string;
  /** PKCS #8; wiped when the SVID is replaced. */
  readonly privateKey: Uint8Array;
  /** Drawn once, from 0 to 1: when it is renewed within the spread. */
  readonly jitter: number;
}

/** The SVIDs of this node, in memory only: they are made anew at every start. */
export class HeldSvids {
  readonly #held = new Map<string, HeldSvid>();
  #subjects = new Map<string, SvidSubject>();

  get all(): readonly HeldSvid[] {
    return [...this.#held.values()];
  }

  get(key: string): HeldSvid | undefined {
    return this.#held.get(key);
  }

  /** Who needs one from now on. Answers the keys of those who had one and are gone; theirs are wiped. */
  want(subjects: readonly SvidSubject[]): string[] {
    this.#subjects = new Map(subjects.map((subject) => [subject.key, subject]));
    const gone = this.all.filter(({ key, id }) => this.#subjects.get(key)?.id !== id).map(({ key }) => key);
    for (const key of gone) this.#drop(key);
    return gone;
  }

  /** Those who have none. */
  get missing(): readonly SvidSubject[] {
    return [...this.#subjects.values()].filter(({ key }) => !this.#held.has(key));
  }

  /** Those with these keys. */
  subjects(keys: readonly string[]): SvidSubject[] {
    return keys.flatMap((key) => this.#subjects.get(key) ?? []);
  }

  /** Everybody who needs one. */
  get everybody(): readonly SvidSubject[] {
    return [...this.#subjects.values()];
  }

  /** Takes in what was issued; somebody who is gone by now gets nothing. Answers whether it is held. */
  put(
    subject: SvidSubject,
    issued: IssuedCertificate,
    [issuer, root]: readonly [issuer: Certificate, root: Certificate],
    jitter: number,
  ): boolean {
    if (this.#subjects.get(subject.key)?.id !== subject.id) {
      issued.key.fill(0);
      return false;
    }
    this.#drop(subject.key);
    const certificate = readCertificate(issued.certificate);
    const privateKey = Uint8Array.from(issued.key);
    issued.key.fill(0);
    const chain = [certificate.der, issuer.der, root.der];
    const held = { ...subject, certificate, chain, issuerKeyHash: issuer.keyHash, privateKey, jitter };
    this.#held.set(subject.key, held);
    return true;
  }

  /** When the next of them is due, in ms since 1970; `Infinity` where there is none. */
  get nextDueMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { certificate, jitter } of this.#held.values()) next = Math.min(next, renewAtMs(certificate, jitter));
    return next;
  }

  /** Wipes all keys. */
  clear(): void {
    for (const key of [...this.#held.keys()]) this.#drop(key);
  }

  #drop(key: string): void {
    this.#held.get(key)?.privateKey.fill(0);
    this.#held.delete(key);
  }
}
