import { join, resolve } from "node:path";
import { hardwareFacts } from "../../keeper/nodes/hardware-facts.ts";
import { JoinError, joinByToken } from "../../keeper/nodes/join.ts";
import { defaultStatePath } from "../../keeper/state/state-directory.ts";
import { setLimits } from "../../kernel/privileges.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { printJson } from "../output.ts";
import { packageRoot } from "../package-facts.ts";
import { secondsText } from "../units.ts";

interface JoinCommandOptions {
  readonly state?: string;
  readonly output?: "json" | "text";
}

/** `selvedge node join TOKEN`: the identity of this machine in its site, into the state directory. */
export async function nodeJoin(given: string, options: JoinCommandOptions): Promise<ExitCode> {
  // Keys are in memory for a moment: a crash must not leave them on the disk.
  setLimits();
  const statePath = resolve(options.state ?? defaultStatePath(process.getuid?.() ?? 0, process.env));
  const token = given === "-" ? await Bun.stdin.text() : given;
  try {
    const joined = await joinByToken(token, {
      statePath,
      issueProgram: { bun: process.execPath, program: join(packageRoot, "src/keeper/ca/issue-main.ts") },
      env: process.env,
      hardware: hardwareFacts,
      wallMs: Date.now,
    });
    const { trustDomain, node, rootNode, key, expiresAtMs, aside } = joined;
    const expiry = new Date(expiresAtMs).toISOString();
    if (options.output === "json") {
      printJson({ ok: true, trustDomain, node, rootNode, key, expiry, state: statePath, ...(aside ? { aside } : {}) });
    } else {
      const lines = [
        `joined ${trustDomain} as ${node}; the certificate is good until ${secondsText(expiry)} and renewed by ${rootNode} long before`,
        ...(aside === undefined ? [] : [`the identity that was here before lies in ${aside}`]),
        `now:  selvedge up -f DOCUMENTS --node ${node}${options.state === undefined ? "" : ` --state ${options.state}`}`,
      ];
      process.stdout.write(`${lines.join("\n")}\n`);
    }
    return EXIT.OK;
  } catch (error) {
    if (!(error instanceof JoinError)) throw error;
    if (options.output === "json") printJson({ ok: false, reason: error.message });
    throw new CliError(EXIT.FAILED, error.message, error.hint === "" ? undefined : error.hint);
  }
}
