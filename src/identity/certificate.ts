/**
 * An X.509 certificate read into the fields that are judged (RFC 5280): version 3, P-256 keys, ecdsa-with-SHA256, and nothing
 * that this reader does not understand where the certificate says that it matters.
 */
import type { KeyObject } from "node:crypto";
import { CertificateError } from "./certificate-error.ts";
import { contextConstructed, DerReader, readBitBytes, readSmall, readUnsigned, TAG } from "./der.ts";
import { readTime } from "./der-time.ts";
import { type DistinguishedName, readDistinguishedName } from "./distinguished-name.ts";
import { type Extensions, readExtensions } from "./extensions.ts";
import { nodeCrypto } from "./node-crypto.ts";

/** Most bytes of a certificate. Reason: ours take 700; an ID of the longest kind fits three times. */
export const CERTIFICATE_BYTES_MAX = 8192;

/** The DER of ecdsa-with-SHA256 as AlgorithmIdentifier, parameters absent (RFC 5758 3.2). */
const ECDSA_WITH_SHA256 = "300a06082a8648ce3d040302";

/** The DER of a P-256 key's SubjectPublicKeyInfo up to its 64 coordinate bytes (RFC 5480): named curve, uncompressed. */
const P256_SPKI_HEAD = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
const P256_SPKI_BYTES = 91;

/** A certificate that was read; nothing about it is believed yet, not even its signature. */
export interface Certificate extends Extensions {
  readonly der: Uint8Array;
  /** What the signature covers. */
  readonly signed: Uint8Array;
  /** ECDSA-Sig-Value in DER. */
  readonly signature: Uint8Array;
  /** Hex, without leading zeros. */
  readonly serial: string;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly notBeforeMs: number;
  /** The last moment at which it is valid. */
  readonly notAfterMs: number;
  readonly publicKey: KeyObject;
  /** SHA-256 of the SubjectPublicKeyInfo, hex: the name of a key, by which it is banned. */
  readonly keyHash: string;
}

/** Reads one certificate, which must fill the array. Keeps a copy. Throws CertificateError and nothing else. */
export function readCertificate(bytes: Uint8Array): Certificate {
  if (bytes.length > CERTIFICATE_BYTES_MAX) throw new CertificateError("certificate_too_large");
  const der = Uint8Array.from(bytes);
  const file = new DerReader(der);
  const outer = file.enter(TAG.sequence);
  file.finish();
  const signed = outer.element(TAG.sequence);
  readAlgorithm(outer);
  const signature = readBitBytes(outer.content(TAG.bitString));
  outer.finish();
  checkSignatureForm(signature);
  return { der, signed, signature, ...readBody(new DerReader(signed).enter(TAG.sequence)) };
}

type Body = Omit<Certificate, "der" | "signed" | "signature">;

function readBody(body: DerReader): Body {
  const version = body.nextTag === contextConstructed(0) ? readVersion(body.enter(contextConstructed(0))) : 0;
  if (version !== 2) throw new CertificateError("version");
  const serial = readUnsigned(body.content(TAG.integer));
  if (serial.every((byte) => byte === 0)) throw new CertificateError("serial");
  readAlgorithm(body);
  const issuer = readDistinguishedName(body);
  const validity = readValidity(body.enter(TAG.sequence));
  const subject = readDistinguishedName(body);
  const key = readPublicKey(body.element(TAG.sequence));
  // issuerUniqueID and subjectUniqueID are [1] and [2] (RFC 5280 4.1.2.8): never to be made.
  if (body.nextTag !== contextConstructed(3))
    throw new CertificateError(body.isAtEnd ? "extension_count" : "unique_id");
  const wrapper = body.enter(contextConstructed(3));
  body.finish();
  const extensions = readExtensions(wrapper.enter(TAG.sequence));
  wrapper.finish();
  return { serial: serial.toHex(), issuer, ...validity, subject, ...key, ...extensions };
}

function readVersion(wrapper: DerReader): number {
  const version = readSmall(wrapper.content(TAG.integer));
  wrapper.finish();
  return version;
}

function readAlgorithm(reader: DerReader): void {
  if (reader.element(TAG.sequence).toHex() !== ECDSA_WITH_SHA256) throw new CertificateError("signature_algorithm");
}

function readValidity(validity: DerReader): { notBeforeMs: number; notAfterMs: number } {
  const notBeforeMs = readTime(validity);
  const notAfterMs = readTime(validity);
  validity.finish();
  if (notAfterMs < notBeforeMs) throw new CertificateError("validity");
  return { notBeforeMs, notAfterMs };
}

function readPublicKey(spki: Uint8Array): { publicKey: KeyObject; keyHash: string } {
  return { publicKey: importPublicKey(spki), keyHash: keyHashOf(spki) };
}

/** A P-256 key from its SubjectPublicKeyInfo; throws CertificateError for any other, and for a point off the curve. */
export function importPublicKey(spki: Uint8Array): KeyObject {
  const isP256 =
    spki.length === P256_SPKI_BYTES && spki.subarray(0, P256_SPKI_HEAD.length / 2).toHex() === P256_SPKI_HEAD;
  if (!isP256) throw new CertificateError("public_key");
  try {
    return nodeCrypto().createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    throw new CertificateError("public_key");
  }
}

/** The name of a key: SHA-256 of its SubjectPublicKeyInfo, hex. */
export function keyHashOf(spki: Uint8Array): string {
  return nodeCrypto().createHash("sha256").update(spki).digest("hex");
}

/** Two positive integers of at most 32 bytes (RFC 3279 2.2.3), neither of them zero. */
function checkSignatureForm(signature: Uint8Array): void {
  const outer = new DerReader(signature);
  const pair = outer.enter(TAG.sequence);
  outer.finish();
  for (let index = 0; index < 2; index++)
    if (readUnsigned(pair.content(TAG.integer), 32).every((byte) => byte === 0))
      throw new CertificateError("signature_form");
  pair.finish();
}

/** Whether `issuer`'s key made this certificate's signature. Says nothing about names or what the issuer may do. */
export function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return nodeCrypto().verify("sha256", certificate.signed, issuer.publicKey, certificate.signature);
  } catch {
    return false;
  }
}
