import { lstatSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { dirname, isAbsolute, join, parse } from "node:path";
import { errorCode } from "./durable-file.ts";

/** Links followed on the way. Reason: what the kernel follows. */
export const LINKS_MAX = 40;

/** Whose directories and links are trusted on the way to a place of ours. */
export interface Trusted {
  /** Ours. */
  readonly uid: number;
  /** Root's, and what root's looks like where a user namespace does not map it. */
  readonly roots: readonly number[];
}

/**
 * Why somebody else could put another directory in the place of `path` (absolute, without dots), or could have: some
 * directory or link on the way to it, links followed, is neither root's nor ours, or everybody may rename in it. `undefined`
 * where only root and we could. What does not exist yet is fine.
 */
export function findUnsafe(path: string, trusted: Trusted): string | undefined {
  const walk = { linksLeft: LINKS_MAX, trusted };
  return visit(path, walk);
}

/** Who is trusted by this process. */
export function trustedHere(): Trusted {
  return { uid: process.getuid?.() ?? 0, roots: isRootMapped() ? [0] : [0, overflowUid()] };
}

function visit(path: string, walk: { linksLeft: number; readonly trusted: Trusted }): string | undefined {
  const parent = dirname(path);
  if (parent !== path) {
    const unsafe = visit(parent, walk);
    if (unsafe !== undefined) return unsafe;
  }
  const stat = statOrUndefined(path);
  if (stat === undefined) return undefined;
  const { uid, roots } = walk.trusted;
  if (stat.uid !== uid && !roots.includes(stat.uid)) return `${path} belongs to uid ${stat.uid}`;
  if (stat.isSymbolicLink()) {
    if (walk.linksLeft-- === 0) return `${path} is one link of too many`;
    const target = readlinkSync(path);
    return visit(isAbsolute(target) ? normal(target) : join(parent, target), walk);
  }
  const isOpenToAll = stat.isDirectory() && (stat.mode & 0o1002) === 0o002;
  return isOpenToAll ? `${path} is a directory that everybody may write to` : undefined;
}

function normal(path: string): string {
  return join(parse(path).root, path);
}

function statOrUndefined(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function isRootMapped(): boolean {
  return /^\s*0\s+0\s/m.test(textOr("/proc/self/uid_map", "0 0 1"));
}

function overflowUid(): number {
  return Number(textOr("/proc/sys/kernel/overflowuid", "65534"));
}

function textOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
