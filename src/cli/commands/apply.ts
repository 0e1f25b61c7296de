import { resolve } from "node:path";
import { readSources } from "../../keeper/config/decode/read-sources.ts";
import { hasErrors } from "../../model/issue.ts";
import { askNode, RefusedError } from "../admin-client.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { printJson } from "../output.ts";
import { complain } from "./check.ts";

interface ApplyOptions extends NodeOptions {
  readonly file: readonly string[];
}

/** `selvedge apply`: returns when every worker serves the documents; refused: exit 1, the old ones serve on. */
export async function apply(options: ApplyOptions): Promise<ExitCode> {
  const { files, issues } = readSources(options.file);
  if (hasErrors(issues)) {
    complain(issues);
    return EXIT.FAILED;
  }
  const request = { op: "apply", paths: options.file.map((path) => resolve(path)), files };
  try {
    const result = (await askNode(findAdminPath(options, process.env), request)) as { generation: number };
    if (options.output === "json") printJson({ ok: true, ...result });
    else process.stdout.write(`generation ${result.generation} serves\n`);
    return EXIT.OK;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    if (options.output === "json") printJson({ ok: false, reason: error.message, issues: error.issues });
    else complain(error.issues);
    if (error.issues.length === 0 || options.output !== "json")
      process.stderr.write(`selvedge: refused: ${error.message}\n`);
    return EXIT.FAILED;
  }
}
