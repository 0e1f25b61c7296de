import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { printJson } from "../output.ts";
import { packageRoot, version } from "../package-facts.ts";

/** `selvedge schema`. */
export async function schema(): Promise<ExitCode> {
  process.stdout.write(readFileSync(join(packageRoot, "docs/selvedge.schema.json"), "utf8"));
  return EXIT.OK;
}

/** `selvedge version`. */
export async function printVersion({ output }: { readonly output?: string }): Promise<ExitCode> {
  if (output === "json") printJson({ version: version(), bun: Bun.version });
  else process.stdout.write(`selvedge ${version()} (Bun ${Bun.version})\n`);
  return EXIT.OK;
}
