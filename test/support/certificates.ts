/**
 * Certificates for tests, P-256 with SHA-256, made on the spot: also those that no issuer would make. Written from RFC 5280 and
 * X.690; only what the tests need.
 */

import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** What to put into a certificate. */
export interface CertificateRequest {
  readonly subject: string;
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Default: both. */
  readonly usages?: readonly ("server" | "client")[];
  readonly isCa?: boolean;
  /** Permitted host part of URI names (RFC 5280 4.2.1.10). */
  readonly permittedUriHost?: string;
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Default: in an hour. */
  readonly notAfter?: Date;
}

/** A certificate with its key. */
export interface Certified {
  readonly subject: string;
  readonly key: KeyObject;
  readonly keyPem: string;
  readonly certPem: string;
  readonly der: Uint8Array;
}

const HOUR_MS = 3_600_000;
let serial = 1;

/** Makes a certificate, signed by `issuer` or by itself. */
export function certify(request: CertificateRequest, issuer?: Certified): Certified {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const algorithm = sequence(oid("1.2.840.10045.4.3.2"));
  const body = sequence(
    explicit(0, integer(2)),
    integer(serial++),
    algorithm,
    name(issuer?.subject ?? request.subject),
    sequence(
      time(request.notBefore ?? new Date(Date.now() - HOUR_MS)),
      time(request.notAfter ?? new Date(Date.now() + HOUR_MS)),
    ),
    name(request.subject),
    spki,
    explicit(3, sequence(...extensions(request, spki))),
  );
  const signature = sign("sha256", body, issuer?.key ?? privateKey);
  const der = sequence(body, algorithm, bitString(signature));
  const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  return { subject: request.subject, key: privateKey, keyPem, certPem: pem(der), der };
}

function extensions(request: CertificateRequest, spki: Uint8Array): Uint8Array[] {
  const list = [extension("2.5.29.14", false, octets(createHash("sha1").update(spki).digest()))];
  if (request.isCa === true) {
    list.push(extension("2.5.29.19", true, sequence(boolean(true))), extension("2.5.29.15", true, keyUsage(0x06, 1)));
    if (request.permittedUriHost !== undefined) {
      const subtree = sequence(contextString(6, request.permittedUriHost));
      list.push(extension("2.5.29.30", true, sequence(tagged(0xa0, subtree))));
    }
    return list;
  }
  const usages = request.usages ?? ["server", "client"];
  const usageOids = usages.map((usage) => oid(usage === "server" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2"));
  list.push(extension("2.5.29.19", true, sequence()), extension("2.5.29.15", true, keyUsage(0x80, 7)));
  list.push(extension("2.5.29.37", false, sequence(...usageOids)));
  const names = [
    ...(request.dnsNames ?? []).map((text) => contextString(2, text)),
    ...(request.uris ?? []).map((text) => contextString(6, text)),
    ...(request.ipAddresses ?? []).map((text) => tagged(0x87, Uint8Array.from(text.split(".").map(Number)))),
  ];
  if (names.length > 0) list.push(extension("2.5.29.17", false, sequence(...names)));
  return list;
}

function extension(id: string, isCritical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(isCritical ? [boolean(true)] : []), octets(value));
}

function tagged(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Uint8Array.from([tag, ...head]), content]);
}

const sequence = (...parts: readonly Uint8Array[]) => tagged(0x30, ...parts);
const explicit = (number: number, part: Uint8Array) => tagged(0xa0 + number, part);
const octets = (content: Uint8Array) => tagged(0x04, content);
const boolean = (value: boolean) => tagged(0x01, Uint8Array.of(value ? 255 : 0));
const bitString = (content: Uint8Array) => tagged(0x03, Uint8Array.of(0), content);
const keyUsage = (bits: number, unused: number) => tagged(0x03, Uint8Array.of(unused, bits));
const contextString = (number: number, text: string) => tagged(0x80 + number, Buffer.from(text, "latin1"));

function integer(value: number): Uint8Array {
  const bytes = [value & 127];
  // Serial numbers only need to differ: seven bits a byte keep every one of them positive and minimal.
  for (let left = value >>> 7; left > 0; left >>>= 7) bytes.unshift(left & 127);
  return tagged(0x02, Uint8Array.from(bytes));
}

function oid(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 127];
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 127) | 128);
    bytes.push(...groups);
  }
  return tagged(0x06, Uint8Array.from(bytes));
}

function name(text: string): Uint8Array {
  return sequence(tagged(0x31, sequence(oid("2.5.4.3"), tagged(0x0c, Buffer.from(text)))));
}

function time(date: Date): Uint8Array {
  return tagged(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`));
}

function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
