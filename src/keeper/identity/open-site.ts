import { foundSite } from "./found-site.ts";
import { ISSUED_FILE, ISSUER_FILE, SITE_FILE, type StoredSite } from "./identity-files.ts";
import type { IdentityEvent } from "./identity-options.ts";
import { IdentityStoreError } from "./identity-store.ts";
import { type IdentityHost, SiteIdentity } from "./site-identity.ts";
import type { SiteWishes } from "./site-wishes.ts";

type Tell = (what: IdentityEvent["what"], detail: string) => void;

/**
 * The identity of this state directory, for the node that the documents name: founded where there is none, and founded anew
 * where the documents now name another site and nobody depends on the old root. Rejects with IdentityStoreError that says why
 * there is none.
 */
export async function openSite(host: IdentityHost, wishes: SiteWishes, tell: Tell): Promise<SiteIdentity> {
  const { store } = host;
  if (store.exists) {
    const site = store.read(SITE_FILE);
    if (site.state === "good" && site.value.trustDomain !== wishes.trustDomain && isUnshared(host, site.value)) {
      tell("put_aside", `${site.value.trustDomain}: ${store.setAside()}`);
    }
  }
  if (!store.exists) await found(host, wishes, tell);
  return adopted(host, wishes);
}

async function found(host: IdentityHost, { trustDomain, node }: SiteWishes, tell: Tell): Promise<void> {
  await foundSite(host.store, host.issue, { trustDomain, node, nowMs: host.clocks().wallMs });
  tell("founded", trustDomain);
}

function adopted(host: IdentityHost, wishes: SiteWishes): SiteIdentity {
  const { store } = host;
  const site = store.read(SITE_FILE);
  if (site.state !== "good") throw new IdentityStoreError(`${store.folder}/site cannot be read`);
  const { trustDomain, node, origin } = site.value;
  if (trustDomain !== wishes.trustDomain)
    throw new IdentityStoreError(
      `this node belongs to the site ${trustDomain}, the documents say ${wishes.trustDomain}`,
    );
  if (node !== wishes.node) {
    if (origin === "joined")
      throw new IdentityStoreError(`this node was let in as ${node}, the documents call it ${wishes.node}`);
    store.remove(ISSUER_FILE);
    store.write(SITE_FILE, { trustDomain, node: wishes.node, origin });
  }
  return SiteIdentity.load(host);
}

function isUnshared({ store }: IdentityHost, site: StoredSite): boolean {
  if (site.origin !== "own") return false;
  const issued = store.read(ISSUED_FILE);
  return issued.state === "good" && !issued.value.isShared;
}
