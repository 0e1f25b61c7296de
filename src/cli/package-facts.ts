import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Root folder of the package that runs. */
export const packageRoot = join(import.meta.dir, "..", "..");

/** Version of the package that runs. */
export function version(): string {
  const value: unknown = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  if (typeof value === "object" && value !== null && "version" in value) return String(value.version);
  return "unknown";
}
