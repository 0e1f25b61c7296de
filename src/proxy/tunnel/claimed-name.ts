import { readCertificate } from "../../identity/certificate.ts";

/** What a chain that was not believed says it is, for the audit log: its ID and the hash of its issuer's key, by which it would be banned. */
export function claimedName(chain: readonly Uint8Array[]): string {
  const [leaf, issuer] = chain;
  if (leaf === undefined) return "no certificate";
  try {
    const uri = readCertificate(leaf).names?.list.find((name) => name.kind === "uri");
    const by = issuer === undefined ? "" : `, issuer key ${readCertificate(issuer).keyHash}`;
    return `${uri?.text ?? "no ID"}${by}`;
  } catch {
    return "a certificate that cannot be read";
  }
}
