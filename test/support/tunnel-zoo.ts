/** A forged site of two nodes, and identities for a tunnel of which each is wrong in one way. */
import type { KeyObject } from "node:crypto";
import { type BanList, NO_BANS, printBans, withBan } from "../../src/identity/bans.ts";
import { makeBundle, printBundle } from "../../src/identity/bundle.ts";
import { readCertificate } from "../../src/identity/certificate.ts";
import { nodeServerName } from "../../src/identity/node-names.ts";
import { TO_WORKER } from "../../src/wire/channel/frames.ts";
import type { ToWorkerFrame } from "../../src/wire/channel/to-worker-frame.ts";
import { bool, int, octets, utcTime } from "./der-build.ts";
import {
  basic,
  CLIENT_AUTH,
  dns,
  extension,
  type ForgedSite,
  type Forgery,
  forgeSite,
  keyUsage,
  makeKey,
  nameConstraints,
  purposes,
  SERVER_AUTH,
  san,
  uri,
} from "./forge-certificate.ts";
import type { TlsOptions } from "./tls.ts";
import type { TunnelAuthority } from "./tunnel-node.ts";

const DAY_MS = 86_400_000;
const nowMs = Math.floor(Date.now() / 1000) * 1000;

const here = forgeSite({ nowMs, node: "till-1" });
/** The site's second node: the same root, an issuer of its own. */
const there = forgeSite({ nowMs, node: "till-2", rootKey: here.rootKey });
const unlisted = forgeSite({ nowMs, node: "till-9", rootKey: here.rootKey });
const bannedNode = forgeSite({ nowMs, node: "till-2", rootKey: here.rootKey });
/** Everything as at home, and other keys. */
const double = forgeSite({ nowMs, node: "till-2" });
const elsewhere = forgeSite({ nowMs, node: "till-2", trustDomain: "site-b.example" });
const bannedLeaf = makeKey();

/** ID of a node of the site. */
const idOf = (site: ForgedSite, node = site.node) => `spiffe://${site.trustDomain}/selvedge/node/${node}`;
const ownNames = (site: ForgedSite, node = site.node) =>
  san(false, uri(idOf(site, node)), dns(nodeServerName(site.trustDomain, node)));

/** A node's leaf with what is to be wrong. */
const leafOf = (site: ForgedSite, wrong: Forgery = {}) => site.makeLeaf({ san: ownNames(site), ...wrong });

/** An identity as it is shown in a handshake. */
export interface Shown {
  readonly chain: readonly Uint8Array[];
  readonly key: KeyObject;
  readonly tls?: TlsOptions;
}

const shown = (
  site: ForgedSite,
  wrong: Forgery = {},
  rest: readonly Uint8Array[] = [site.issuer, here.root],
): Shown => ({
  chain: [leafOf(site, wrong), ...rest],
  key: (wrong.key ?? site.leafKey).privateKey,
});

/** What is right: `till-2` as it should be. */
export const RIGHT: Shown = shown(there);

const names = (...list: readonly Uint8Array[]) => ({ san: san(false, ...list) });
const issuedBy = (issuer: Uint8Array, wrong: Forgery = {}) => shown(there, wrong, [issuer, here.root]);
const ID = idOf(there);

/** Each must be refused by a live listener and by a live dialer. */
export const WRONG: readonly (readonly [string, Shown])[] = [
  ["another root of the same name", shown(double, {}, [double.issuer, double.root])],
  ["another root of the same name, with the right one sent along", shown(double)],
  ["a self-signed leaf", shown(there, { issuer: there.rootName, signer: there.leafKey, aki: null }, [])],
  ["a leaf without its issuer", shown(there, {}, [])],
  ["a leaf signed by the root", shown(there, { issuer: here.rootName, signer: here.rootKey, aki: null }, [here.root])],
  ["a leaf signed by somebody else", shown(there, { signer: makeKey() })],
  ["an expired leaf", shown(there, { notBefore: utcTime(nowMs - 2 * DAY_MS), notAfter: utcTime(nowMs - 5_000) })],
  ["a leaf that is not valid yet", shown(there, { notBefore: utcTime(nowMs + DAY_MS / 2) })],
  ["an expired issuer", issuedBy(there.makeIssuer({ notAfter: utcTime(nowMs - 5_000) }))],
  ["an issuer that is no CA", issuedBy(there.makeIssuer({ basic: basic(true) }))],
  ["an issuer with a path length of 1", issuedBy(there.makeIssuer({ basic: basic(true, bool(true), int(1)) }))],
  ["an issuer that must not sign", issuedBy(there.makeIssuer({ usage: keyUsage(true, 7, 0x80) }))],
  [
    "an issuer constrained to another site",
    issuedBy(there.makeIssuer({ constraints: nameConstraints([uri("site-b.example")]) })),
  ],
  ["an issuer of its own making", issuedBy(there.makeIssuer({ signer: there.issuerKey }))],
  ["no ID", shown(there, names(dns(nodeServerName(here.trustDomain, "till-2"))))],
  ["two IDs", shown(there, names(uri(ID), uri(`${ID}x`), dns(nodeServerName(here.trustDomain, "till-2"))))],
  ["a workload's ID", shown(there, names(uri(`spiffe://${here.trustDomain}/ns/prod/sa/web`)))],
  ["an ID with a trailing slash", shown(there, names(uri(`${ID}/`), dns(nodeServerName(here.trustDomain, "till-2"))))],
  ["the ID of a node whose issuer it has not", shown(there, { san: ownNames(there, "till-1") })],
  ["the ID of a third node", shown(there, { san: ownNames(there, "till-3") })],
  ["another node's server name", shown(there, names(uri(ID), dns(nodeServerName(here.trustDomain, "till-3"))))],
  ["the ID of another site", shown(elsewhere, {}, [elsewhere.issuer, elsewhere.root])],
  ["another site's ID by this site's issuer", shown(there, { san: ownNames(elsewhere) })],
  ["a node that no document names", shown(unlisted)],
  ["the other end's own identity", shown(here)],
  ["a leaf that is a CA", shown(there, { basic: basic(true, bool(true)) })],
  ["a leaf that may sign certificates", shown(there, { usage: keyUsage(true, 2, 0x84) })],
  ["a leaf for servers only", shown(there, { purposes: purposes(SERVER_AUTH) })],
  ["a leaf for clients only", shown(there, { purposes: purposes(CLIENT_AUTH) })],
  ["an unknown critical extension", shown(there, { more: [extension("1.2.3.4", true, octets())] })],
  ["a P-384 key", shown(there, { key: makeKey("P-384") })],
  ["a banned issuer", shown(bannedNode)],
  ["a banned leaf", shown(there, { key: bannedLeaf })],
  ["the issuer as leaf", { chain: [there.issuer, here.root], key: there.issuerKey.privateKey }],
  ["the root as leaf", { chain: [here.root], key: here.rootKey.privateKey }],
  ["another protocol", { ...RIGHT, tls: { ALPNProtocols: "\x08http/1.1" } }],
  ["no protocol", { ...RIGHT, tls: { ALPNProtocols: undefined } }],
  ["TLS 1.2", { ...RIGHT, tls: { minVersion: undefined, maxVersion: 771 } }],
];

const pem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${(der.toBase64().match(/.{1,64}/g) ?? []).join("\n")}\n-----END ${label}-----\n`;

/** TLS options of an attacker who shows this; `null`: nothing. It believes whoever answers. */
export function attackerTls(identity: Shown | null): TlsOptions {
  const own =
    identity === null
      ? {}
      : {
          cert: identity.chain.map((der) => pem("CERTIFICATE", der)).join(""),
          key: identity.key.export({ type: "pkcs8", format: "pem" }),
        };
  return {
    ...own,
    ca: pem("CERTIFICATE", here.root),
    serverName: nodeServerName(here.trustDomain, "till-1"),
    rejectUnauthorized: false,
    minVersion: 772,
    ALPNProtocols: "\x02h2",
    ...identity?.tls,
  };
}

/** The keeper of the forged site's node `till-1`; two keys are banned. */
export class ForgedAuthority implements TunnelAuthority {
  readonly trustDomain = here.trustDomain;
  #version = 0;
  readonly #bans: BanList = [
    readCertificate(bannedNode.issuer).keyHash,
    readCertificate(leafOf(there, { key: bannedLeaf })).keyHash,
  ].reduce(
    (list, keyHash) => withBan(list, { keyHash, node: "till-2", state: "banned", reason: "stolen", atMs: nowMs }),
    NO_BANS,
  );

  trustFrame(atMs: number): Extract<ToWorkerFrame, { type: typeof TO_WORKER.TRUST }> {
    const bundle = makeBundle(this.trustDomain, 1, [here.root]);
    if (typeof bundle === "string") throw new Error(bundle);
    return {
      type: TO_WORKER.TRUST,
      version: ++this.#version,
      nowMs: atMs,
      bundle: Buffer.from(printBundle(bundle)),
      bans: Buffer.from(printBans(this.#bans)),
    };
  }

  async keyFrames(): Promise<readonly ToWorkerFrame[]> {
    const key = here.leafKey.privateKey.export({ type: "pkcs8", format: "der" });
    return [{ type: TO_WORKER.KEYS, workload: "", chain: [leafOf(here), here.issuer, here.root], key }];
  }
}
