import { type Certificate, readCertificate } from "./certificate.ts";

/** Certificates that are remembered. Reason: those of sixty nodes; about 6 KB each. */
export const CERTIFICATES_KNOWN_MAX = 128;

/**
 * Certificates that were read before and belonged to a chain that held, found by their exact bytes. Whoever connects again shows
 * the same ones; reading them takes a hundred objects, which would lie between all that stays of the connection. Remembers what
 * stands in a certificate, never that it was believed: chains are judged anew each time. The oldest go first.
 */
export class KnownCertificates {
  readonly #certificates: Certificate[] = [];
  #turn = 0;

  /** As `readCertificate`, from memory where these bytes are known. Throws CertificateError and nothing else. */
  read(bytes: Uint8Array): Certificate {
    return this.#certificates.find(({ der }) => isSame(der, bytes)) ?? readCertificate(bytes);
  }

  /** A chain of these held: strangers' certificates must not push out what is used. */
  remember(certificates: readonly Certificate[]): void {
    for (const certificate of certificates) {
      if (this.#certificates.some(({ der }) => isSame(der, certificate.der))) continue;
      this.#certificates[this.#turn] = certificate;
      this.#turn = (this.#turn + 1) % CERTIFICATES_KNOWN_MAX;
    }
  }
}

/** From the end, where the signature is: two certificates that differ do so there. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let at = a.length - 1;
  while (at >= 0 && a[at] === b[at]) at--;
  return at < 0;
}
