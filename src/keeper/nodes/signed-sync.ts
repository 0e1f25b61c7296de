/**
 * A `Sync` with its teller's signature. Without it a worker in the wrong hands could move the clock, say in others' names that a
 * ban is in force, or tell of keys that nobody has, so that a later ban of them bans nobody.
 *
 * One that was said once can be said again: nothing in it counts for less than a later one, but what is shown to people.
 */
import { createHash } from "node:crypto";
import { CERTIFICATE_BYTES_MAX, type Certificate } from "../../identity/certificate.ts";
import { packFields, textField, unpackFields } from "../../identity/fields.ts";
import type { Signer } from "../../identity/issue-protocol.ts";
import { nodeId, printSpiffeId } from "../../model/spiffe-id.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";
import { ISSUER_SIGNATURE_BYTES_MAX, judgeIssuerWord, signByIssuer } from "./issuer-word.ts";
import { decodeSync, encodeSync, type Sync } from "./peer-message.ts";

/** What came. Its bytes are views. */
export interface SignedSync {
  readonly sync: Sync;
  readonly bytes: Uint8Array;
  /** The teller's issuer, DER. */
  readonly issuer: Uint8Array;
  readonly signature: Uint8Array;
}

/** Who says it to whom. */
export interface SyncWay {
  readonly trustDomain: string;
  readonly teller: string;
  readonly hearer: string;
}

/** Signed for one hearer. Rejects with IdentityStoreError where this node has no issuer, or its key does not open. */
export async function signSync(site: SiteIdentity, hearer: string, sync: Sync): Promise<Uint8Array> {
  const way = { trustDomain: site.trustDomain, teller: site.node, hearer };
  return site.issuer.sign(async (signer) => signSyncAs(way, signer, sync));
}

/** The same with the teller's issuer at hand. */
export function signSyncAs(way: SyncWay, issuer: Signer, sync: Sync): Uint8Array {
  const bytes = encodeSync(sync);
  return packFields([bytes, issuer.certificate, signByIssuer(signedBytes(way, bytes), issuer)]);
}

/** Read and not judged, or `undefined`. Never throws. */
export function decodeSignedSync(message: Uint8Array): SignedSync | undefined {
  const fields = unpackFields(message);
  if (fields?.length !== 3) return undefined;
  const [bytes, issuer, signature] = fields as [Uint8Array, Uint8Array, Uint8Array];
  if (issuer.length > CERTIFICATE_BYTES_MAX || signature.length > ISSUER_SIGNATURE_BYTES_MAX) return undefined;
  const sync = decodeSync(bytes);
  return sync === undefined ? undefined : { sync, bytes, issuer, signature };
}

/** The issuer of the teller that signed it for this node, or why it is not believed, for people. Never throws. */
export function judgeSync(site: SiteIdentity, teller: string, told: SignedSync): Certificate | string {
  const { bytes, issuer, signature } = told;
  return judgeIssuerWord(site, teller, {
    issuer,
    signed: signedBytes({ trustDomain: site.trustDomain, teller, hearer: site.node }, bytes),
    signature,
  });
}

function signedBytes({ trustDomain, teller, hearer }: SyncWay, sync: Uint8Array): Uint8Array {
  return packFields([
    textField("selvedge-sync-word-v1"),
    textField(printSpiffeId(nodeId(trustDomain, teller))),
    textField(printSpiffeId(nodeId(trustDomain, hearer))),
    createHash("sha256").update(sync).digest(),
  ]);
}
