import { CHAIN_CERTIFICATES_MAX } from "./verify.ts";

/** A certificate as the runtime tells it, with a link to the one that follows. */
export interface LinkedCertificate {
  readonly raw?: Uint8Array;
  readonly issuerCertificate?: LinkedCertificate;
}

/**
 * The certificates that a peer sent, leaf first, as views. A self-signed end that points at itself ends the list, and so does one
 * certificate more than a chain may have: enough for `verifyChain` to refuse it.
 */
export function peerChain(first: LinkedCertificate | undefined): Uint8Array[] {
  const chain: Uint8Array[] = [];
  const seen = new Set<LinkedCertificate>();
  for (let at = first; at?.raw !== undefined && !seen.has(at); at = at.issuerCertificate) {
    seen.add(at);
    const { raw } = at;
    if (chain.length > 0 && Buffer.from(chain.at(-1)!).equals(raw)) break;
    chain.push(raw);
    if (chain.length > CHAIN_CERTIFICATES_MAX) break;
  }
  return chain;
}
