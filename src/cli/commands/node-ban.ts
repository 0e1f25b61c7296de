import type { BanReport } from "../../keeper/nodes/live-nodes.ts";
import { askNode } from "../admin-client.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { printJson, printLines } from "../output.ts";

interface BanOptions extends NodeOptions {
  readonly reason?: string;
}

/** `selvedge node ban NAME --reason TEXT` and `node unban NAME`. Exit 0 when it is in force on this node. */
export function nodeBan(verb: "ban" | "unban") {
  return async (node: string, options: BanOptions): Promise<ExitCode> => {
    const request = { op: `node-${verb}`, node, reason: options.reason };
    const report = (await askNode(findAdminPath(options, process.env), request)) as BanReport;
    if (options.output === "json") printJson({ ok: report.isInForce, ...report });
    else printLines(lines(verb, report));
    if (report.isInForce) return EXIT.OK;
    throw new CliError(EXIT.FAILED, "written down, but a worker of this node has not taken it up", "selvedge status");
  };
}

function lines(verb: "ban" | "unban", { node, scope, keys, acknowledged, waitingFor }: BanReport): string[] {
  const keyText = keys.length === 1 ? "its key" : `${keys.length} keys`;
  const what =
    verb === "ban" ? `${node} is banned here, by ${keyText}` : `${node} is let in again here, with ${keyText}`;
  return [
    what,
    ...(scope === "here" ? ["on this node alone: for the whole site say it on the node that holds the root"] : []),
    ...(acknowledged.length === 0 ? [] : [`in force on: ${acknowledged.join(", ")}`]),
    ...(waitingFor.length === 0 ? [] : [`not yet on: ${waitingFor.join(", ")}; they hear of it when they connect`]),
  ];
}
