import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { BACKUP_BYTES_MAX } from "../../identity/backup.ts";
import { backupStored, takeStored } from "../../keeper/identity/stored-identity.ts";
import { auditIdentity } from "../../keeper/identity/tell-identity.ts";
import { lockState } from "../../keeper/lock-state.ts";
import { LogFile } from "../../keeper/observe/log-file.ts";
import { defaultStatePath, StateDirectory } from "../../keeper/state/state-directory.ts";
import { type AdminRequest, askNode } from "../admin-client.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { printJson } from "../output.ts";
import { readPassphrase } from "../passphrase.ts";

interface RootOptions extends NodeOptions {
  readonly passphraseFile?: string;
}

/** `selvedge identity backup FILE`; also where no node runs on the state directory. The file is made, never replaced. */
export async function identityBackup(file: string, options: RootOptions): Promise<ExitCode> {
  const passphrase = await readPassphrase(options.passphraseFile, true);
  const text = await onNodeOrState(
    options,
    async (admin) => (await ask(admin, { op: "identity-backup", passphrase }, "backup")) as string,
    (state) => backupStored(state, process.env, passphrase),
    "identity-backup",
  );
  writeNew(file, text);
  const path = resolve(file);
  if (options.output === "json") printJson({ ok: true, file: path });
  else process.stdout.write(`the root is in ${path}; keep it and its passphrase apart, and away from this machine\n`);
  return EXIT.OK;
}

/** `selvedge identity restore FILE` and `promote FILE`. */
export function identityTakeRoot(how: "restore" | "promote") {
  return async (file: string, options: RootOptions): Promise<ExitCode> => {
    const text = readBackupFile(file);
    const passphrase = await readPassphrase(options.passphraseFile, false);
    const aside = await onNodeOrState(
      options,
      async (admin) => ask(admin, { op: "identity-restore", backup: text, passphrase, how }, "aside"),
      (state) => takeStored(state, process.env, { text, passphrase, how }),
      "identity-restore",
    );
    if (options.output === "json") printJson({ ok: true, ...(aside === undefined ? {} : { aside }) });
    else {
      process.stdout.write("this node holds the site's root now\n");
      if (aside !== undefined) process.stdout.write(`a root that nobody used is in ${String(aside)}\n`);
    }
    return EXIT.OK;
  };
}

async function ask(admin: string, request: AdminRequest, field: string): Promise<unknown> {
  return ((await askNode(admin, request)) as Readonly<Record<string, unknown>>)[field];
}

/** Through the running node, or on its state directory where none runs. */
async function onNodeOrState<Result>(
  options: RootOptions,
  onNode: (admin: string) => Promise<Result>,
  onState: (statePath: string) => Promise<Result>,
  op: string,
): Promise<Result> {
  try {
    return await onNode(findAdminPath(options, process.env));
  } catch (error) {
    const isGone = error instanceof CliError && error.exitCode === EXIT.UNREACHABLE;
    if (!isGone || options.admin !== undefined) throw error;
  }
  const state = new StateDirectory(resolve(options.state ?? defaultStatePath(process.getuid?.() ?? 0, process.env)));
  const lock = lockState(state);
  const auditLog = new LogFile(state.file("audit.ndjson"));
  let outcome = "failed";
  try {
    const result = await onState(state.path);
    outcome = "done";
    return result;
  } catch (error) {
    throw error instanceof CliError ? error : new CliError(EXIT.FAILED, messageOf(error));
  } finally {
    auditIdentity({ state, auditLog }, op, `${outcome}, uid ${process.getuid?.() ?? 0}, no node running`);
    auditLog.close();
    state.close();
    lock?.release();
  }
}

function writeNew(file: string, text: string): void {
  try {
    // Somebody else's file, or an older backup, is not to be lost to a slip of the hand.
    writeFileSync(file, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new CliError(EXIT.FAILED, `${file} cannot be made: ${messageOf(error)}`);
  }
}

function readBackupFile(file: string): string {
  try {
    const text = readFileSync(file, "utf8");
    if (text.length > BACKUP_BYTES_MAX * 2) throw new Error("it is too long for a backup");
    return text;
  } catch (error) {
    throw new CliError(EXIT.FAILED, `${file} cannot be read: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
