import { isKeyBanned } from "../../identity/bans.ts";
import { parseBundle, type TrustBundle } from "../../identity/bundle.ts";
import { isSignedBy, readCertificate } from "../../identity/certificate.ts";
import { CertificateError } from "../../identity/certificate-error.ts";
import { decodeJoinAnswer } from "../../identity/join-protocol.ts";
import type { JoinToken } from "../../identity/join-token.ts";
import { judgeIssuer } from "../../identity/profile.ts";
import { readTrustMessage, type TrustWord } from "../../identity/trust-message.ts";

/** What a machine takes away from a join, judged. */
export interface Joined {
  /** DER. */
  readonly issuer: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly word: TrustWord;
  /** The root that signed the word, DER. */
  readonly root: Uint8Array;
  /** The word as it came, to be handed on. */
  readonly message: Uint8Array;
  readonly floorMs: number;
}

/**
 * Judges what the root's node answered: the issuer is for this name and this key, a root of the bundle signed it, the root that
 * the token names is in the bundle, and none of it is banned. A text says what is wrong; it is for people.
 */
export function judgeJoinAnswer(bytes: Uint8Array, token: JoinToken, keyHash: string): Joined | string {
  const answer = decodeJoinAnswer(bytes);
  if (answer === undefined) return "the answer cannot be read";
  const bundle = parseBundle(new TextDecoder().decode(answer.bundle), token.trustDomain);
  if (typeof bundle === "string") return `the bundle cannot be used: ${bundle}`;
  if (!bundle.roots.some((root) => root.keyHash === token.pin)) return "the bundle does not hold the token's root";
  const word = readTrustMessage(answer.trust, bundle);
  if (typeof word === "string") return `the root's word cannot be believed: ${word}`;
  const problem = issuerProblem(answer.issuer, token, keyHash, word.bundle);
  if (typeof problem === "string") return problem;
  if (isKeyBanned(word.bans, keyHash)) return "the key is banned already";
  const root = bundle.roots.find((one) => one.keyHash === word.signedBy)?.der;
  if (root === undefined) return "the root that signed is not in the bundle";
  const { issuer, trust: message, floorMs } = answer;
  return { issuer, ...problem, word, root, message, floorMs };
}

function issuerProblem(
  der: Uint8Array,
  token: JoinToken,
  keyHash: string,
  bundle: TrustBundle,
): string | { readonly notBeforeMs: number; readonly notAfterMs: number } {
  try {
    const issuer = readCertificate(der);
    const judged = judgeIssuer(issuer, token.trustDomain);
    if (typeof judged === "string") return `the issuer cannot be used: ${judged}`;
    if (judged.node !== token.node) return `the issuer is for ${judged.node}`;
    if (issuer.keyHash !== keyHash) return "the issuer is for another key";
    const isSigned = bundle.roots.some((root) => isSignedBy(issuer, root));
    const { notBeforeMs, notAfterMs } = issuer;
    return isSigned ? { notBeforeMs, notAfterMs } : "no root of the bundle signed the issuer";
  } catch (error) {
    if (error instanceof CertificateError) return `the issuer cannot be read: ${error.problem}`;
    throw error;
  }
}
