import type { RootBackup } from "../../identity/backup.ts";
import { mergeBans, parseBans } from "../../identity/bans.ts";
import { parseBundle } from "../../identity/bundle.ts";
import { readCertificate } from "../../identity/certificate.ts";
import { makeTrustMessage } from "../../identity/trust-message.ts";
import { CLOCK_FILE, ISSUED_FILE, ISSUER_FILE, ROOT_FILE, SITE_FILE, type StoredSite } from "./identity-files.ts";
import { type IdentityStore, IdentityStoreError } from "./identity-store.ts";
import { publicKeyHash } from "./own-issuer.ts";
import { RootKeys } from "./root-keys.ts";
import { madeAtMs } from "./site-clock.ts";
import { SiteTrust, storedTrust } from "./site-trust.ts";

/**
 * restore: this machine takes the place of one that is gone. promote: this node, which was let in by the root's node, gets the
 * root as well.
 */
export type TakeRoot = "restore" | "promote";

/** What is backed up. Rejects with IdentityStoreError where this node does not hold the root. The caller wipes the key. */
export async function rootBackup(store: IdentityStore): Promise<RootBackup> {
  const site = store.read(SITE_FILE);
  const root = RootKeys.load(store);
  if (site.state !== "good" || root === undefined)
    throw new IdentityStoreError("this node does not hold the site's root");
  if (root.announced !== undefined)
    throw new IdentityStoreError("the root is being changed; back it up when that is over");
  const trust = store.readTrust();
  if (trust.state !== "good") throw new IdentityStoreError("bundle and bans cannot be read");
  const { bundle, bans } = trust.value;
  return root.sign(async ({ certificate, key }) => ({
    trustDomain: site.value.trustDomain,
    rootKey: Uint8Array.from(key),
    rootCertificate: certificate,
    bundle,
    bans,
  }));
}

/**
 * Puts the root of a backup on disk. Neither a sequence nor a ban gets lower than what is known here. What lay here before and
 * is of another, unused root is put aside; answers where, or `undefined`. Wipes the backup's key. Throws IdentityStoreError with
 * the reason where the backup does not belong here, and then nothing has changed.
 */
export function takeRoot(store: IdentityStore, backup: RootBackup, how: TakeRoot, nowMs: number): string | undefined {
  try {
    return take(store, backup, how, nowMs);
  } finally {
    backup.rootKey.fill(0);
  }
}

function take(store: IdentityStore, backup: RootBackup, how: TakeRoot, nowMs: number): string | undefined {
  const { trustDomain, rootKey, rootCertificate } = backup;
  const { keyHash } = readCertificate(rootCertificate);
  if (publicKeyHash(rootKey) !== keyHash) throw new IdentityStoreError("key and certificate of the backup differ");
  let bundle = parseBundle(backup.bundle, trustDomain);
  let bans = parseBans(backup.bans);
  if (typeof bundle === "string" || bans === undefined) throw new IdentityStoreError("the backup cannot be used");
  const here = siteHere(store, trustDomain, how);
  if (here.isKept) {
    const trust = trustHere(store, trustDomain);
    if (trust.bundle.sequence > bundle.sequence) bundle = trust.bundle;
    bans = mergeBans(trust.bans, bans);
  }
  if (!bundle.roots.some((root) => root.keyHash === keyHash))
    throw new IdentityStoreError("the site's root was changed after this backup was made");
  const trust = storedTrust(bundle, bans, makeTrustMessage(bundle, bans, keyHash, rootKey));
  const aside = store.exists && !here.isKept ? store.setAside() : undefined;
  const signer = store.sealSigner("root-key", { certificate: rootCertificate, key: rootKey });
  store.write(ROOT_FILE, { signers: [signer], phase: "steady", sinceMs: nowMs, isCompromised: false });
  // What the root signed so far is not in a backup.
  if (store.read(ISSUED_FILE).state !== "good")
    store.write(ISSUED_FILE, { completeSinceMs: nowMs, isShared: true, issuers: [] });
  const floorMs = madeAtMs(readCertificate(rootCertificate));
  const clock = store.read(CLOCK_FILE);
  if (clock.state !== "good" || clock.value.floorMs < floorMs) store.write(CLOCK_FILE, { floorMs });
  store.writeTrust(trust);
  // An issuer of the same root that cannot be read is made anew.
  if (store.read(ISSUER_FILE).state === "rotten") store.remove(ISSUER_FILE);
  store.write(SITE_FILE, { trustDomain, node: here.node, origin: "restored" });
  return aside;
}

/** What is here already, and whether it stays. Throws IdentityStoreError where the backup has no business here. */
function siteHere(
  store: IdentityStore,
  trustDomain: string,
  how: TakeRoot,
): { readonly isKept: boolean; readonly node: string } {
  const site = store.read(SITE_FILE);
  const joined = site.state === "good" && site.value.trustDomain === trustDomain && site.value.origin === "joined";
  if (how === "promote" && !joined)
    throw new IdentityStoreError(`this node was not let into ${trustDomain}; restore makes a new root's node`);
  if (site.state !== "good") return { isKept: false, node: "" };
  if (site.value.trustDomain === trustDomain && !isOwnUnshared(store, site.value))
    return { isKept: true, node: site.value.node };
  if (isOwnUnshared(store, site.value)) return { isKept: false, node: "" };
  throw new IdentityStoreError(`this state directory belongs to the site ${site.value.trustDomain}`);
}

/** A root that was made here at a first start and that nobody uses. */
function isOwnUnshared(store: IdentityStore, site: StoredSite): boolean {
  if (site.origin !== "own") return false;
  const issued = store.read(ISSUED_FILE);
  return issued.state === "good" && !issued.value.isShared;
}

function trustHere(store: IdentityStore, trustDomain: string): SiteTrust {
  try {
    return SiteTrust.load(store, trustDomain);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // Whom it would let in again is not known any more; only somebody who knows can say that this does not matter.
    throw new IdentityStoreError(
      `${reason}; move ${store.folder} away to go on without what was banned since the backup`,
    );
  }
}
