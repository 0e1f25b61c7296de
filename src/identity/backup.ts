/**
 * The site's root on paper or a stick: its key and what must never be lowered when it comes back, encrypted under a passphrase
 * with scrypt (RFC 7914) and AES-256-GCM.
 *
 * Format 1: `SVRB`, version, log2 N, r, p, salt (16), nonce (12), ciphertext, tag (16); as text in base64 between two lines.
 */
import { fieldText, packFields, textField, unpackFields } from "./fields.ts";
import { nodeCrypto } from "./node-crypto.ts";
import { decrypt, encrypt, NONCE_BYTES, TAG_BYTES } from "./seal.ts";

/** Cost of guessing one passphrase: 64 MiB and about 0.2 s. Reason: a machine of 1 GB must be able to restore. */
export const SCRYPT_LOG2_N = 16;
export const SCRYPT_R = 8;
export const SCRYPT_P = 1;

/** Highest cost that is read. Reason: the numbers stand in a file that anybody may have written; 2^18 takes 256 MiB. */
export const SCRYPT_LOG2_N_MAX = 18;

/** Lowest cost that is read. Reason: nothing of ours was ever made with less. */
export const SCRYPT_LOG2_N_MIN = 16;

/** Highest p that is read. Reason: it multiplies the time. */
export const SCRYPT_P_MAX = 4;

/** Fewest characters of a passphrase. Reason: with scrypt, four dice words or twelve random characters hold. */
export const PASSPHRASE_LENGTH_MIN = 12;

/** Most characters of a passphrase. Reason: beyond this somebody handed in a file. */
export const PASSPHRASE_LENGTH_MAX = 1024;

/** Most bytes of a backup. Reason: one key, two certificates, and bans of 256 bytes each. */
export const BACKUP_BYTES_MAX = 512 * 1024;

/** What a root needs to go on elsewhere. */
export interface RootBackup {
  readonly trustDomain: string;
  /** PKCS #8; whoever reads it wipes it after use. */
  readonly rootKey: Uint8Array;
  readonly rootCertificate: Uint8Array;
  /** As `printBundle` makes it; restoring takes the higher sequence of this one and what is known. */
  readonly bundle: string;
  /** As `printBans` makes it; restoring merges it with what is known. */
  readonly bans: string;
}

/** passphrase: not the right one, or the file was changed: these cannot be told apart. */
export type BackupProblem = "torn" | "version" | "cost" | "passphrase" | "content";

const MAGIC = "SVRB";
const VERSION = 1;
const SALT_BYTES = 16;
const SALT_AT = MAGIC.length + 4;
const HEAD_BYTES = SALT_AT + SALT_BYTES + NONCE_BYTES;
const BEGIN = "-----BEGIN SELVEDGE ROOT BACKUP-----";
const END = "-----END SELVEDGE ROOT BACKUP-----";

/** The backup as text. Throws RangeError for a passphrase that is too short or too long, or a backup that is too large. */
export async function printBackup(backup: RootBackup, passphrase: string): Promise<string> {
  if (passphrase.length < PASSPHRASE_LENGTH_MIN || passphrase.length > PASSPHRASE_LENGTH_MAX)
    throw new RangeError(`a passphrase has ${PASSPHRASE_LENGTH_MIN} to ${PASSPHRASE_LENGTH_MAX} characters`);
  const texts = [backup.trustDomain, backup.bundle, backup.bans].map(textField) as [Uint8Array, Uint8Array, Uint8Array];
  const plain = packFields([texts[0], backup.rootKey, backup.rootCertificate, texts[1], texts[2]]);
  if (plain.length + HEAD_BYTES + TAG_BYTES > BACKUP_BYTES_MAX) throw new RangeError("the backup is too large");
  const salt = nodeCrypto().randomBytes(SALT_BYTES);
  const nonce = nodeCrypto().randomBytes(NONCE_BYTES);
  const cost = Uint8Array.of(VERSION, SCRYPT_LOG2_N, SCRYPT_R, SCRYPT_P);
  const head = Buffer.concat([Buffer.from(MAGIC), cost, salt, nonce]);
  const key = await deriveKey(passphrase, salt, SCRYPT_LOG2_N, SCRYPT_P);
  const bytes = encrypt(key, nonce, head, plain);
  plain.fill(0);
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return `${[BEGIN, ...lines, END].join("\n")}\n`;
}

/** Reads a backup, or says why not. Costs of 256 MiB at most, whatever the text says. */
export async function readBackup(text: string, passphrase: string): Promise<RootBackup | BackupProblem> {
  const bytes = unwrap(text);
  if (bytes === undefined || bytes.length < HEAD_BYTES + TAG_BYTES) return "torn";
  const head = bytes.subarray(0, HEAD_BYTES);
  const [version = 0, log2N = 0, r = 0, p = 0] = head.subarray(MAGIC.length, SALT_AT);
  if (Buffer.from(head.subarray(0, MAGIC.length)).toString("latin1") !== MAGIC || version !== VERSION) return "version";
  const isCostBounded = log2N >= SCRYPT_LOG2_N_MIN && log2N <= SCRYPT_LOG2_N_MAX && r === SCRYPT_R;
  if (!isCostBounded || p < 1 || p > SCRYPT_P_MAX) return "cost";
  if (passphrase.length > PASSPHRASE_LENGTH_MAX) return "passphrase";
  const key = await deriveKey(passphrase, head.subarray(SALT_AT, SALT_AT + SALT_BYTES), log2N, p);
  const plain = decrypt(key, head.subarray(HEAD_BYTES - NONCE_BYTES), head, bytes.subarray(HEAD_BYTES));
  return plain === undefined ? "passphrase" : (unpackBackup(plain) ?? "content");
}

function unwrap(text: string): Uint8Array | undefined {
  if (text.length > BACKUP_BYTES_MAX * 2) return undefined;
  // Blanks and line ends do not survive every printer and mail program; nothing else is forgiven.
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const body = lines.filter((line) => line !== "");
  if (body.shift() !== BEGIN || body.pop() !== END) return undefined;
  try {
    return Uint8Array.fromBase64(body.join(""), { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

/** The passphrase as people type it, whatever keyboard made its accents (Unicode NFKC). */
function deriveKey(passphrase: string, salt: Uint8Array, log2N: number, p: number): Promise<Uint8Array> {
  const cost = { N: 2 ** log2N, r: SCRYPT_R, p, maxmem: 2 ** log2N * SCRYPT_R * 128 * 2 };
  return new Promise((resolve, reject) => {
    nodeCrypto().scrypt(passphrase.normalize("NFKC"), salt, 32, cost, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

function unpackBackup(plain: Uint8Array): RootBackup | undefined {
  const [trustDomain, rootKey, rootCertificate, bundle, bans, ...rest] = unpackFields(plain) ?? [];
  if (bans === undefined || rest.length > 0) return undefined;
  const texts = { trustDomain: fieldText(trustDomain!), bundle: utf8(bundle!), bans: utf8(bans) };
  if (texts.trustDomain === undefined || texts.bundle === undefined || texts.bans === undefined) return undefined;
  return {
    trustDomain: texts.trustDomain,
    rootKey: rootKey!,
    rootCertificate: rootCertificate!,
    bundle: texts.bundle,
    bans: texts.bans,
  };
}

/** Reasons of bans are what people typed. */
function utf8(field: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(field);
  } catch {
    return undefined;
  }
}
