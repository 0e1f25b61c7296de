/**
 * From the cgroup id that the kernel tells of a socket to the cgroup's path, and whether that path proves anything.
 * The keeper's: a confined worker cannot read /sys.
 */

import { opendirSync, readFileSync, statSync } from "node:fs";
import { cgroupMountIn, isCanonical, isDelegatedToUser } from "./cgroup-path.ts";

/** Cgroups looked at per walk; a machine of this size has hundreds. */
export const CGROUPS_MAX = 8192;

/** Ids remembered. */
export const CGROUP_CACHE_MAX = 4096;

/**
 * Walks per second for ids that are not known. A cgroup that has ended is never found, and a caller that makes many must not
 * keep the keeper walking.
 */
export const WALKS_PER_SECOND_MAX = 20;

/** Where the cgroup v2 hierarchy is mounted; undefined where it is not. */
export function findCgroupMount(): string | undefined {
  try {
    return cgroupMountIn(readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return undefined;
  }
}

/** Paths of the cgroups beneath one mount point. Holds a bounded cache and nothing to close. */
export class Cgroups {
  readonly #mount: string;
  readonly #nowMs: () => number;
  readonly #paths = new Map<bigint, string>();
  #windowStartMs = 0;
  #walks = 0;

  /** `nowMs`: a monotonic clock, for WALKS_PER_SECOND_MAX. */
  constructor(mount: string, nowMs: () => number) {
    this.#mount = mount;
    this.#nowMs = nowMs;
  }

  /**
   * The path of the cgroup with this id (`/` for the root); null where there is none (any more), or where too many unknown ids
   * were asked for within the last second.
   */
  pathOfId(id: bigint): string | null {
    const known = this.#paths.get(id);
    if (known !== undefined) {
      if (this.#idOf(known) === id) return known;
      this.#paths.delete(id);
    }
    if (id === 0n || !this.#mayWalk()) return null;
    this.#walk();
    return this.#paths.get(id) ?? null;
  }

  /**
   * Whether being in this cgroup proves that root put the process there: it and every directory above it belong to root, and none
   * is a user manager's, who moves processes as he likes.
   */
  isTrusted(path: string): boolean {
    if (!isCanonical(path) || isDelegatedToUser(path)) return false;
    for (let at = path; ; at = at.slice(0, at.lastIndexOf("/"))) {
      if (!this.#isRootOwned(at)) return false;
      if (at === "" || at === "/") return true;
    }
  }

  /** Neither the directory nor the file that moves processes into it may belong to, or be writable for, anybody but root. */
  #isRootOwned(path: string): boolean {
    try {
      const directory = statSync(`${this.#mount}${path}`);
      const members = statSync(`${this.#mount}${path}/cgroup.procs`);
      return directory.uid === 0 && members.uid === 0 && ((directory.mode | members.mode) & 0o022) === 0;
    } catch {
      return false;
    }
  }

  #idOf(path: string): bigint | undefined {
    try {
      // The id of a cgroup is the inode number of its directory.
      return statSync(`${this.#mount}${path}`, { bigint: true }).ino;
    } catch {
      return undefined;
    }
  }

  #mayWalk(): boolean {
    const nowMs = this.#nowMs();
    if (nowMs - this.#windowStartMs >= 1000) {
      this.#windowStartMs = nowMs;
      this.#walks = 0;
    }
    return ++this.#walks <= WALKS_PER_SECOND_MAX;
  }

  #walk(): void {
    this.#paths.clear();
    const queue = ["/"];
    for (let looked = 0; looked < CGROUPS_MAX && queue.length > 0; looked++) {
      const path = queue.shift()!;
      const id = this.#idOf(path);
      if (id === undefined) continue;
      if (this.#paths.size < CGROUP_CACHE_MAX) this.#paths.set(id, path);
      for (const name of this.#childrenOf(path)) queue.push(path === "/" ? `/${name}` : `${path}/${name}`);
    }
  }

  #childrenOf(path: string): readonly string[] {
    const children: string[] = [];
    try {
      const directory = opendirSync(`${this.#mount}${path}`);
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        if (entry.isDirectory()) children.push(entry.name);
      }
      directory.closeSync();
    } catch {
      // Removed while we walk.
    }
    return children;
  }
}
