/** Certificates by the library: the only file that knows it. Loaded by the issuing child alone. */
import "reflect-metadata";
import { type KeyObject, randomBytes, webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { printSpiffeId, type SpiffeId } from "../model/spiffe-id.ts";
import { type Certificate, keyHashOf } from "./certificate.ts";
import { issuerConstraints } from "./issuer-constraints.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** What a certificate is to say, and who signs it. */
export interface BuildRequest {
  /** SubjectPublicKeyInfo, P-256. */
  readonly spki: Uint8Array;
  readonly subject: { readonly organization: string; readonly commonName?: string };
  readonly id: SpiffeId;
  readonly dnsNames?: readonly string[];
  readonly role: "root" | "issuer" | "svid";
  /** In ms; whole seconds are written, the fraction is cut off. */
  readonly validity: { readonly fromMs: number; readonly toMs: number };
  /** The signer's. */
  readonly privateKey: KeyObject;
  /** Absent: signed by itself. */
  readonly issuer?: Certificate;
}

/** A certificate in DER. Rejects with what the library says. */
export async function buildCertificate(request: BuildRequest): Promise<Uint8Array> {
  cryptoProvider.set(webcrypto as unknown as Crypto);
  const { spki, issuer, validity } = request;
  const subject = subjectOf(request);
  const keyId = keyHashOf(spki).slice(0, 40);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject,
    // Byte for byte what the issuer is called: comparing names any other way is guessing.
    issuer: issuer === undefined ? subject : new Name(Uint8Array.from(issuer.subject.raw).buffer),
    notBefore: wholeSecond(validity.fromMs),
    notAfter: wholeSecond(validity.toMs),
    publicKey: await importPublic(spki),
    signingKey: await importPrivate(request.privateKey),
    signingAlgorithm: ALGORITHM,
    extensions: [
      ...useExtensions(request),
      namesExtension(request),
      new SubjectKeyIdentifierExtension(keyId),
      new AuthorityKeyIdentifierExtension(issuer?.subjectKeyId ?? keyId),
    ],
  });
  return new Uint8Array(certificate.rawData);
}

function subjectOf({ subject: { organization, commonName } }: BuildRequest): Name {
  return new Name([{ O: [organization] }, ...(commonName === undefined ? [] : [{ CN: [commonName] }])]);
}

function useExtensions({ role, id }: BuildRequest): Extension[] {
  const purposes = new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]);
  if (role === "svid") {
    const usage = new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true);
    return [new BasicConstraintsExtension(false, undefined, true), usage, purposes];
  }
  const usage = new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true);
  if (role === "root") return [new BasicConstraintsExtension(true, 1, true), usage];
  const constraints = Uint8Array.from(issuerConstraints(id.trustDomain)).buffer;
  return [new BasicConstraintsExtension(true, 0, true), usage, purposes, new Extension("2.5.29.30", true, constraints)];
}

function namesExtension({ id, dnsNames = [] }: BuildRequest): SubjectAlternativeNameExtension {
  const names: JsonGeneralName[] = [
    { type: "url", value: printSpiffeId(id) },
    ...dnsNames.map((value): JsonGeneralName => ({ type: "dns", value })),
  ];
  return new SubjectAlternativeNameExtension(names);
}

async function importPublic(spki: Uint8Array): Promise<CryptoKey> {
  const bytes = Uint8Array.from(spki);
  return (await webcrypto.subtle.importKey("spki", bytes, ALGORITHM, true, ["verify"])) as CryptoKey;
}

async function importPrivate(key: KeyObject): Promise<CryptoKey> {
  const bytes = Uint8Array.from(key.export({ type: "pkcs8", format: "der" }));
  const imported = await webcrypto.subtle.importKey("pkcs8", bytes, ALGORITHM, false, ["sign"]);
  bytes.fill(0);
  return imported as CryptoKey;
}

/** 16 random bytes, positive (RFC 5280 4.1.2.2; 64 random bits are the rule of public CAs). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}
