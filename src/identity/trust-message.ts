/**
 * The word of a site's root about whom to believe: bundle and bans, signed, so that any node may hand it on and none can change
 * it. Nobody else may say either: a stolen node that could would ban all others, or name a root of its own.
 */
import { type BanList, banSequence, parseBans, printBans } from "./bans.ts";
import { parseBundle, printBundle, type TrustBundle } from "./bundle.ts";
import { fieldText, packFields, textField, unpackFields } from "./fields.ts";
import { nodeCrypto } from "./node-crypto.ts";

/** Longest message. Reason: the longest list of bans with its reserve, and a bundle of two roots. */
export const TRUST_MESSAGE_BYTES_MAX = 150 * 1024;

const NAME = "selvedge-trust-v1";

/** A message that was read and whose signature holds. */
export interface TrustWord {
  readonly bundle: TrustBundle;
  readonly bans: BanList;
  /** The root of the believed bundle that signed. */
  readonly signedBy: string;
}

/** Why a message is not believed; stable words. */
export type TrustProblem = "trust_form" | "trust_domain" | "trust_signer" | "trust_signature" | "trust_root";

/**
 * Signs with the key (PKCS #8) of the root `keyHash`, which must be in `signers` of whoever reads it. Throws RangeError where
 * both together are too long.
 */
export function makeTrustMessage(bundle: TrustBundle, bans: BanList, keyHash: string, key: Uint8Array): Uint8Array {
  const privateKey = nodeCrypto().createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" });
  const encoder = new TextEncoder();
  const signed = [
    textField(NAME),
    textField(bundle.trustDomain),
    encoder.encode(printBundle(bundle)),
    encoder.encode(printBans(bans)),
    textField(keyHash),
  ];
  const message = packFields([...signed, nodeCrypto().sign("sha256", packFields(signed), privateKey)]);
  if (message.length > TRUST_MESSAGE_BYTES_MAX) throw new RangeError("bundle and bans are too long to hand on");
  return message;
}

/**
 * What the message says, or why it is not believed. Never throws. It has to be signed by a root of `believed`, the bundle of
 * the trust domain that holds here so far.
 */
export function readTrustMessage(message: Uint8Array, believed: TrustBundle): TrustWord | TrustProblem {
  const parts = message.length > TRUST_MESSAGE_BYTES_MAX ? undefined : unpackFields(message);
  if (parts === undefined || parts.length !== 6) return "trust_form";
  const [name, trustDomain, bundleText, bansText, keyHash, signature] = parts as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if (fieldText(name) !== NAME) return "trust_form";
  if (fieldText(trustDomain) !== believed.trustDomain) return "trust_domain";
  const root = believed.roots.find((one) => one.keyHash === fieldText(keyHash));
  if (root === undefined) return "trust_signer";
  if (!isRight(packFields(parts.slice(0, 5)), root.publicKey, signature)) return "trust_signature";
  const bundle = parseBundle(utf8(bundleText), believed.trustDomain);
  const bans = parseBans(utf8(bansText));
  if (typeof bundle === "string" || bans === undefined) return "trust_form";
  // A root that names a bundle without any root would take the whole site's trust away.
  return bundle.roots.length === 0 ? "trust_root" : { bundle, bans, signedBy: root.keyHash };
}

/** Whether `a` is the later word of the two. */
export function isLaterWord(a: TrustWord, b: TrustWord): boolean {
  if (a.bundle.sequence !== b.bundle.sequence) return a.bundle.sequence > b.bundle.sequence;
  return banSequence(a.bans) > banSequence(b.bans);
}

function isRight(
  signed: Uint8Array,
  key: Parameters<ReturnType<typeof nodeCrypto>["verify"]>[2],
  signature: Uint8Array,
): boolean {
  try {
    return nodeCrypto().verify("sha256", signed, key, signature);
  } catch {
    return false;
  }
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
