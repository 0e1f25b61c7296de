/**
 * Name constraints (RFC 5280 4.2.1.10): those that can be judged are judged, a constraint of any other kind makes the
 * certificate one that is refused, because ignoring it would widen what its issuer may do.
 */
import { parseSpiffeId } from "../model/spiffe-id.ts";
import { CertificateError } from "./certificate-error.ts";
import { contextConstructed, DerReader, TAG } from "./der.ts";
import { type GeneralName, type GeneralNameKind, readGeneralName } from "./general-name.ts";

/** Most subtrees of either list. Reason: ours have five; every one is compared with every name. */
export const SUBTREES_MAX = 16;

export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** Reads the value of the extension. */
export function readNameConstraints(value: Uint8Array): NameConstraints {
  const outer = new DerReader(value);
  const lists = outer.enter(TAG.sequence);
  outer.finish();
  const permitted = lists.nextTag === contextConstructed(0) ? readSubtrees(lists.enter(contextConstructed(0))) : [];
  const excluded = lists.nextTag === contextConstructed(1) ? readSubtrees(lists.enter(contextConstructed(1))) : [];
  lists.finish();
  if (permitted.length + excluded.length === 0) throw new CertificateError("constraint_form");
  return { permitted, excluded };
}

function readSubtrees(list: DerReader): GeneralName[] {
  const subtrees: GeneralName[] = [];
  if (list.isAtEnd) throw new CertificateError("constraint_form");
  while (!list.isAtEnd) {
    const subtree = list.enter(TAG.sequence);
    const base = readGeneralName(subtree);
    // minimum is 0 and therefore not written, maximum is absent: RFC 5280 knows nothing else.
    subtree.finish();
    checkBase(base);
    subtrees.push(base);
    if (subtrees.length > SUBTREES_MAX) throw new CertificateError("constraint_form");
  }
  return subtrees;
}

const BASE_FORMS: Partial<Record<GeneralNameKind, RegExp>> = {
  uri: /^\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/,
  dns: /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/,
  email: /^(?:[^@]+@)?\.?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/,
};

function checkBase(base: GeneralName): void {
  const form = BASE_FORMS[base.kind];
  if (base.kind === "ip") checkIpBase(base.bytes);
  else if (form === undefined) throw new CertificateError("constraint_kind");
  else if (!form.test(base.text)) throw new CertificateError("constraint_form");
}

/** An address and a mask of the same length, the mask being ones and then zeros. */
function checkIpBase(bytes: Uint8Array): void {
  const half = bytes.length / 2;
  if (half !== 4 && half !== 16) throw new CertificateError("constraint_form");
  let isInHost = false;
  for (let bit = 0; bit < half * 8; bit++) {
    const isSet = (bytes[half + (bit >> 3)]! & (0x80 >> (bit & 7))) !== 0;
    if (isSet && isInHost) throw new CertificateError("constraint_form");
    if (!isSet) isInHost = true;
  }
}

/**
 * Whether a certificate under these constraints may bear this name. A kind that no subtree names is free. A URI that is no
 * SPIFFE ID has no host that could be compared and is never permitted.
 */
export function isNamePermitted(constraints: NameConstraints, name: GeneralName): boolean {
  if (name.kind === "uri" && typeof parseSpiffeId(name.text) === "string") return false;
  if (constraints.excluded.some((base) => base.kind === name.kind && isWithin(base, name))) return false;
  const permitted = constraints.permitted.filter((base) => base.kind === name.kind);
  return permitted.length === 0 || permitted.some((base) => isWithin(base, name));
}

function isWithin(base: GeneralName, name: GeneralName): boolean {
  switch (base.kind) {
    case "uri":
      return isUriWithin(base.text, name.text);
    case "dns":
      return isHostWithin(base.text, name.text.toLowerCase());
    case "email":
      return isEmailWithin(base.text, name.text);
    case "ip":
      return isIpWithin(base.bytes, name.bytes);
    default:
      return false;
  }
}

/** The host of a SPIFFE ID is its trust domain: equal, or below where the base begins with a dot. */
function isUriWithin(base: string, uri: string): boolean {
  const id = parseSpiffeId(uri);
  if (typeof id === "string") return false;
  return base.startsWith(".") ? id.trustDomain.endsWith(base) : id.trustDomain === base;
}

function isHostWithin(base: string, host: string): boolean {
  return host === base || host.endsWith(`.${base}`);
}

function isEmailWithin(base: string, mailbox: string): boolean {
  const at = mailbox.lastIndexOf("@");
  const host = mailbox.slice(at + 1).toLowerCase();
  if (base.includes("@")) return `${mailbox.slice(0, at)}@${host}` === base;
  return base.startsWith(".") ? host.endsWith(base) : host === base;
}

function isIpWithin(base: Uint8Array, address: Uint8Array): boolean {
  const half = base.length / 2;
  if (address.length !== half) return false;
  return address.every((byte, index) => ((byte ^ base[index]!) & base[half + index]!) === 0);
}
