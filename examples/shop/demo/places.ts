/** Where the demo's files lie and who may touch them. */
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { WORKER_USER_DEFAULT } from "../../../src/kernel/spawn-worker.ts";

/** Group of the worker when root starts it: the only one, besides the service itself, that may open a socket. */
const WORKER_GID = WORKER_USER_DEFAULT.gid;

export interface Places {
  /** Everything temporary; removed at the end. */
  readonly folder: string;
  readonly runFolder: string;
  /** A state directory of its own for each node. */
  stateFolder(node: string): string;
  readonly meshFile: string;
  /** The package to run, and its Bun: copies where other users could not read the original. */
  readonly packageRoot: string;
  readonly bun: string;
  remove(): void;
}

/** Can any user reach the path? Root's own access says nothing about the uids that services and workers get. */
function isReachableByAll(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === "/") return true;
  }
}

/** Makes the folders; the caller removes them. */
export function makePlaces(packageRoot: string, isRoot: boolean): Places {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-shop-"));
  const runFolder = join(folder, "run");
  chmodSync(folder, isRoot ? 0o755 : 0o700);
  mkdirSync(runFolder, { mode: 0o755 });
  const stateFolder = (node: string) => join(folder, node === "" ? "state" : `state-${node}`);
  const places = { folder, runFolder, stateFolder, meshFile: join(folder, "mesh.yaml") };
  const remove = () => rmSync(folder, { recursive: true, force: true });
  if (!isRoot || isReachableByAll(process.execPath)) return { ...places, packageRoot, bun: process.execPath, remove };
  const copy = join(folder, "package");
  copyPackage(packageRoot, copy);
  return { ...places, packageRoot: copy, bun: join(copy, "node_modules/bun/bin/bun.exe"), remove };
}

/** Names of the packages that run with ours, and of those that run with them; not Bun, whose binary is copied by itself. */
function runtimePackages(root: string): string[] {
  const dependenciesOf = (folder: string): string[] => {
    const text = readFileSync(join(folder, "package.json"), "utf8");
    return Object.keys((JSON.parse(text) as { dependencies?: Record<string, string> }).dependencies ?? {});
  };
  const names = dependenciesOf(root).filter((name) => name !== "bun");
  for (const name of names)
    for (const next of dependenciesOf(join(root, "node_modules", name))) if (!names.includes(next)) names.push(next);
  return names;
}

function copyPackage(from: string, to: string): void {
  mkdirSync(join(to, "node_modules/bun/bin"), { recursive: true });
  for (const name of [
    "bin",
    "scripts",
    "src",
    "tools",
    "examples",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
  ])
    cpSync(join(from, name), join(to, name), { recursive: true });
  for (const name of runtimePackages(from))
    cpSync(join(from, "node_modules", name), join(to, "node_modules", name), { recursive: true });
  copyFileSync(process.execPath, join(to, "node_modules/bun/bin/bun.exe"));
  chmodSync(join(to, "node_modules/bun/bin/bun.exe"), 0o755);
}

/**
 * Makes the folder for a service's socket. With root: the service owns it, the mesh's worker may pass through, the group is
 * handed down to the socket, nobody else gets in.
 */
export function makeSocketFolder(socket: string, uid: number | undefined): void {
  const folder = dirname(socket);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (uid === undefined) return;
  chownSync(folder, uid, WORKER_GID);
  chmodSync(folder, 0o2710);
}

/** May this process read the path? */
export function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
