/** A site's certificates made by hand, so that every field of each of them can be wrong. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  bitString,
  bits,
  bool,
  context,
  contextBytes,
  contextText,
  dn,
  int,
  octets,
  oid,
  seq,
  utcTime,
} from "./der-build.ts";

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly spki: Uint8Array;
  /** SHA-1 of the key, as key identifier. */
  readonly id: Uint8Array;
}

export function makeKey(namedCurve = "P-256"): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
  const spki = publicKey.export({ type: "spki", format: "der" });
  return { privateKey, spki, id: createHash("sha1").update(spki).digest() };
}

export const ECDSA_SHA256 = seq(oid("1.2.840.10045.4.3.2"));

export function extension(id: string, isCritical: boolean, value: Uint8Array): Uint8Array {
  return seq(oid(id), ...(isCritical ? [bool(true)] : []), octets(value));
}

export const san = (isCritical: boolean, ...names: readonly Uint8Array[]) =>
  extension("2.5.29.17", isCritical, seq(...names));
export const uri = (name: string) => contextText(6, name);
export const dns = (name: string) => contextText(2, name);
export const keyUsage = (isCritical: boolean, unused: number, ...bytes: readonly number[]) =>
  extension("2.5.29.15", isCritical, bits(unused, ...bytes));
export const purposes = (...ids: readonly string[]) => extension("2.5.29.37", false, seq(...ids.map(oid)));
export const basic = (isCritical: boolean, ...parts: readonly Uint8Array[]) =>
  extension("2.5.29.19", isCritical, seq(...parts));
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** `permitted` and `excluded`: encoded GeneralNames. */
export function nameConstraints(permitted: readonly Uint8Array[], excluded: readonly Uint8Array[] = []): Uint8Array {
  const subtrees = (names: readonly Uint8Array[]) => names.map((name) => seq(name));
  const lists = [
    ...(permitted.length > 0 ? [context(0, ...subtrees(permitted))] : []),
    ...(excluded.length > 0 ? [context(1, ...subtrees(excluded))] : []),
  ];
  return extension("2.5.29.30", true, seq(...lists));
}

/** Extensions by role; `null` leaves one out. */
export interface ExtensionSet {
  readonly san?: Uint8Array | null;
  readonly basic?: Uint8Array | null;
  readonly usage?: Uint8Array | null;
  readonly purposes?: Uint8Array | null;
  readonly constraints?: Uint8Array | null;
  readonly ski?: Uint8Array | null;
  readonly aki?: Uint8Array | null;
  readonly more?: readonly Uint8Array[];
}

/** Everything is encoded DER unless it says otherwise. */
export interface Forgery extends ExtensionSet {
  readonly version?: Uint8Array;
  readonly serial?: Uint8Array;
  readonly innerAlgorithm?: Uint8Array;
  readonly outerAlgorithm?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly notBefore?: Uint8Array;
  readonly notAfter?: Uint8Array;
  readonly key?: KeyPair;
  readonly spki?: Uint8Array;
  /** Between key and extensions. */
  readonly uniqueId?: Uint8Array;
  /** Instead of the list of extensions. */
  readonly extensionList?: Uint8Array | null;
  readonly signer?: KeyPair;
  /** The BIT STRING, instead of a signature. */
  readonly signature?: Uint8Array;
  /** After the certificate's last field. */
  readonly tail?: Uint8Array;
}

type Whole = Required<Omit<Forgery, "uniqueId" | "extensionList" | "signature" | "tail" | "spki">> & Forgery;

export function assemble(parts: Whole): Uint8Array {
  const { san: names, basic: constraints, usage, purposes: eku, constraints: nc, ski, aki, more } = parts;
  const list = [constraints, usage, eku, names, nc, ski, aki, ...more].filter((part) => part !== null);
  const extensions = parts.extensionList === undefined ? context(3, seq(...list)) : parts.extensionList;
  const body = seq(
    parts.version,
    parts.serial,
    parts.innerAlgorithm,
    parts.issuer,
    seq(parts.notBefore, parts.notAfter),
    parts.subject,
    parts.spki ?? parts.key.spki,
    ...(parts.uniqueId === undefined ? [] : [parts.uniqueId]),
    ...(extensions === null ? [] : [extensions]),
  );
  const signature = parts.signature ?? bitString(sign("sha256", body, parts.signer.privateKey));
  return seq(body, parts.outerAlgorithm, signature, ...(parts.tail === undefined ? [] : [parts.tail]));
}

const DAY_MS = 86_400_000;
let serial = 1;

/** A site of one node, all certificates right; each maker takes what is to be wrong. */
export interface ForgedSite {
  readonly trustDomain: string;
  readonly node: string;
  readonly nowMs: number;
  readonly rootKey: KeyPair;
  readonly issuerKey: KeyPair;
  readonly leafKey: KeyPair;
  readonly rootName: Uint8Array;
  readonly issuerName: Uint8Array;
  readonly root: Uint8Array;
  readonly issuer: Uint8Array;
  makeRoot(wrong?: Forgery): Uint8Array;
  makeIssuer(wrong?: Forgery): Uint8Array;
  /** A workload's SVID, `/ns/prod/sa/web`. */
  makeLeaf(wrong?: Forgery): Uint8Array;
}

export interface SiteOptions {
  readonly trustDomain?: string;
  readonly node?: string;
  readonly nowMs?: number;
  readonly rootKey?: KeyPair;
  readonly issuerKey?: KeyPair;
}

export function forgeSite(options: SiteOptions = {}): ForgedSite {
  const { trustDomain = "site-a.example", node = "till-1", nowMs = Date.UTC(2026, 5, 1) } = options;
  const { rootKey = makeKey(), issuerKey = makeKey() } = options;
  const leafKey = makeKey();
  const rootName = dn(["2.5.4.10", "Selvedge site root"], ["2.5.4.3", trustDomain]);
  const issuerName = dn(["2.5.4.10", "Selvedge node issuer"], ["2.5.4.3", node]);
  const common = (key: KeyPair, signer: KeyPair): Whole => ({
    version: context(0, int(2)),
    serial: int(0x10, (serial >> 8) & 255, serial++ & 255),
    innerAlgorithm: ECDSA_SHA256,
    outerAlgorithm: ECDSA_SHA256,
    issuer: rootName,
    subject: rootName,
    notBefore: utcTime(nowMs - DAY_MS / 24),
    notAfter: utcTime(nowMs + DAY_MS),
    key,
    signer,
    san: san(false, uri(`spiffe://${trustDomain}`)),
    basic: basic(true, bool(true)),
    usage: keyUsage(true, 1, 0x06),
    purposes: null,
    constraints: null,
    ski: extension("2.5.29.14", false, octets(key.id)),
    aki: extension("2.5.29.35", false, seq(contextBytes(0, ...signer.id))),
    more: [],
  });
  /** A key that is asked for brings its own identifier along. */
  const forge = (base: Whole, wrong: Forgery): Uint8Array => {
    const key = wrong.key ?? base.key;
    return assemble({ ...base, ski: extension("2.5.29.14", false, octets(key.id)), ...wrong });
  };
  const makeRoot = (wrong: Forgery = {}) =>
    forge({ ...common(rootKey, rootKey), basic: basic(true, bool(true), int(1)) }, wrong);
  const makeIssuer = (wrong: Forgery = {}) =>
    forge(
      {
        ...common(issuerKey, rootKey),
        subject: issuerName,
        basic: basic(true, bool(true), int(0)),
        purposes: purposes(SERVER_AUTH, CLIENT_AUTH),
        constraints: nameConstraints([uri(trustDomain), dns("node.selvedge.invalid")]),
      },
      wrong,
    );
  const makeLeaf = (wrong: Forgery = {}) =>
    forge(
      {
        ...common(leafKey, issuerKey),
        issuer: issuerName,
        subject: dn(["2.5.4.10", "Selvedge"]),
        san: san(false, uri(`spiffe://${trustDomain}/ns/prod/sa/web`)),
        basic: basic(true),
        usage: keyUsage(true, 7, 0x80),
        purposes: purposes(SERVER_AUTH, CLIENT_AUTH),
      },
      wrong,
    );
  const own = { trustDomain, node, nowMs, rootKey, issuerKey, leafKey, rootName, issuerName };
  return { ...own, root: makeRoot(), issuer: makeIssuer(), makeRoot, makeIssuer, makeLeaf };
}
