import { existsSync } from "node:fs";
import { type BanList, mergeBans } from "../../identity/bans.ts";
import { makeBundle, type TrustBundle } from "../../identity/bundle.ts";
import type { Signer } from "../../identity/issue-protocol.ts";
import { readTrustMessage } from "../../identity/trust-message.ts";
import { CLOCK_FILE, ISSUED_FILE, ISSUER_FILE, ROOT_FILE, SITE_FILE } from "./identity-files.ts";
import { type IdentityStore, IdentityStoreError } from "./identity-store.ts";
import { issuerProblem } from "./own-issuer.ts";
import { readStored } from "./root-keys.ts";
import { madeAtMs } from "./site-clock.ts";
import { SiteTrust, storedTrust } from "./site-trust.ts";

/** What a node was given when it was let in. */
export interface JoinedIdentity {
  readonly trustDomain: string;
  readonly node: string;
  /** The root whose pin the token carried, in DER; the caller has compared it with the pin. */
  readonly root: Uint8Array;
  /** `trustMessage` of the root's node. */
  readonly trustMessage: Uint8Array;
  /** Certificate and key (PKCS #8, wiped here) of this node's issuer. */
  readonly issuer: Signer;
  /** For judging the validity of the issuer, ms since 1970. */
  readonly nowMs: number;
}

/** Why a state directory cannot join this trust domain, or `undefined`. To be asked before anybody is called. */
export function joinObstacle(store: IdentityStore, trustDomain: string): string | undefined {
  if (!store.exists)
    return isRootRemains(store)
      ? `${store.folder} holds a root that other nodes depend on, without its file site; move it away to join`
      : undefined;
  const site = store.read(SITE_FILE);
  if (site.state !== "good") return `${store.folder}/site cannot be read; move ${store.folder} away to join anew`;
  const { origin, trustDomain: own } = site.value;
  if (origin === "joined")
    return own === trustDomain ? undefined : `this state directory belongs to the site ${own}; use another one`;
  if (origin === "restored" || hasOthers(store))
    return `this state directory holds the root of ${own}, which other nodes depend on`;
  return undefined;
}

/**
 * Puts a joined identity on disk, whole or not at all. A root of its own that nobody depends on is put aside; answers where, or
 * `undefined`. What was banned before stays banned. Throws IdentityStoreError with the reason where it does not hold together.
 */
export function joinSite(store: IdentityStore, joined: JoinedIdentity): string | undefined {
  const obstacle = joinObstacle(store, joined.trustDomain);
  if (obstacle !== undefined) throw new IdentityStoreError(obstacle);
  const { trustDomain, node, issuer } = joined;
  const believed = makeBundle(trustDomain, 0, [joined.root]);
  if (typeof believed === "string") throw new IdentityStoreError(`the root is none of ${trustDomain}: ${believed}`);
  const word = readTrustMessage(joined.trustMessage, believed);
  if (typeof word === "string") throw new IdentityStoreError(`the root's word is not believed: ${word}`);
  const before = bansBefore(store, trustDomain);
  const bans = before === undefined ? word.bans : mergeBans(before, word.bans);
  const trust = storedTrust(word.bundle, bans, joined.trustMessage);
  const problem = issuerProblemIn(word.bundle, joined);
  if (problem !== undefined) throw new IdentityStoreError(`the issuer is not taken: ${problem}`);
  const aside = existsSync(store.folder) ? store.setAside() : undefined;
  const sealed = store.sealSigner("issuer-key", issuer);
  store.write(ISSUER_FILE, sealed);
  // What time it was for the root's node when it signed: a box that wakes in 1970 next time has at least that.
  store.write(CLOCK_FILE, { floorMs: madeAtMs(readStored(issuer.certificate)) });
  store.writeTrust(trust);
  store.write(SITE_FILE, { trustDomain, node, origin: "joined" });
  return aside;
}

function issuerProblemIn(
  bundle: TrustBundle,
  { trustDomain, node, issuer, nowMs }: JoinedIdentity,
): string | undefined {
  const trust = { bundle, isBanned: () => false } as const;
  return issuerProblem(issuer.certificate, issuer.key, { trustDomain, node, trust, nowMs });
}

function isRootRemains(store: IdentityStore): boolean {
  // A founding that did not end has made no issuer yet.
  return store.read(ROOT_FILE).state !== "absent" && store.read(ISSUER_FILE).state !== "absent" && hasOthers(store);
}

function hasOthers(store: IdentityStore): boolean {
  const issued = store.read(ISSUED_FILE);
  // What was signed is not known any more: somebody may depend on it.
  return issued.state !== "good" || issued.value.isShared;
}

function bansBefore(store: IdentityStore, trustDomain: string): BanList | undefined {
  const site = store.read(SITE_FILE);
  if (site.state !== "good" || site.value.trustDomain !== trustDomain || site.value.origin !== "joined")
    return undefined;
  try {
    return SiteTrust.load(store, trustDomain).bans;
  } catch {
    return undefined;
  }
}
