import { askNode } from "../admin-client.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { printJson } from "../output.ts";

interface EndpointChange {
  readonly generation: number;
  readonly isPersisted: boolean;
  readonly tookMs: number;
}

/** `selvedge endpoint drain|undrain NAMESPACE/WORKLOAD [ADDRESS]`. */
export function endpoint(verb: "drain" | "undrain") {
  return async (name: string, address: string | undefined, options: NodeOptions): Promise<ExitCode> => {
    if (!/^[^/|]+\/[^/|]+$/.test(name)) throw new CliError(EXIT.USAGE, "an endpoint is NAMESPACE/WORKLOAD [ADDRESS]");
    const named = `workload/${name}${address === undefined ? "" : `|${address}`}`;
    const request = { op: verb, endpoint: named };
    const change = (await askNode(findAdminPath(options, process.env), request)) as EndpointChange;
    if (options.output === "json") printJson({ ok: true, endpoint: named, ...change });
    else {
      const state = verb === "drain" ? "out of rotation" : "in rotation";
      const kept = change.isPersisted ? "" : "; NOT written down, the disk refused it";
      process.stdout.write(`${name} is ${state} since generation ${change.generation}${kept}\n`);
    }
    return EXIT.OK;
  };
}
