/** Writes the file that a generation is kept in: a header line, one record per line, a line with the checksum. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { SnapshotRecord } from "../../model/snapshot.ts";

/** Version of the format, in the header line. */
export const GENERATION_FORMAT = 1;

/** Characters gathered before they are written and hashed. Reason: few system calls, and no second copy of the whole. */
export const WRITE_CHARS = 256 * 1024;

/** What was written. */
export interface GenerationCounts {
  readonly records: number;
  readonly bytes: number;
}

/**
 * Writes records durably: aside, fsync, rename, fsync of the directory. After a crash the file is whole or not there.
 *
 * The last line is the SHA-256 of everything before it. A record's line begins with its kind and key, so that readers find
 * the key without parsing the line.
 *
 * @throws the system's error; then nothing is left at `path` that was not there before
 */
export function writeGeneration(path: string, records: Iterable<SnapshotRecord>): GenerationCounts {
  const aside = `${path}.new`;
  try {
    const counts = writeAside(aside, records);
    renameSync(aside, path);
    syncDirectory(dirname(path));
    return counts;
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

function writeAside(path: string, records: Iterable<SnapshotRecord>): GenerationCounts {
  const fd = openSync(path, "w", 0o600);
  try {
    const sink = new HashingSink(fd);
    sink.line(`{"selvedge":${GENERATION_FORMAT},"format":"ndjson"}`);
    let count = 0;
    for (const { kind, key, ...rest } of records) {
      sink.line(JSON.stringify({ kind, key, ...rest }));
      count++;
    }
    const bytes = sink.finish();
    fsyncSync(fd);
    return { records: count, bytes };
  } finally {
    closeSync(fd);
  }
}

class HashingSink {
  readonly #fd: number;
  readonly #hasher = new Bun.CryptoHasher("sha256");
  #held = "";
  #bytes = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  line(text: string): void {
    this.#held += `${text}\n`;
    if (this.#held.length >= WRITE_CHARS) this.#flush();
  }

  /** Writes the checksum line; answers the bytes of the whole file. */
  finish(): number {
    this.#flush();
    this.#write(new TextEncoder().encode(`{"sha256":"${this.#hasher.digest("hex")}"}\n`));
    return this.#bytes;
  }

  #flush(): void {
    const bytes = new TextEncoder().encode(this.#held);
    this.#held = "";
    this.#hasher.update(bytes);
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    this.#bytes += bytes.length;
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
