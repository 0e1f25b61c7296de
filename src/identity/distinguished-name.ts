import { CertificateError } from "./certificate-error.ts";
import { DerReader, readOid, TAG } from "./der.ts";

/** Most attributes of a name. Reason: ours have two. */
export const NAME_ATTRIBUTES_MAX = 8;

/** Most bytes of one attribute. Reason: RFC 5280 allows 64 characters where ours stand. */
export const ATTRIBUTE_BYTES_MAX = 256;

/** id-at-commonName 2.5.4.3 and id-at-organizationName 2.5.4.10, as hex of the content. */
const COMMON_NAME = "550403";
const ORGANIZATION = "55040a";

/** An issuer or subject (RFC 5280 4.1.2.4). */
export interface DistinguishedName {
  /** The whole element: two names are the same when these bytes are. */
  readonly raw: Uint8Array;
  readonly isEmpty: boolean;
  readonly commonName?: string;
  readonly organization?: string;
}

/** The next element as a name: one attribute per step, printable ASCII, none twice. */
export function readDistinguishedName(reader: DerReader): DistinguishedName {
  const raw = reader.element(TAG.sequence);
  const steps = new DerReader(raw).enter(TAG.sequence);
  const values = new Map<string, string>();
  while (!steps.isAtEnd) {
    const set = steps.enter(TAG.set);
    const attribute = set.enter(TAG.sequence);
    set.finish();
    const type = readOid(attribute.content(TAG.oid));
    if (values.has(type) || values.size >= NAME_ATTRIBUTES_MAX) throw new CertificateError("name_form");
    values.set(type, readText(attribute));
    attribute.finish();
  }
  const commonName = values.get(COMMON_NAME);
  const organization = values.get(ORGANIZATION);
  return {
    raw,
    isEmpty: values.size === 0,
    ...(commonName === undefined ? {} : { commonName }),
    ...(organization === undefined ? {} : { organization }),
  };
}

function readText(attribute: DerReader): string {
  const tag = attribute.nextTag;
  if (tag !== TAG.utf8String && tag !== TAG.printableString) throw new CertificateError("name_form");
  const bytes = attribute.content(tag);
  if (bytes.length === 0 || bytes.length > ATTRIBUTE_BYTES_MAX) throw new CertificateError("name_form");
  for (const byte of bytes) if (byte < 0x20 || byte > 0x7e) throw new CertificateError("name_form");
  return String.fromCharCode(...bytes);
}
