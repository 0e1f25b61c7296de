/** The files of an identity: what each holds, and what of a value from disk is believed. All but keys and trust are public. */
import { trustDomainProblem } from "../../model/spiffe-id.ts";

/** Who this state directory is. File `site`. */
export interface StoredSite {
  readonly trustDomain: string;
  /** `""` where a backup was restored and no keeper has run since. */
  readonly node: string;
  /** own: this node made the site's root. restored: it has the root from a backup. joined: another node let it in. */
  readonly origin: "own" | "restored" | "joined";
}

/** A certificate with its key, sealed. */
export interface StoredSigner {
  readonly certificate: Uint8Array;
  readonly sealedKey: Uint8Array;
}

/** Keys of the root, on the one node that has them. File `root`. */
export interface StoredRoot {
  /** The one that signs first; a second one while the change is announced. */
  readonly signers: readonly StoredSigner[];
  readonly phase: "steady" | "announced" | "signing";
  readonly sinceMs: number;
  readonly isCompromised: boolean;
}

/** A key that waits for its certificate. File `pending`. */
export interface StoredPending {
  readonly sealedKey: Uint8Array;
}

/** An issuer that this node signed as the root's node. */
export interface IssuedIssuer {
  readonly node: string;
  /** SHA-256 of its key, hex: by this it is banned. */
  readonly keyHash: string;
  readonly serial: string;
  readonly notAfterMs: number;
  /** The root that signed it. */
  readonly rootKeyHash: string;
  readonly atMs: number;
  /** Key of the issuer that asked for this one, hex; absent where none did, but a token, or this node for itself. */
  readonly askedBy?: string;
  /** It was asked for at the join door by one that had ended, and nobody has used it yet: the answer may have been lost. */
  readonly isUnseen?: true;
}

/** What the root's node signed. File `issued`. */
export interface StoredIssued {
  /** Since when nothing is missing from the list: a restored root does not know what it signed before. */
  readonly completeSinceMs: number;
  /** Whether another node ever got one: then others depend on the root. */
  readonly isShared: boolean;
  readonly issuers: readonly IssuedIssuer[];
  /** Of each node that has none any more the newest, by end: it may be renewed late by that key. See `issued-issuers.ts`. */
  readonly ended?: readonly IssuedIssuer[];
}

/** What others are judged by. Files `trust` and `trust.copy`. */
export interface StoredTrust {
  /** As `printBundle` makes it. */
  readonly bundle: string;
  /** As `printBans` makes it; everything that was ever heard. */
  readonly bans: string;
  /** The root's last word, signed, as it is handed on to other nodes; empty where there is none. */
  readonly message: Uint8Array;
}

/** File `clock`. */
export interface StoredClock {
  readonly floorMs: number;
}

/** Most issuers that are remembered. Reason: a handful of nodes, each renewed every few weeks, expired ones forgotten. */
export const ISSUED_MAX = 1024;

/** Most nodes whose issuer has ended that are remembered. Reason: one for each; a site has dozens. */
export const LATE_RECORDS_MAX = 256;

type Json = Readonly<Record<string, unknown>>;

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";
const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function bytesOf(value: unknown): Uint8Array | undefined {
  if (!isText(value)) return undefined;
  try {
    return Uint8Array.fromBase64(value, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

/** How one file is written and read. `read` answers `undefined` for anything that `write` does not make. */
export interface FileForm<Value> {
  readonly name: string;
  write(value: Value): unknown;
  read(value: unknown): Value | undefined;
}

export const SITE_FILE: FileForm<StoredSite> = {
  name: "site",
  write: ({ trustDomain, node, origin }) => ({ version: 1, trustDomain, node, origin }),
  read: (value) => {
    if (!isJson(value) || value["version"] !== 1) return undefined;
    const { trustDomain, node, origin } = value;
    if (!isText(trustDomain) || trustDomainProblem(trustDomain) !== undefined || !isText(node)) return undefined;
    const isOrigin = origin === "own" || origin === "restored" || origin === "joined";
    return isOrigin ? { trustDomain, node, origin } : undefined;
  },
};

const writeSigner = ({ certificate, sealedKey }: StoredSigner): unknown => ({
  certificate: certificate.toBase64(),
  sealedKey: sealedKey.toBase64(),
});

function readSigner(value: unknown): StoredSigner | undefined {
  if (!isJson(value)) return undefined;
  const certificate = bytesOf(value["certificate"]);
  const sealedKey = bytesOf(value["sealedKey"]);
  return certificate === undefined || sealedKey === undefined ? undefined : { certificate, sealedKey };
}

export const ROOT_FILE: FileForm<StoredRoot> = {
  name: "root",
  write: ({ signers, phase, sinceMs, isCompromised }) => ({
    version: 1,
    signers: signers.map(writeSigner),
    phase,
    sinceMs,
    isCompromised,
  }),
  read: (value) => {
    if (!isJson(value) || value["version"] !== 1 || !Array.isArray(value["signers"])) return undefined;
    const signers = value["signers"].map(readSigner);
    const { phase, sinceMs, isCompromised } = value;
    if (phase !== "steady" && phase !== "announced" && phase !== "signing") return undefined;
    if (signers.length !== (phase === "announced" ? 2 : 1) || !signers.every((one) => one !== undefined))
      return undefined;
    if (!isTime(sinceMs) || typeof isCompromised !== "boolean") return undefined;
    return { signers, phase, sinceMs, isCompromised };
  },
};

export const ISSUER_FILE: FileForm<StoredSigner> = {
  name: "issuer",
  write: (signer) => ({ version: 1, signer: writeSigner(signer) }),
  read: (value) => (isJson(value) && value["version"] === 1 ? readSigner(value["signer"]) : undefined),
};

export const PENDING_FILE: FileForm<StoredPending> = {
  name: "pending",
  write: ({ sealedKey }) => ({ version: 1, sealedKey: sealedKey.toBase64() }),
  read: (value) => {
    const sealedKey = isJson(value) && value["version"] === 1 ? bytesOf(value["sealedKey"]) : undefined;
    return sealedKey === undefined ? undefined : { sealedKey };
  },
};

function isIssued(value: unknown): value is IssuedIssuer {
  if (!isJson(value)) return false;
  const { node, keyHash, serial, notAfterMs, rootKeyHash, atMs, askedBy, isUnseen } = value;
  const isAsked = (askedBy === undefined || isText(askedBy)) && (isUnseen === undefined || isUnseen === true);
  return [node, keyHash, serial, rootKeyHash].every(isText) && isAsked && isTime(notAfterMs) && isTime(atMs);
}

export const ISSUED_FILE: FileForm<StoredIssued> = {
  name: "issued",
  write: ({ completeSinceMs, isShared, issuers, ended = [] }) => ({
    version: 1,
    completeSinceMs,
    isShared,
    issuers,
    ended,
  }),
  read: (value) => {
    if (!isJson(value) || value["version"] !== 1 || !Array.isArray(value["issuers"])) return undefined;
    // Absent where an earlier version wrote it.
    const { completeSinceMs, isShared, issuers, ended = [] } = value;
    if (!isTime(completeSinceMs) || typeof isShared !== "boolean" || !Array.isArray(ended)) return undefined;
    if (issuers.length > ISSUED_MAX || ended.length > LATE_RECORDS_MAX) return undefined;
    return issuers.every(isIssued) && ended.every(isIssued) ? { completeSinceMs, isShared, issuers, ended } : undefined;
  },
};

export const TRUST_FILE: FileForm<StoredTrust> = {
  name: "trust",
  write: ({ bundle, bans, message }) => ({ version: 1, bundle, bans, message: message.toBase64() }),
  read: (value) => {
    if (!isJson(value) || value["version"] !== 1) return undefined;
    const { bundle, bans } = value;
    const message = bytesOf(value["message"]);
    return isText(bundle) && isText(bans) && message !== undefined ? { bundle, bans, message } : undefined;
  },
};

/** The same as `TRUST_FILE` once more: a rotten sector must not make a node forget whom it has banned. */
export const TRUST_COPY_FILE: FileForm<StoredTrust> = { ...TRUST_FILE, name: "trust.copy" };

export const CLOCK_FILE: FileForm<StoredClock> = {
  name: "clock",
  write: ({ floorMs }) => ({ version: 1, floorMs }),
  read: (value) => {
    if (!isJson(value) || value["version"] !== 1 || !isTime(value["floorMs"])) return undefined;
    return { floorMs: value["floorMs"] };
  },
};
