import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Replaces a file so that after a crash either the old or the new content is there, whole: write aside, fsync, rename,
 * fsync the directory. Throws the system's error, and then the old file is untouched.
 */
export function writeDurable(path: string, content: string | Uint8Array): void {
  const aside = `${path}.new`;
  try {
    const fd = openSync(aside, "w", 0o600);
    try {
      writeAll(fd, typeof content === "string" ? new TextEncoder().encode(content) : content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Makes creations, renames and removals in a directory survive a crash. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The whole file, or `undefined` where there is none or it is longer than `bytesMax`. Throws on any other trouble. */
export function readBounded(path: string, bytesMax: number): Uint8Array | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const size = fstatSync(fd).size;
    return size > bytesMax ? undefined : readAll(fd, size);
  } finally {
    closeSync(fd);
  }
}

/** The system's name of an error (`ENOSPC`), or `""`. */
export function errorCode(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function readAll(fd: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const taken = readSync(fd, bytes, at, size - at, at);
    if (taken === 0) break;
    at += taken;
  }
  return bytes.subarray(0, at);
}
