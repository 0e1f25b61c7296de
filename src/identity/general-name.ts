import { CertificateError } from "./certificate-error.ts";
import { contextConstructed, contextPrimitive, type DerReader } from "./der.ts";

/** Kinds of GeneralName (RFC 5280 4.2.1.6). */
export type GeneralNameKind = "other" | "email" | "dns" | "x400" | "directory" | "edi" | "uri" | "ip" | "registered";

/** One name of a certificate, or the base of a name constraint. */
export interface GeneralName {
  readonly kind: GeneralNameKind;
  /** Of `email`, `dns` and `uri`: visible ASCII, as it was written. Of other kinds `""`. */
  readonly text: string;
  readonly bytes: Uint8Array;
}

const KIND_OF_TAG: ReadonlyMap<number, GeneralNameKind> = new Map([
  [contextConstructed(0), "other"],
  [contextPrimitive(1), "email"],
  [contextPrimitive(2), "dns"],
  [contextConstructed(3), "x400"],
  [contextConstructed(4), "directory"],
  [contextConstructed(5), "edi"],
  [contextPrimitive(6), "uri"],
  [contextPrimitive(7), "ip"],
  [contextPrimitive(8), "registered"],
]);

/**
 * The next element as a GeneralName. Texts hold visible ASCII only: a NUL, a blank, a control or a byte of another alphabet is
 * where one reader sees one name and the next reader another one.
 */
export function readGeneralName(reader: DerReader): GeneralName {
  const tag = reader.nextTag;
  const kind = KIND_OF_TAG.get(tag);
  if (kind === undefined) throw new CertificateError("der_tag");
  const bytes = reader.content(tag);
  const isText = kind === "email" || kind === "dns" || kind === "uri";
  return { kind, bytes, text: isText ? visibleText(bytes) : "" };
}

function visibleText(bytes: Uint8Array): string {
  if (bytes.length === 0) throw new CertificateError("san_byte");
  for (const byte of bytes) if (byte < 0x21 || byte > 0x7e) throw new CertificateError("san_byte");
  return String.fromCharCode(...bytes);
}
