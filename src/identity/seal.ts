/**
 * Keys at rest: AES-256-GCM (NIST SP 800-38D) under a key derived by HKDF-SHA-256 (RFC 5869) from a key-encryption key that
 * lives elsewhere: a file of mode 0600, later a TPM. Each sealing has a salt of its own, so no key ever meets a nonce twice.
 *
 * Format 1: `SVSL`, version, salt (32), nonce (12), length of the context (4), context, ciphertext, tag (16). Everything before
 * the ciphertext is authenticated with it.
 */
import { fieldNumber, fieldText, numberField, packFields, textField, unpackFields } from "./fields.ts";
import { nodeCrypto } from "./node-crypto.ts";

/** Bytes of a key-encryption key. */
export const SEALING_KEY_BYTES = 32;

/** Most bytes that are sealed in one piece. Reason: a node's keys take 200 bytes each; a site's backup some KB. */
export const SEALED_PLAIN_BYTES_MAX = 1024 * 1024;

/** Most bytes of a context. Reason: two names and a number. */
export const SEAL_CONTEXT_BYTES_MAX = 1024;

/** What is sealed, where, and how often it was replaced: a file that was moved or put back is told from the right one. */
export interface SealContext {
  /** `root-key`, `issuer-key`, `svid-keys`, ... */
  readonly what: string;
  readonly node: string;
  /** Rises whenever the same thing is sealed anew. */
  readonly generation: number;
}

/**
 * torn: too short or with a length that is not there. version: not ours, or of a later version. context: sealed as something
 * else. rotten: changed by a bit or more, or sealed under another key.
 */
export type SealProblem = "torn" | "version" | "context" | "rotten";

const MAGIC = "SVSL";
const VERSION = 1;
const SALT_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
const HEAD_BYTES = MAGIC.length + 1 + SALT_BYTES + NONCE_BYTES + 4;
const INFO = "selvedge-seal-v1";

/** Seals bytes. Throws RangeError where key, context or bytes are not within their bounds. */
export function seal(key: Uint8Array, context: SealContext, plain: Uint8Array): Uint8Array {
  if (plain.length > SEALED_PLAIN_BYTES_MAX) throw new RangeError(`more than ${SEALED_PLAIN_BYTES_MAX} bytes to seal`);
  const contextBytes = packContext(context);
  const salt = nodeCrypto().randomBytes(SALT_BYTES);
  const nonce = nodeCrypto().randomBytes(NONCE_BYTES);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, contextBytes.length);
  const head = Buffer.concat([Buffer.from(MAGIC), Uint8Array.of(VERSION), salt, nonce, length, contextBytes]);
  return encrypt(deriveKey(key, salt), nonce, head, plain);
}

/** The sealed bytes, which the caller wipes after use, or why there are none. Throws RangeError for a key of another length. */
export function unseal(key: Uint8Array, expected: SealContext, sealed: Uint8Array): Uint8Array | SealProblem {
  const parts = split(sealed);
  if (typeof parts === "string") return parts;
  const { head, salt, nonce, contextBytes } = parts;
  if (!Buffer.from(contextBytes).equals(packContext(expected))) return "context";
  return decrypt(deriveKey(key, salt), nonce, head, sealed.subarray(head.length)) ?? "rotten";
}

/** The context as it is written, which is not proven before `unseal`: to find out which generation to ask for. */
export function writtenContext(sealed: Uint8Array): SealContext | SealProblem {
  const parts = split(sealed);
  if (typeof parts === "string") return parts;
  const [what, node, generation, ...rest] = unpackFields(parts.contextBytes) ?? [];
  if (what === undefined || node === undefined || generation === undefined || rest.length > 0) return "rotten";
  const context = { what: fieldText(what), node: fieldText(node), generation: fieldNumber(generation) };
  if (context.what === undefined || context.node === undefined || context.generation === undefined) return "rotten";
  return { what: context.what, node: context.node, generation: context.generation };
}

function packContext({ what, node, generation }: SealContext): Uint8Array {
  const packed = packFields([textField(what), textField(node), numberField(generation)]);
  if (packed.length > SEAL_CONTEXT_BYTES_MAX) throw new RangeError("the context of a sealing is too long");
  return packed;
}

interface Parts {
  readonly head: Uint8Array;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly contextBytes: Uint8Array;
}

function split(sealed: Uint8Array): Parts | SealProblem {
  if (sealed.length < HEAD_BYTES + TAG_BYTES) return "torn";
  if (sealed.length > HEAD_BYTES + SEAL_CONTEXT_BYTES_MAX + SEALED_PLAIN_BYTES_MAX + TAG_BYTES) return "torn";
  const isOurs = Buffer.from(sealed.subarray(0, MAGIC.length)).toString("latin1") === MAGIC;
  if (!isOurs || sealed[MAGIC.length] !== VERSION) return "version";
  const saltAt = MAGIC.length + 1;
  const nonceAt = saltAt + SALT_BYTES;
  const length = new DataView(sealed.buffer, sealed.byteOffset).getUint32(nonceAt + NONCE_BYTES);
  if (length > SEAL_CONTEXT_BYTES_MAX || HEAD_BYTES + length + TAG_BYTES > sealed.length) return "torn";
  return {
    head: sealed.subarray(0, HEAD_BYTES + length),
    salt: sealed.subarray(saltAt, nonceAt),
    nonce: sealed.subarray(nonceAt, nonceAt + NONCE_BYTES),
    contextBytes: sealed.subarray(HEAD_BYTES, HEAD_BYTES + length),
  };
}

function deriveKey(key: Uint8Array, salt: Uint8Array): Uint8Array {
  if (key.length !== SEALING_KEY_BYTES) throw new RangeError(`a sealing key has ${SEALING_KEY_BYTES} bytes`);
  return new Uint8Array(nodeCrypto().hkdfSync("sha256", key, salt, INFO, 32));
}

/** Head, ciphertext and tag; wipes `key`. */
export function encrypt(key: Uint8Array, nonce: Uint8Array, head: Uint8Array, plain: Uint8Array): Uint8Array {
  const cipher = nodeCrypto().createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(head);
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  key.fill(0);
  return Buffer.concat([head, body, cipher.getAuthTag()]);
}

/** What ciphertext and tag stand for, or `undefined`; wipes `key`. */
export function decrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  head: Uint8Array,
  bodyAndTag: Uint8Array,
): Uint8Array | undefined {
  const tagAt = bodyAndTag.length - TAG_BYTES;
  try {
    const decipher = nodeCrypto().createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(head);
    decipher.setAuthTag(bodyAndTag.subarray(tagAt));
    return Buffer.concat([decipher.update(bodyAndTag.subarray(0, tagAt)), decipher.final()]);
  } catch {
    return undefined;
  } finally {
    key.fill(0);
  }
}
