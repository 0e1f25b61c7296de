import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultStatePath } from "../keeper/state/state-directory.ts";
import { startTimeOf } from "../kernel/process-facts.ts";

/** A running node of this machine, as commands find it. */
export interface RegisteredNode {
  readonly pid: number;
  readonly startTime: number;
  readonly admin: string;
  readonly state: string;
  readonly node: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where running nodes of this user note themselves. */
export function registryPath(uid: number, env: Environment): string {
  if (uid === 0) return "/run/selvedge/nodes";
  const runtime = env["XDG_RUNTIME_DIR"];
  return runtime ? join(runtime, "selvedge", "nodes") : `${defaultStatePath(uid, env)}.nodes`;
}

/** Notes a node; answers the function that removes the note. Nothing where that place cannot be written. */
export function registerNode(folder: string, node: RegisteredNode): () => void {
  const path = join(folder, `${node.pid}.json`);
  // Reading them removes the notes of nodes that were killed.
  listNodes(folder);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(path, JSON.stringify(node), { mode: 0o600 });
  } catch {
    // Then it is found by --state or --admin only.
    return () => {};
  }
  return () => rmSync(path, { force: true });
}

/** The nodes that run now; notes of those that were killed are removed. */
export function listNodes(folder: string): RegisteredNode[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const node = readNode(join(folder, name));
    if (node !== undefined && startTimeOf(node.pid) === node.startTime) return [node];
    if (node !== undefined) rmSync(join(folder, name), { force: true });
    return [];
  });
}

function readNode(path: string): RegisteredNode | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { pid, startTime, admin, state, node } = value as Partial<RegisteredNode>;
    const isWhole = typeof admin === "string" && typeof state === "string" && typeof node === "string";
    if (!isWhole || typeof pid !== "number" || typeof startTime !== "number") return undefined;
    return { pid, startTime, admin, state, node };
  } catch {
    return undefined;
  }
}
