/**
 * Keys that are believed no more, whatever signs for them: of a stolen node its issuer's key, so that a box with another name
 * stays banned. A list grows by newer words about a key and never forgets one; two lists merge in any order to the same.
 */

/** Most keys of a list that is read. Reason: more than fit BANS_TEXT_BYTES_MAX, however short their reasons. */
export const BANS_MAX = 1024;

/**
 * Longest list, as text, that the root says. Reason: with a bundle it fits one message between nodes. 390 keys with the longest names
 * and reasons fill it, some 700 with short ones; of one stolen node there are 48 at most.
 */
export const BANS_TEXT_BYTES_MAX = 128 * 1024;

/** Beyond it, for what must not fail when it is full: bans of one node alone, and roots that are changed. Reason: 24 keys at least. */
export const BANS_RESERVE_BYTES = 8 * 1024;

/** Most characters of a new reason, as they are written down (see `reasonLength`). Reason: a note for people; a third of a list's entry. */
export const BAN_REASON_LENGTH_MAX = 100;

/** The same of one that is read: earlier versions wrote as much. */
const REASON_READ_LENGTH_MAX = 256;

/** There is no room for another banned key; the message is for people. */
export class BansFullError extends RangeError {
  override readonly name = "BansFullError";
}

/** The last word about one key. */
export interface Ban {
  /** SHA-256 of the key's SubjectPublicKeyInfo, hex. */
  readonly keyHash: string;
  /** The node that had the key, for people. */
  readonly node: string;
  readonly state: "banned" | "lifted";
  /** Rises with every word that the root's node says about any key. */
  readonly sequence: number;
  readonly reason: string;
  /** ms since 1970, for people. */
  readonly atMs: number;
}

/** Last words by key. */
export type BanList = ReadonlyMap<string, Ban>;

/** Nobody is banned. */
export const NO_BANS: BanList = new Map();

/** Whether a key is banned. */
export function isKeyBanned(list: BanList, keyHash: string): boolean {
  return list.get(keyHash)?.state === "banned";
}

/** The highest sequence of a list, 0 for an empty one. */
export function banSequence(list: BanList): number {
  let highest = 0;
  for (const { sequence } of list.values()) highest = Math.max(highest, sequence);
  return highest;
}

/** A list with one more word, whose sequence is one above all others. Throws BansFullError above BANS_MAX; see `withBans`. */
export function withBan(list: BanList, ban: Omit<Ban, "sequence">): BanList {
  return mergeBans(list, new Map([[ban.keyHash, { ...ban, sequence: banSequence(list) + 1 }]]));
}

/**
 * The same with some words, one after the other. Throws BansFullError where the list would be longer than `bytesMax` as text; words
 * that make it no longer always fit.
 */
export function withBans(
  list: BanList,
  bans: readonly Omit<Ban, "sequence">[],
  bytesMax: number = BANS_TEXT_BYTES_MAX,
): BanList {
  const next = bans.reduce(withBan, list);
  refuseTooLong(next, list, bytesMax);
  return next;
}

/** Throws BansFullError where `next` has grown beyond `bytesMax`. */
export function refuseTooLong(next: BanList, before: BanList, bytesMax: number): void {
  const bytes = bansBytes(next);
  if (bytes <= bytesMax || bytes <= bansBytes(before)) return;
  throw new BansFullError(
    `the list of banned keys is full: ${before.size} keys take ${bansBytes(before)} of ${bytesMax} bytes, lifted bans included`,
  );
}

/** Bytes that a list takes as text. */
export function bansBytes(list: BanList): number {
  return new TextEncoder().encode(printBans(list)).length;
}

/** Characters that a reason takes in the text of a list, where `"` and `\\` are written with another one before them. */
export function reasonLength(reason: string): number {
  return JSON.stringify(reason).length - 2;
}

/**
 * Both lists; of two words about a key the later one, and of equally late ones the ban. So an old backup never lifts a ban.
 * Throws BansFullError where both together have too many keys: forgetting one silently would let it in again.
 */
export function mergeBans(one: BanList, other: BanList): BanList {
  const merged = new Map(one);
  for (const ban of other.values()) {
    const known = merged.get(ban.keyHash);
    if (known === undefined || isLater(ban, known)) merged.set(ban.keyHash, ban);
  }
  if (merged.size > BANS_MAX) throw new BansFullError(`more than ${BANS_MAX} banned keys`);
  return merged;
}

function isLater(ban: Ban, known: Ban): boolean {
  if (ban.sequence !== known.sequence) return ban.sequence > known.sequence;
  if (ban.state !== known.state) return ban.state === "banned";
  // Two words that differ only in their remarks: any rule will do that does not depend on who came first.
  return JSON.stringify(canonical(ban)) > JSON.stringify(canonical(known));
}

/** A list as text: JSON, sorted by key, so that equal lists are equal texts. */
export function printBans(list: BanList): string {
  const bans = [...list.values()].sort((a, b) => (a.keyHash < b.keyHash ? -1 : 1));
  return `${JSON.stringify({ version: 1, bans: bans.map(canonical) })}\n`;
}

function canonical({ keyHash, node, state, sequence, reason, atMs }: Ban): Ban {
  return { keyHash, node, state, sequence, reason, atMs };
}

/**
 * Exactly what `printBans` makes, or `undefined`: anything else, however small the difference, is rotten or somebody else's.
 */
export function parseBans(text: string): BanList | undefined {
  const list = new Map<string, Ban>();
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value) || !Array.isArray(value["bans"]) || value["bans"].length > BANS_MAX) return undefined;
    for (const ban of value["bans"]) {
      if (!isBan(ban)) return undefined;
      list.set(ban.keyHash, canonical(ban));
    }
  } catch {
    return undefined;
  }
  return printBans(list) === text ? list : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isBan(value: unknown): value is Ban {
  if (!isRecord(value)) return false;
  const { keyHash, node, state, sequence, reason, atMs } = value;
  return (
    typeof keyHash === "string" &&
    /^[0-9a-f]{64}$/.test(keyHash) &&
    typeof node === "string" &&
    node.length <= 63 &&
    (state === "banned" || state === "lifted") &&
    Number.isSafeInteger(sequence) &&
    (sequence as number) > 0 &&
    typeof reason === "string" &&
    reason.length <= REASON_READ_LENGTH_MAX &&
    Number.isSafeInteger(atMs)
  );
}
