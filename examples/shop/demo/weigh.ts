/** What the processes of the mesh weigh. */
import { readdirSync, readFileSync } from "node:fs";

export interface Weight {
  /** Proportional set size: pages shared with other processes count in part. */
  readonly pssBytes: number;
  /** As if nothing else on the machine ran the same runtime: what is shared counts once and in full. */
  readonly aloneBytes: number;
}

/** The pids of a process and of all its living descendants. */
export function descendantsOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

/** Adds up what /proc says of each; `undefined` where it may not be read. */
export function weigh(pids: readonly number[]): Weight | undefined {
  let pss = 0;
  let own = 0;
  let shared = 0;
  try {
    for (const pid of pids) {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
      const kib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0);
      pss += kib("Pss");
      own += kib("Private_Clean") + kib("Private_Dirty");
      shared = Math.max(shared, kib("Shared_Clean") + kib("Shared_Dirty"));
    }
  } catch {
    return undefined;
  }
  return { pssBytes: pss * 1024, aloneBytes: (own + shared) * 1024 };
}
