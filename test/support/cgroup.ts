import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { findCgroupMount } from "../../src/kernel/cgroup.ts";

/** Where cgroups of version 2 can be made; `undefined` where they cannot, which is the case without root. */
export function cgroupMount(): string | undefined {
  return process.getuid?.() === 0 ? findCgroupMount() : undefined;
}

/** Cgroups of one test, removed with it; processes in them have to be gone by then. */
export class CgroupFolder implements AsyncDisposable {
  /** As the kernel names it: below the mount point. */
  readonly path: string;
  readonly #mount: string;

  constructor(name: string) {
    const mount = cgroupMount();
    if (mount === undefined) throw new Error("no cgroup can be made here");
    this.#mount = mount;
    this.path = `/${name}-${process.pid}`;
    this.make("");
  }

  /** Makes a cgroup below; answers its path. */
  make(name: string): string {
    const path = name === "" ? this.path : `${this.path}/${name}`;
    mkdirSync(join(this.#mount, path), { recursive: true });
    return path;
  }

  /** What a command is started through to run in `path`. */
  enter(path: string): string[] {
    const members = join(this.#mount, path, "cgroup.procs");
    return ["sh", "-c", `echo $$ > ${members} && exec "$@"`, "sh"];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const folder of foldersBelow(join(this.#mount, this.path)).toReversed()) await removeCgroup(folder);
  }
}

/** The folder and all below it, each before what is in it. */
function foldersBelow(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [folder, ...below.flatMap((entry) => foldersBelow(join(folder, entry.name)))];
}

async function removeCgroup(folder: string): Promise<void> {
  // The kernel takes a moment to let go of processes that have just ended.
  for (let attempt = 0; existsSync(folder) && attempt < 100; attempt++) {
    try {
      rmdirSync(folder);
    } catch {
      await Bun.sleep(10);
    }
  }
}
