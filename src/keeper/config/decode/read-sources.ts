import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DecodeCode } from "../../../model/error-codes.ts";
import type { Issue } from "../../../model/issue.ts";
import { issueAt, quote } from "../schema/reader.ts";
import type { SourceFile } from "./decode-files.ts";
import { FILE_BYTES_MAX, FILES_MAX, FOLDER_DEPTH_MAX, SOURCE_BYTES_MAX } from "./limits.ts";

/** Files that are read in a folder; a file that is named itself may have any name. */
const CONFIG_FILE = /\.(?:ya?ml|json)$/;

export interface Sources {
  /** In the order of the paths, within a folder by name. No file stands twice. */
  readonly files: readonly SourceFile[];
  readonly issues: readonly Issue[];
}

/**
 * Reads files, and folders with all folders below. Names that start with a dot are left out (editors and orchestrators keep
 * their own things there). Links are followed, each file is read once. Blocks while it reads; made for short-lived programs.
 */
export function readSources(paths: readonly string[]): Sources {
  const walk = new Walk();
  for (const path of paths) walk.source(path);
  return { files: walk.files, issues: walk.issues };
}

class Walk {
  readonly files: SourceFile[] = [];
  readonly issues: Issue[] = [];
  readonly #seen = new Set<string>();
  #bytes = 0;
  #isFull = false;

  source(path: string): void {
    const before = this.files.length + this.issues.length + this.#seen.size;
    this.#visit(path, [], true);
    const after = this.files.length + this.issues.length + this.#seen.size;
    if (before === after) this.#report("SV0114", path, "holds no *.yaml, *.yml or *.json");
  }

  #report(code: DecodeCode, path: string, message: string): void {
    const place = { source: { file: path, position: () => ({ line: 1, col: 1 }) }, start: 0 };
    this.issues.push(issueAt(code, place, message));
  }

  #visit(path: string, ancestors: readonly string[], isNamed: boolean): void {
    if (this.#isFull) return;
    const stat = this.#attempt(path, () => statSync(path));
    if (stat === undefined) return;
    const id = `${stat.dev}:${stat.ino}`;
    if (stat.isDirectory()) this.#folder(path, id, ancestors);
    else if (!stat.isFile()) this.#report("SV0113", path, "is neither a regular file nor a folder");
    else if ((isNamed || CONFIG_FILE.test(path)) && !this.#seen.has(id)) {
      this.#seen.add(id);
      this.#file(path);
    }
  }

  #folder(path: string, id: string, ancestors: readonly string[]): void {
    if (ancestors.includes(id)) {
      this.#report("SV0113", path, "leads back into a folder that it is in");
    } else if (ancestors.length >= FOLDER_DEPTH_MAX) {
      this.#report("SV0110", path, `more than ${FOLDER_DEPTH_MAX} folders deep`);
    } else {
      const names = this.#attempt(path, () => readdirSync(path)) ?? [];
      for (const name of names.toSorted()) {
        const below = join(path, name);
        if (!name.startsWith(".") && this.#isOfInterest(below, name)) this.#visit(below, [...ancestors, id], false);
      }
    }
  }

  /** Sockets, programs and whatever else lies around is nobody's problem; a file that looks like configuration is. */
  #isOfInterest(path: string, name: string): boolean {
    if (CONFIG_FILE.test(name)) return true;
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  }

  #file(path: string): void {
    if (this.files.length >= FILES_MAX) {
      this.#isFull = true;
      this.#report("SV0103", path, `more than ${FILES_MAX} files`);
      return;
    }
    const bytes = this.#attempt(path, () => readBounded(path, FILE_BYTES_MAX + 1));
    if (bytes === undefined) return;
    this.#bytes += bytes.length;
    if (bytes.length > FILE_BYTES_MAX) {
      this.#report("SV0102", path, `is larger than ${FILE_BYTES_MAX} bytes`);
    } else if (this.#bytes > SOURCE_BYTES_MAX) {
      this.#isFull = true;
      this.#report("SV0103", path, `more than ${SOURCE_BYTES_MAX} bytes in all`);
    } else {
      const text = decodeUtf8(bytes);
      if (text === undefined) this.#report("SV0104", path, "is not UTF-8 text");
      else this.files.push({ path, text });
    }
  }

  #attempt<T>(path: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (thrown) {
      const isLoop = thrown instanceof Error && "code" in thrown && thrown.code === "ELOOP";
      if (isLoop) this.#report("SV0113", path, "is a link that leads back to itself");
      else this.#report("SV0101", path, `cannot be read: ${reasonOf(thrown)}`);
      return undefined;
    }
  }
}

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  if (code === "ENOENT") return "no such file or folder";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return typeof code === "string" ? code : quote(String(thrown));
}

/** At most `bytesMax` bytes of a regular file, whatever its size says: it may grow while it is read. */
function readBounded(path: string, bytesMax: number): Uint8Array {
  // Not to block where a pipe has taken the place of the file since it was looked at.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const size = fstatSync(fd).size;
    let bytes = new Uint8Array(Math.min(size + 1, bytesMax));
    let count = 0;
    for (;;) {
      const read = readSync(fd, bytes, count, bytes.length - count, null);
      count += read;
      if (read === 0 || count === bytesMax) return bytes.subarray(0, count);
      if (count === bytes.length) bytes = enlarge(bytes, bytesMax);
    }
  } finally {
    closeSync(fd);
  }
}

function enlarge(bytes: Uint8Array, bytesMax: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(bytes.length * 2, bytesMax));
  larger.set(bytes);
  return larger;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}
