import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Most files a set of sources may name; the digest of more is not worth knowing, and compiling reports the bound. */
export const SOURCE_FILES_MAX = 10_000;

/** Deepest folder looked into. Reason: a loop of links must end. */
export const SOURCE_DEPTH_MAX = 16;

/** Everything that `-f PATH` stands for, in order: files as they are, folders by their YAML and JSON files. Never throws. */
export function listSourceFiles(paths: readonly string[]): { files: string[]; folders: string[] } {
  const found = { files: [] as string[], folders: [] as string[] };
  for (const path of paths) visit(path, 0, found);
  return found;
}

/**
 * SHA-256 over names and contents of all source files and over `salt`: equal digests mean that compiling again would give
 * the same. A file that cannot be read counts as such, so that its coming back is a change.
 */
export function digestSources(paths: readonly string[], salt: string): string {
  const hasher = new Bun.CryptoHasher("sha256").update(`${salt}\0`);
  for (const file of listSourceFiles(paths).files) {
    const content = readOrUndefined(file);
    hasher.update(`${file}\0${content === undefined ? "unreadable" : content.length}\0`);
    if (content !== undefined) hasher.update(content);
  }
  return hasher.digest("hex");
}

function visit(path: string, depth: number, found: { files: string[]; folders: string[] }): void {
  if (found.files.length >= SOURCE_FILES_MAX || depth > SOURCE_DEPTH_MAX) return;
  const entries = readFolder(path);
  if (entries === undefined) {
    found.files.push(path);
    return;
  }
  found.folders.push(path);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const child = join(path, entry.name);
    if (entry.isDirectory() || (entry.isSymbolicLink() && isFolder(child))) visit(child, depth + 1, found);
    else if (/\.(ya?ml|json)$/.test(entry.name)) found.files.push(child);
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

function readOrUndefined(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
