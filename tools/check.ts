/**
 * Every check that needs no running program: format and lint, types, layers, sizes, claims of the documents.
 * `--fix` lets Biome write what it can. Exit code 1 when one of them fails; all of them run in any case.
 */
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const bun = process.execPath;

interface Check {
  readonly name: string;
  readonly command: readonly string[];
}

/** The checks in the order they run, cheap and telling ones first. */
export function checks(options: { readonly fix: boolean }): readonly Check[] {
  const biome = ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings"];
  return [
    { name: "format and lint", command: [bun, ...biome, ...(options.fix ? ["--write"] : []), "."] },
    { name: "types", command: [bun, "node_modules/typescript/bin/tsc", "-p", "."] },
    { name: "layers", command: [bun, "tools/layers.ts"] },
    { name: "sizes", command: [bun, "tools/sizes.ts"] },
    { name: "documents", command: [bun, "tools/docs.ts"] },
  ];
}

/** Runs every check, printing the output of those that fail; answers the names of these. */
export async function runChecks(options: { readonly fix: boolean }): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, command } of checks(options)) {
    const startedAt = performance.now();
    const child = Bun.spawn([...command], { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    const tookMs = Math.round(performance.now() - startedAt);
    console.log(`check  ${name.padEnd(16)} ${code === 0 ? "ok" : "FAILED"}  ${tookMs} ms`);
    if (code === 0) continue;
    failed.push(name);
    console.log(`${out}${err}`.trimEnd());
  }
  return failed;
}

if (import.meta.main) {
  const failed = await runChecks({ fix: process.argv.includes("--fix") });
  process.exit(failed.length === 0 ? 0 : 1);
}
