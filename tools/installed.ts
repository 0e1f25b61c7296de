/**
 * Exit code 0 where node_modules holds exactly what package-lock.json pins, by npm's own record of what it installed.
 * Usage: installed.ts ROOT
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
}

type LockedPackages = Readonly<Record<string, LockedPackage>>;

/**
 * Paths of the packages that are missing or of another version or content. Optional packages may be missing, because
 * those of other platforms always are.
 */
export function differingPackages(wanted: LockedPackages, installed: LockedPackages): string[] {
  return Object.entries(wanted)
    .filter(([path, entry]) => {
      if (path === "") return false;
      const found = installed[path];
      if (found === undefined) return entry.optional !== true;
      return found.version !== entry.version || found.integrity !== entry.integrity;
    })
    .map(([path]) => path);
}

function packagesOf(file: string): LockedPackages {
  return (JSON.parse(readFileSync(file, "utf8")) as { packages: LockedPackages }).packages;
}

if (import.meta.main) {
  const root = process.argv[2] ?? ".";
  const differing = differingPackages(
    packagesOf(join(root, "package-lock.json")),
    packagesOf(join(root, "node_modules/.package-lock.json")),
  );
  process.exit(differing.length === 0 ? 0 : 1);
}
