/** The folder of one benchmark run: files for the origin, configurations, and copies that other uids can read. */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Root of the checkout. */
export const ROOT = join(import.meta.dir, "../..");

/** Run-time dependencies only: what somebody who installs the package gets. */
const RUNTIME_PACKAGES = [
  ...["bun", "@oven", "commander", "picocolors", "yaml"],
  // Certificates.
  ...["@peculiar", "asn1js", "pvtsutils", "pvutils", "reflect-metadata", "tslib", "tsyringe"],
];

export interface Scratch {
  readonly folder: string;
  /** A Bun binary and the generator's sources, readable for every uid. */
  readonly bun: string;
  readonly generators: string;
  remove(): void;
}

/** Makes the folder; the caller removes it. */
export function makeScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-bench-"));
  chmodSync(folder, 0o755);
  const bun = join(folder, "generator-bun");
  try {
    linkSync(process.execPath, bun);
  } catch {
    copyFileSync(process.execPath, bun);
    chmodSync(bun, 0o755);
  }
  const generators = join(folder, "generators");
  mkdirSync(generators);
  for (const name of readdirSync(import.meta.dir))
    if (name.endsWith(".ts")) copyFileSync(join(import.meta.dir, name), join(generators, name));
  return { folder, bun, generators, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * A copy of the package to run under measurement. Its Bun is a file of its own, so that no other process shares its pages:
 * the proportional set size would otherwise be split with this harness and flatter the mesh.
 */
export function copyPackage(scratch: Scratch): string {
  const copy = join(scratch.folder, "package");
  if (existsSync(copy)) return copy;
  mkdirSync(join(copy, "node_modules"), { recursive: true });
  for (const name of [
    "bin",
    "examples",
    "scripts",
    "src",
    "tools",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
  ])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  for (const name of RUNTIME_PACKAGES) {
    const from = join(ROOT, "node_modules", name);
    if (existsSync(from)) cpSync(from, join(copy, "node_modules", name), { recursive: true });
  }
  return copy;
}
