import { askNode } from "../admin-client.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";

interface RunOptions extends NodeOptions {
  readonly workload: string;
}

/** Signals that are handed on to the program. */
const FORWARDED = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/**
 * `selvedge run`: starts a shell that waits, has it registered, and lets it become the program: its pid is known to the node
 * before the program's first connection. Exits with the program's code, 128 and the signal's number where a signal ended it.
 */
export async function runWorkload(command: readonly string[], options: RunOptions): Promise<ExitCode> {
  if (!/^[^/]+\/[^/]+$/.test(options.workload)) throw new CliError(EXIT.USAGE, "--workload is NAMESPACE/NAME");
  const admin = findAdminPath(options, process.env);
  const outbound = await outboundOf(admin);
  const child = Bun.spawn(["/bin/sh", "-c", WAIT_THEN_BECOME, "selvedge-run", ...command], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, ...proxyEnvironment(outbound) },
  });
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  try {
    await askNode(admin, { op: "run-register", pid: child.pid, workload: `workload/${options.workload}` });
    await release(child.stdio[3]);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  await child.exited;
  // The node forgets a run when its process is gone; saying so only saves it the look.
  await askNode(admin, { op: "run-remove", pid: child.pid }).catch(() => undefined);
  return (child.exitCode ??
    128 + signalNumber(child.signalCode === null ? null : String(child.signalCode))) as ExitCode;
}

// `read` fails at end of file: a shell whose parent died before the word came must not run the program unregistered.
const WAIT_THEN_BECOME = 'read -r go <&3 || exit 125; exec 3<&-; exec "$@"';

/** What programs understand as their proxy. Loopback names stay direct: they are the program's own or its sidecars'. */
export function proxyEnvironment(outbound: string): Record<string, string> {
  const url = `http://${outbound}`;
  const direct = "localhost,127.0.0.1,::1";
  return { http_proxy: url, HTTP_PROXY: url, no_proxy: direct, NO_PROXY: direct };
}

async function outboundOf(admin: string): Promise<string> {
  const status = (await askNode(admin, { op: "status" })) as { readonly outbound?: string };
  if (status.outbound === undefined) throw new CliError(EXIT.FAILED, "the node has no outbound listener");
  return status.outbound;
}

async function release(fd: unknown): Promise<void> {
  if (typeof fd !== "number") throw new Error("the runtime made no pipe to the program");
  const { closeSync, writeSync } = await import("node:fs");
  writeSync(fd, "go\n");
  closeSync(fd);
}

function signalNumber(name: string | null): number {
  const { constants } = require("node:os") as typeof import("node:os");
  return name === null ? 0 : ((constants.signals as Readonly<Record<string, number>>)[name] ?? 0);
}
