import { printBundle } from "../../identity/bundle.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";
import type { JoinHost } from "./join-door.ts";

/** The reason of its ban. */
const REPLACED = "another machine took its name";

/** Whether some machine holds an issuer for this name that is neither banned nor over, as far as this node signed it. */
export function hasJoined(site: SiteIdentity, name: string): boolean {
  const nowMs = site.nowMs();
  return site
    .issuedIssuers()
    .some(({ node, keyHash, notAfterMs }) => node === name && notAfterMs > nowMs && !site.siteTrust.isBanned(keyHash));
}

/** What the join door judges and signs by. @param isNode whether the documents name a node. */
export function joinHost(site: SiteIdentity, isNode: (name: string) => boolean): JoinHost {
  return {
    trustDomain: site.trustDomain,
    holdsRoot: site.holdsRoot,
    isNode,
    nowMs: () => Math.floor(site.nowMs()),
    hasJoined: (name) => hasJoined(site, name),
    signIssuer: async (node, request, challenge) => {
      try {
        const signed = await site.signIssuer(node, request, challenge);
        return "refused" in signed ? signed.refused : signed.certificate;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    },
    isBanned: (keyHash) => site.siteTrust.isBanned(keyHash),
    banOthers: (node, keyHash) => banOthers(site, node, keyHash),
    trust: () => ({
      bundle: new TextEncoder().encode(printBundle(site.trust().bundle)),
      trust: site.trustMessage(),
      floorMs: Math.floor(site.clock.floorMs),
    }),
  };
}

/** Throws BansFullError where the machines that have had a name could not be banned, as a replacement has to. */
export function refuseReplacingWithoutRoom(site: SiteIdentity, name: string): void {
  site.refuseBansWithoutRoom(name, keysOfOthers(site, name, ""), REPLACED);
}

function keysOfOthers(site: SiteIdentity, name: string, keyHash: string): readonly string[] {
  const others = site.issuedIssuers().filter((issued) => issued.node === name && issued.keyHash !== keyHash);
  return [...new Set(others.map((issued) => issued.keyHash))].filter((key) => !site.siteTrust.isBanned(key));
}

async function banOthers(site: SiteIdentity, name: string, keyHash: string): Promise<void> {
  const keys = keysOfOthers(site, name, keyHash);
  if (keys.length === 0) return;
  const outcome = await site.banKeys(name, keys, REPLACED);
  if ("refused" in outcome) throw new Error(outcome.refused);
}
