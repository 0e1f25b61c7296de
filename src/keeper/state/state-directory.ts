import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { StartError } from "../start-error.ts";
import { type Current, isGenerationFileName, parseCurrent } from "./current.ts";
import { errorCode } from "./durable-file.ts";
import { findUnsafe, trustedHere } from "./safe-path.ts";
import { readSealed, writeSealed } from "./sealed-json.ts";

/** Where the node's state lies unless it is told otherwise. `uid` is the user's; `env` gives `XDG_STATE_HOME` and `HOME`. */
export function defaultStatePath(uid: number, env: Readonly<Record<string, string | undefined>>): string {
  if (uid === 0) return "/var/lib/selvedge";
  const base = env["XDG_STATE_HOME"] || join(env["HOME"] || tmpdir(), ".local", "state");
  return join(base, "selvedge");
}

/** Trouble with the disk that the node survives; shown in `status` until a write succeeds again. */
export interface StateTrouble {
  readonly what: string;
  readonly reason: string;
}

/**
 * The one directory that outlives the keeper. A disk that is full, torn or read-only never stops a node from serving: what
 * cannot be written here goes to a directory in memory that lives as long as this keeper, and `trouble` says so.
 */
export class StateDirectory {
  readonly path: string;
  #memoryPath: string | undefined;
  readonly #trouble = new Map<string, StateTrouble>();

  /** Throws where the path is something else than a directory, or another user's. Otherwise it starts, maybe in trouble. */
  constructor(path: string) {
    this.path = path;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      assertOurs(path);
      for (const name of ["generations", "logs"]) {
        mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
        // Somebody may have put them there while the directory was open to others.
        assertOurs(join(path, name));
      }
      accessSync(join(path, "generations"), constants.W_OK);
    } catch (error) {
      if (!isDiskTrouble(error)) throw error;
      this.#note("state directory", error);
    }
  }

  get trouble(): readonly StateTrouble[] {
    return [...this.#trouble.values()];
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Path of a generation file: on disk, or in memory where the disk would not take it. */
  generationPath(file: string): string {
    const onDisk = join(this.path, "generations", file);
    if (this.#memoryPath === undefined) return onDisk;
    const inMemory = join(this.#memoryPath, file);
    return existsSync(inMemory) ? inMemory : onDisk;
  }

  /** A place for files that the disk refuses; made on first use, removed by `close`. */
  memoryPath(): string {
    if (this.#memoryPath === undefined) {
      const base = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
      this.#memoryPath = mkdtempSync(join(base, "selvedge-"));
      chmodSync(this.#memoryPath, 0o700);
    }
    return this.#memoryPath;
  }

  /** Higher than any generation number this directory has ever seen a trace of. */
  nextGeneration(current: Current | undefined): number {
    let highest = current?.generation ?? 0;
    for (const good of current?.previous ?? []) highest = Math.max(highest, good.generation);
    for (const name of this.#generationFiles()) highest = Math.max(highest, Number.parseInt(name, 10));
    return highest + 1;
  }

  /** What was current; a rotten file counts as none and is noted. */
  readCurrent(): Current | undefined {
    const sealed = readSealed(this.file("current"));
    if (sealed.state === "absent") return undefined;
    const current = sealed.state === "good" ? parseCurrent(sealed.value) : undefined;
    if (current === undefined) this.#note("current", sealed.state === "rotten" ? sealed.reason : "of an unknown shape");
    return current;
  }

  /** Generation files on disk, newest first, for a boot whose `current` is rotten. */
  generationsNewestFirst(): readonly string[] {
    return [...this.#generationFiles()].sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
  }

  /** True when it is on disk. False: the disk refused, which is noted; the caller goes on from memory. */
  write(name: string, value: unknown): boolean {
    try {
      writeSealed(this.file(name), value);
    } catch (error) {
      this.#note(name, error);
      return false;
    }
    this.#trouble.delete(name);
    return true;
  }

  /** The value, or `undefined` where there is none or it is rotten, which is noted. */
  read(name: string): unknown {
    const sealed = readSealed(this.file(name));
    if (sealed.state === "rotten") this.#note(name, sealed.reason);
    return sealed.state === "good" ? sealed.value : undefined;
  }

  /** Notes trouble that somebody else met with this disk. */
  note(what: string, reason: string): void {
    this.#note(what, reason);
  }

  forgive(what: string): void {
    this.#trouble.delete(what);
  }

  /** Removes generation files that nothing refers to any more. Trouble here is harmless and noted. */
  prune(keep: ReadonlySet<string>): void {
    for (const name of this.#generationFiles()) {
      if (keep.has(name)) continue;
      try {
        rmSync(join(this.path, "generations", name), { force: true });
      } catch (error) {
        this.#note("prune", error);
      }
    }
  }

  close(): void {
    if (this.#memoryPath !== undefined) rmSync(this.#memoryPath, { recursive: true, force: true });
    this.#memoryPath = undefined;
  }

  #generationFiles(): string[] {
    const names: string[] = [];
    for (const directory of [join(this.path, "generations"), this.#memoryPath]) {
      if (directory === undefined) continue;
      try {
        names.push(...readdirSync(directory).filter(isGenerationFileName));
      } catch (error) {
        this.#note("generations", error);
      }
    }
    return names;
  }

  #note(what: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#trouble.set(what, { what, reason });
  }
}

/**
 * Throws StartError where somebody else has a say in what lies at `path`: then it could hold his documents, and what is written
 * there, perhaps by root, would go where he wants.
 */
export function requireSafe(path: string): void {
  const unsafe = findUnsafe(resolve(path), trustedHere());
  if (unsafe !== undefined) throw new StartError(`the state directory ${path} is not safe: ${unsafe}`);
}

function assertOurs(path: string): void {
  requireSafe(path);
  const stat = statSync(path);
  const uid = process.getuid?.();
  if (stat.uid !== uid) throw new StartError(`state directory ${path} belongs to uid ${stat.uid}, not to uid ${uid}`);
  // It will hold keys: what others could read until now, they shall not from now on.
  if ((stat.mode & 0o077) !== 0) chmodSync(path, 0o700);
}

function isDiskTrouble(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EROFS", "EIO", "EFBIG"].includes(errorCode(error));
}
