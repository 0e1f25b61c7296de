/**
 * The roots of one trust domain, as a SPIFFE bundle (SPIFFE Trust Domain and Bundle, section 4): a JWK set with a sequence that
 * never goes down.
 */
import { trustDomainProblem } from "../model/spiffe-id.ts";
import { type Certificate, readCertificate } from "./certificate.ts";
import { CertificateError } from "./certificate-error.ts";
import { rootProblem } from "./profile.ts";
import type { RefusalReason } from "./refusal.ts";

/** Most roots. Reason: the old and the new one while changing. */
export const ROOTS_MAX = 2;

/** Most elements of a JWK set, of whatever use. Reason: unknown ones are skipped, but not without end. */
export const BUNDLE_KEYS_MAX = 16;

/** Longest bundle as text. Reason: two roots take 3 KB; a foreign bundle may hold keys for other uses too. */
export const BUNDLE_BYTES_MAX = 64 * 1024;

/** How often whoever polls should look again, where nothing else is said (section 4.1.2: about five minutes). */
export const REFRESH_HINT_S = 300;

/** Believed roots of one trust domain. Without a root nothing of that domain is believed. */
export interface TrustBundle {
  readonly trustDomain: string;
  readonly sequence: number;
  readonly refreshHintS: number;
  /** Each judged to be a root of this trust domain, except for the time. */
  readonly roots: readonly Certificate[];
}

/** Why something is no bundle, or cannot follow the one that is there. */
export type BundleProblem =
  | RefusalReason
  | "bundle_form"
  | "bundle_sequence"
  | "bundle_roots"
  | "bundle_key"
  | "bundle_domain"
  | "bundle_lower"
  | "bundle_differs";

/** Makes a bundle of DER certificates, or says what is wrong with them. Never throws. */
export function makeBundle(
  trustDomain: string,
  sequence: number,
  roots: readonly Uint8Array[],
  refreshHintS = REFRESH_HINT_S,
): TrustBundle | BundleProblem {
  const problem = trustDomainProblem(trustDomain);
  if (problem !== undefined) return problem;
  if (!Number.isSafeInteger(sequence) || sequence < 0) return "bundle_sequence";
  if (!Number.isSafeInteger(refreshHintS) || refreshHintS < 1) return "bundle_form";
  if (roots.length > ROOTS_MAX) return "bundle_roots";
  const read: Certificate[] = [];
  for (const der of roots) {
    const root = readRoot(der, trustDomain);
    if (typeof root === "string") return root;
    if (read.some((other) => other.keyHash === root.keyHash)) return "bundle_roots";
    read.push(root);
  }
  return { trustDomain, sequence, refreshHintS, roots: read };
}

function readRoot(der: Uint8Array, trustDomain: string): Certificate | RefusalReason {
  try {
    const root = readCertificate(der);
    return rootProblem(root, trustDomain) ?? root;
  } catch (error) {
    if (error instanceof CertificateError) return error.problem;
    throw error;
  }
}

/** The bundle that holds from now on, or why `next` cannot follow `current`. The same bundle once more is no change. */
export function adoptBundle(current: TrustBundle, next: TrustBundle): TrustBundle | BundleProblem {
  if (next.trustDomain !== current.trustDomain) return "bundle_domain";
  if (next.sequence < current.sequence) return "bundle_lower";
  if (next.sequence > current.sequence) return next;
  return printBundle(next) === printBundle(current) ? current : "bundle_differs";
}

/** A bundle as text. */
export function printBundle(bundle: TrustBundle): string {
  const keys = bundle.roots.map((root) => ({
    use: "x509-svid",
    kty: "EC",
    crv: "P-256",
    ...coordinatesOf(root),
    x5c: [root.der.toBase64()],
  }));
  return `${JSON.stringify({ keys, spiffe_sequence: bundle.sequence, spiffe_refresh_hint: bundle.refreshHintS })}\n`;
}

function coordinatesOf(root: Certificate): { readonly x: string; readonly y: string } {
  const { x = "", y = "" } = root.publicKey.export({ format: "jwk" });
  return { x, y };
}

/**
 * Reads a bundle of a trust domain that is known otherwise, since the text does not name it. Elements of another `use` are
 * skipped (section 4.2.2); members that are not known are refused. Never throws.
 */
export function parseBundle(text: string, trustDomain: string): TrustBundle | BundleProblem {
  if (text.length > BUNDLE_BYTES_MAX) return "bundle_form";
  const value = parseRecord(text);
  if (value === undefined || !hasOnly(value, ["keys", "spiffe_sequence", "spiffe_refresh_hint"])) return "bundle_form";
  const { keys, spiffe_sequence: sequence, spiffe_refresh_hint: hint = REFRESH_HINT_S } = value;
  if (!Array.isArray(keys) || keys.length > BUNDLE_KEYS_MAX || typeof hint !== "number") return "bundle_form";
  if (typeof sequence !== "number") return "bundle_sequence";
  const ders: Uint8Array[] = [];
  for (const key of keys as readonly unknown[]) {
    if (!isRecord(key) || typeof key["use"] !== "string") return "bundle_key";
    if (key["use"] !== "x509-svid") continue;
    const der = derOfKey(key);
    if (der === undefined) return "bundle_key";
    ders.push(der);
  }
  const bundle = makeBundle(trustDomain, sequence, ders, hint);
  if (typeof bundle === "string") return bundle;
  const written = keys.filter((key) => isRecord(key) && key["use"] === "x509-svid");
  const isEach = bundle.roots.every((root, index) => isKeyOf(root, written[index] as JsonRecord));
  return isEach ? bundle : "bundle_key";
}

type JsonRecord = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseRecord(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function hasOnly(value: JsonRecord, names: readonly string[]): boolean {
  return Object.keys(value).every((name) => names.includes(name));
}

/** Exactly one certificate and no `kid` (section 4.2.2 with X509-SVID 6.1). */
function derOfKey(key: JsonRecord): Uint8Array | undefined {
  const { x5c } = key;
  if (!hasOnly(key, ["use", "kty", "crv", "x", "y", "x5c"]) || !Array.isArray(x5c) || x5c.length !== 1)
    return undefined;
  if (typeof x5c[0] !== "string") return undefined;
  try {
    return Uint8Array.fromBase64(x5c[0], { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

/** The key written beside a certificate is the certificate's: two readers must not see two keys. */
function isKeyOf(root: Certificate, key: JsonRecord): boolean {
  const { x, y } = coordinatesOf(root);
  return key["kty"] === "EC" && key["crv"] === "P-256" && key["x"] === x && key["y"] === y;
}
