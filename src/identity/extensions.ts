/** The extensions that are judged (RFC 5280 4.2), each read into what judging needs. */
import { CertificateError } from "./certificate-error.ts";
import { contextPrimitive, DerReader, readBoolean, readNamedBits, readOid, readSmall, TAG } from "./der.ts";
import { type GeneralName, readGeneralName } from "./general-name.ts";
import { type NameConstraints, readNameConstraints } from "./name-constraints.ts";

/** Most extensions of a certificate. Reason: ours have seven. */
export const EXTENSIONS_MAX = 16;

/** Most names of a certificate. Reason: ours have two, each name is compared with each constraint. */
export const SAN_NAMES_MAX = 16;

/** Bits of KeyUsage (RFC 5280 4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 1 << 0, keyCertSign: 1 << 5, crlSign: 1 << 6 } as const;

/** Purposes of ExtendedKeyUsage (RFC 5280 4.2.1.12), as hex of the identifier's content. */
export const PURPOSE = { serverAuth: "2b06010505070301", clientAuth: "2b06010505070302" } as const;

const OID = {
  subjectKeyId: "551d0e",
  keyUsage: "551d0f",
  subjectAltName: "551d11",
  basicConstraints: "551d13",
  nameConstraints: "551d1e",
  authorityKeyId: "551d23",
  extendedKeyUsage: "551d25",
} as const;

/** Every field is absent where its extension is. */
export interface Extensions {
  readonly names?: { readonly isCritical: boolean; readonly list: readonly GeneralName[] };
  readonly basic?: { readonly isCritical: boolean; readonly isCa: boolean; readonly pathLengthMax?: number };
  readonly keyUsage?: { readonly isCritical: boolean; readonly bits: number };
  readonly purposes?: readonly string[];
  readonly constraints?: NameConstraints;
  /** Hex. */
  readonly authorityKeyId?: string;
  /** Hex. */
  readonly subjectKeyId?: string;
}

type Writable = { -readonly [Key in keyof Extensions]: Extensions[Key] };

/** Reads the list. A critical extension that is not one of the above refuses the certificate, as does a repeated one. */
export function readExtensions(list: DerReader): Extensions {
  const found: Writable = {};
  const seen = new Set<string>();
  if (list.isAtEnd) throw new CertificateError("extension_count");
  while (!list.isAtEnd) {
    const extension = list.enter(TAG.sequence);
    const id = readOid(extension.content(TAG.oid));
    const isCritical = extension.nextTag === TAG.boolean && readCritical(extension);
    const value = extension.content(TAG.octetString);
    extension.finish();
    if (seen.has(id)) throw new CertificateError("extension_repeated");
    seen.add(id);
    if (seen.size > EXTENSIONS_MAX) throw new CertificateError("extension_count");
    readKnown(found, id, isCritical, value);
  }
  return found;
}

function readCritical(extension: DerReader): boolean {
  if (!readBoolean(extension.content(TAG.boolean))) throw new CertificateError("der_default");
  return true;
}

function readKnown(found: Writable, id: string, isCritical: boolean, value: Uint8Array): void {
  switch (id) {
    case OID.subjectAltName:
      found.names = { isCritical, list: readNames(value) };
      return;
    case OID.basicConstraints:
      found.basic = { isCritical, ...readBasicConstraints(value) };
      return;
    case OID.keyUsage:
      found.keyUsage = { isCritical, bits: readKeyUsage(value) };
      return;
    case OID.extendedKeyUsage:
      found.purposes = readPurposes(value);
      return;
    case OID.nameConstraints:
      found.constraints = readNameConstraints(value);
      return;
    case OID.authorityKeyId:
      found.authorityKeyId = readAuthorityKeyId(value);
      return;
    case OID.subjectKeyId:
      found.subjectKeyId = readKeyId(only(value, TAG.octetString));
      return;
    default:
      if (isCritical) throw new CertificateError("extension_critical");
  }
}

/** The content of the one element that a value holds. */
function only(value: Uint8Array, tag: number): Uint8Array {
  const reader = new DerReader(value);
  const content = reader.content(tag);
  reader.finish();
  return content;
}

function readNames(value: Uint8Array): GeneralName[] {
  const reader = new DerReader(only(value, TAG.sequence));
  const names: GeneralName[] = [];
  const seen = new Set<string>();
  if (reader.isAtEnd) throw new CertificateError("san_empty");
  while (!reader.isAtEnd) {
    const name = readGeneralName(reader);
    const key = `${name.kind} ${name.bytes.toHex()}`;
    if (seen.has(key)) throw new CertificateError("san_repeated");
    seen.add(key);
    names.push(name);
    if (names.length > SAN_NAMES_MAX) throw new CertificateError("san_count");
  }
  return names;
}

function readBasicConstraints(value: Uint8Array): { isCa: boolean; pathLengthMax?: number } {
  const reader = new DerReader(only(value, TAG.sequence));
  if (reader.isAtEnd) return { isCa: false };
  // A length without cA would say something about a certificate that signs nothing (RFC 5280 4.2.1.9).
  if (!readBoolean(reader.content(TAG.boolean))) throw new CertificateError("der_default");
  if (reader.isAtEnd) return { isCa: true };
  const pathLengthMax = readSmall(reader.content(TAG.integer));
  reader.finish();
  return { isCa: true, pathLengthMax };
}

function readKeyUsage(value: Uint8Array): number {
  const bits = readNamedBits(only(value, TAG.bitString));
  if (bits === 0) throw new CertificateError("extension_form");
  return bits;
}

function readPurposes(value: Uint8Array): string[] {
  const reader = new DerReader(only(value, TAG.sequence));
  const purposes: string[] = [];
  while (!reader.isAtEnd) purposes.push(readOid(reader.content(TAG.oid)));
  if (purposes.length === 0 || new Set(purposes).size !== purposes.length) throw new CertificateError("extension_form");
  return purposes;
}

/** The key's identifier alone: an issuer named by name and serial would have to be judged too. */
function readAuthorityKeyId(value: Uint8Array): string {
  const reader = new DerReader(only(value, TAG.sequence));
  const id = readKeyId(reader.content(contextPrimitive(0)));
  reader.finish();
  return id;
}

function readKeyId(bytes: Uint8Array): string {
  if (bytes.length === 0 || bytes.length > 32) throw new CertificateError("extension_form");
  return bytes.toHex();
}
