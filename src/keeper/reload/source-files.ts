import { closeSync, constants, type Dirent, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { FILE_BYTES_MAX, SOURCE_BYTES_MAX } from "../config/decode/limits.ts";

/** Most files a set of sources may name; the digest of more is not worth knowing, and compiling reports the bound. */
export const SOURCE_FILES_MAX = 10_000;

/** Most folders looked into. Reason: each is watched, and nobody keeps configuration in more. */
export const SOURCE_FOLDERS_MAX = 1_000;

/** Deepest folder looked into. Reason: deeper is a folder that was not meant. */
export const SOURCE_DEPTH_MAX = 16;

/** Everything that `-f PATH` stands for, in order: files as they are, folders by their YAML and JSON files. Never throws. */
export function listSourceFiles(paths: readonly string[]): { files: string[]; folders: string[] } {
  const found: Found = { files: [], folders: [], seen: new Set() };
  for (const path of paths) visit(path, 0, found);
  return { files: found.files, folders: found.folders };
}

/**
 * SHA-256 over names and contents of all source files and over `salt`: equal digests mean that compiling again would give
 * the same. A file that cannot be read counts as such, so that its coming back is a change. What is no regular file, and what
 * is beyond the bounds of decoding (which then refuses), counts by its size and time only: the keeper runs this itself, and
 * a pipe or a device among the sources must not hold it up.
 */
export function digestSources(paths: readonly string[], salt: string): string {
  const hasher = new Bun.CryptoHasher("sha256").update(`${salt}\0`);
  let bytesLeft = SOURCE_BYTES_MAX;
  for (const file of listSourceFiles(paths).files) {
    const content = readRegular(file, Math.min(FILE_BYTES_MAX, bytesLeft));
    if (typeof content === "string") hasher.update(`${file}\0${content}\0`);
    else {
      bytesLeft -= content.length;
      hasher.update(`${file}\0${content.length}\0`).update(content);
    }
  }
  return hasher.digest("hex");
}

interface Found {
  readonly files: string[];
  readonly folders: string[];
  /** Folders by device and inode: several links may lead to one, also back into itself. */
  readonly seen: Set<string>;
}

function visit(path: string, depth: number, found: Found): void {
  if (found.files.length >= SOURCE_FILES_MAX || depth > SOURCE_DEPTH_MAX) return;
  const entries = readFolder(path);
  if (entries === undefined) {
    found.files.push(path);
    return;
  }
  if (found.folders.length >= SOURCE_FOLDERS_MAX || !isNew(path, found.seen)) return;
  found.folders.push(path);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const child = join(path, entry.name);
    if (entry.isDirectory() || (entry.isSymbolicLink() && isFolder(child))) visit(child, depth + 1, found);
    else if (/\.(ya?ml|json)$/.test(entry.name)) found.files.push(child);
  }
}

function isNew(folder: string, seen: Set<string>): boolean {
  try {
    const { dev, ino } = statSync(folder);
    const id = `${dev}:${ino}`;
    return !seen.has(id) && seen.add(id).has(id);
  } catch {
    return false;
  }
}

/** `undefined` where it is no folder that can be read. */
function readFolder(path: string): Dirent[] | undefined {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return undefined;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** The content of a regular file of at most `bytesMax`; of anything else a word that stands for it. */
function readRegular(path: string, bytesMax: number): Uint8Array<ArrayBuffer> | string {
  try {
    // Opening a pipe that nobody writes into would wait for somebody.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      const { size, mtimeMs } = stat;
      if (!stat.isFile()) return "no file";
      return size > bytesMax ? `large ${size} ${mtimeMs}` : readUpTo(fd, size);
    } finally {
      closeSync(fd);
    }
  } catch {
    return "unreadable";
  }
}

function readUpTo(fd: number, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let count = 0;
  while (count < size) {
    const read = readSync(fd, bytes, count, size - count, null);
    if (read === 0) break;
    count += read;
  }
  return bytes.subarray(0, count);
}
