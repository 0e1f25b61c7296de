import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { defaultStatePath } from "../keeper/state/state-directory.ts";
import { adminPathOf } from "./admin-path.ts";
import { CliError, EXIT } from "./exit-code.ts";
import { listNodes, registryPath } from "./node-registry.ts";

/** Nodes of a machine that are listed where one has to be chosen. Reason: with more, a screen tells nobody anything. */
const NODES_NAMED_MAX = 8;

/** How a command was told which node it is about. */
export interface NodeChoice {
  readonly state?: string;
  readonly admin?: string;
}

/** Path of the admin socket: as told, or of the one node of this machine. Throws CliError where that is not one. */
export function findAdminPath(choice: NodeChoice, env: Readonly<Record<string, string | undefined>>): string {
  if (choice.admin !== undefined) return resolve(choice.admin);
  if (choice.state !== undefined) return adminPathOf(resolve(choice.state), env);
  const uid = process.getuid?.() ?? 0;
  const nodes = listNodes(registryPath(uid, env));
  const [first, ...others] = nodes;
  if (first !== undefined && others.length === 0) return first.admin;
  if (first !== undefined) {
    const named = nodes.slice(0, NODES_NAMED_MAX).map((node) => `--state ${node.state}`);
    if (nodes.length > named.length) named.push(`and ${nodes.length - named.length} more`);
    throw new CliError(
      EXIT.USAGE,
      `${nodes.length} nodes run on this machine`,
      `say which:\n    ${named.join("\n    ")}`,
    );
  }
  const usual = adminPathOf(defaultStatePath(uid, env), env);
  if (existsSync(usual)) return usual;
  throw new CliError(
    EXIT.UNREACHABLE,
    "no node runs on this machine",
    "start one: selvedge up -f PATH; another user's: --state DIR",
  );
}
