import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { AdminServer } from "../admin/admin-server.ts";
import { recoverDocuments } from "../admin/apply.ts";
import { adminHandlers } from "../admin/operations.ts";
import { kernelOwnerSources } from "../keeper/attest/kernel-owner-sources.ts";
import { Keeper } from "../keeper/keeper.ts";
import type { KeeperEvent } from "../keeper/keeper-event.ts";
import type { KeeperOptions } from "../keeper/keeper-options.ts";
import { StartError } from "../keeper/start-error.ts";
import { defaultStatePath, requireSafe } from "../keeper/state/state-directory.ts";
import { workerLauncher } from "../keeper/workers/launch-worker.ts";
import { findLeftWorkers, nodeMark } from "../keeper/workers/left-workers.ts";
import { setLimits } from "../kernel/privileges.ts";
import { startTimeOf } from "../kernel/process-facts.ts";
import { WORKER_USER_DEFAULT } from "../kernel/spawn-worker.ts";
import { listListening, type TcpListener } from "../kernel/tcp-listeners.ts";
import { adminPathOf } from "./admin-path.ts";
import { EventPrinter } from "./event-printer.ts";
import { CliError, EXIT, type ExitCode } from "./exit-code.ts";
import { issueText } from "./issue-text.ts";
import { registerNode, registryPath } from "./node-registry.ts";
import { packageRoot, version } from "./package-facts.ts";

/** Most workers. Reason: one per core of any machine this is for. */
export const WORKERS_MAX = 64;

const NO_DOCUMENTS = "no -f, and nothing was applied yet: no service is known until `selvedge apply -f PATH`";

/** Where what `apply` brought is kept. */
function documentsOf(state: string): string {
  return join(state, "documents");
}

/** What `selvedge up` was asked for. */
export interface UpArguments {
  readonly paths: readonly string[];
  readonly state: string;
  readonly node: string | undefined;
  readonly workers: number;
  readonly isJson: boolean;
  readonly workerUser: { readonly uid: number; readonly gid: number } | undefined;
}

/** Reads the arguments behind `up`. Throws CliError for what is wrong with them. Not commander: the keeper stays small. */
export function parseUp(args: readonly string[], env: Readonly<Record<string, string | undefined>>): UpArguments {
  const { values } = parseUpOptions(args);
  const workers = Number(values.workers ?? "1");
  if (!Number.isInteger(workers) || workers < 1 || workers > WORKERS_MAX) {
    throw new CliError(EXIT.USAGE, `--workers is a number from 1 to ${WORKERS_MAX}`);
  }
  const output = values.output ?? "text";
  if (output !== "json" && output !== "text") throw new CliError(EXIT.USAGE, "-o is json or text");
  return {
    paths: values.file ?? [],
    state: resolve(values.state ?? defaultStatePath(process.getuid?.() ?? 0, env)),
    node: values.node ?? (env["SELVEDGE_NODE"] || undefined),
    workers,
    isJson: output === "json",
    workerUser: values["worker-user"] === undefined ? undefined : parseUser(values["worker-user"]),
  };
}

function parseUpOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        file: { type: "string", short: "f", multiple: true },
        state: { type: "string" },
        node: { type: "string" },
        workers: { type: "string" },
        output: { type: "string", short: "o" },
        "worker-user": { type: "string" },
      },
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CliError(
      EXIT.USAGE,
      message,
      "selvedge up -f PATH [-f PATH…] [--state DIR] [--node NAME] [--workers N] [-o json]",
    );
  }
}

function parseUser(text: string): { uid: number; gid: number } {
  const found = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  if (found === null) throw new CliError(EXIT.USAGE, "--worker-user is UID or UID:GID");
  const uid = Number(found[1]);
  return { uid, gid: Number(found[2] ?? uid) };
}

/** Runs a node in the foreground until it is told to stop; resolves to the exit code. */
export async function up(args: readonly string[]): Promise<ExitCode> {
  // What the keeper holds must not lie on the disk because it crashed.
  setLimits();
  const asked = parseUp(args, process.env);
  const printer = new EventPrinter(asked.isJson);
  const adminPath = adminPathOf(asked.state, process.env);
  const signals = listenToSignals();
  let ready: KeeperEvent | undefined;
  const emit = (event: KeeperEvent): void => {
    if (event.event === "ready") ready = event;
    else printer.print(event);
  };
  const keeper = await startKeeper(asked, adminPath, emit, printer);
  if (keeper === undefined) return EXIT.FAILED;
  const admin = openAdmin(adminPath, keeper);
  const unregister = registerNode(registryPath(process.getuid?.() ?? 0, process.env), {
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? 0,
    admin: adminPath,
    state: asked.state,
    node: keeper.facts.site?.node ?? "",
  });
  const { refusal, issues } = keeper.configuration;
  if (refusal !== undefined) printer.complain(issues.map(issueText), refusal);
  // Whoever reads that the node is ready may use its admin socket at once.
  if (ready !== undefined) printer.print(ready);
  if (asked.paths.length === 0 && readdirSync(documentsOf(asked.state)).length === 0)
    printer.complain([], NO_DOCUMENTS);
  await signals.serve(keeper);
  unregister();
  admin?.close();
  return EXIT.OK;
}

async function startKeeper(
  asked: UpArguments,
  adminPath: string,
  emit: (event: KeeperEvent) => void,
  printer: EventPrinter,
): Promise<Keeper | undefined> {
  try {
    return await Keeper.start(keeperOptions(asked, adminPath, emit));
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    printer.complain(error.issues.map(issueText), error.message);
    if (error.issues.length > 0) printer.complain([], `${error.message}; nothing is served`);
    return undefined;
  }
}

function openAdmin(path: string, keeper: Keeper): AdminServer | undefined {
  try {
    const server = new AdminServer(path, adminHandlers(keeper));
    keeper.state.forgive("admin socket");
    return server;
  } catch (error) {
    // A full disk may have no room for a socket; traffic is served nevertheless.
    keeper.state.note("admin socket", error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** Signals that come before the keeper stands are remembered: dying in between would leave its workers behind. */
function listenToSignals(): { serve(keeper: Keeper): Promise<void> } {
  const stop = Promise.withResolvers<void>();
  let running: Keeper | undefined;
  let count = 0;
  const onStop = (): void => {
    count++;
    stop.resolve();
    // Somebody who asks twice does not want to wait.
    if (count > 1) for (const worker of running?.fleet.workers ?? []) worker.kill();
  };
  process.on("SIGTERM", onStop);
  process.on("SIGINT", onStop);
  process.on("SIGHUP", () => void running?.reload(true).catch(() => {}));
  return {
    async serve(keeper) {
      running = keeper;
      await stop.promise;
      await keeper.stop();
    },
  };
}

function keeperOptions(asked: UpArguments, adminPath: string, emit: (event: KeeperEvent) => void): KeeperOptions {
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? (asked.workerUser ?? WORKER_USER_DEFAULT) : undefined;
  const workerUid = user?.uid ?? process.getuid?.() ?? 0;
  const mark = nodeMark(asked.state);
  const documents = documentsOf(asked.state);
  const source = asked.paths.length > 0 ? "files" : "applied";
  if (source === "applied") {
    requireSafe(asked.state);
    recoverDocuments(asked.state);
    mkdirSync(documents, { recursive: true, mode: 0o700 });
  }
  return {
    paths: source === "files" ? asked.paths : [documents],
    source,
    statePath: asked.state,
    node: asked.node,
    workers: asked.workers,
    version: version(),
    compileProgram: { bun: process.execPath, program: join(packageRoot, "src/keeper/config/compile-main.ts") },
    salt: machineSalt,
    launch: workerLauncher({
      bun: process.execPath,
      program: join(packageRoot, "src/proxy/worker.ts"),
      packageRoot,
      mark,
      forbidden: [asked.state],
      user,
    }),
    leftWorkers: () => findLeftWorkers(mark, workerUid),
    owners: kernelOwnerSources(),
    identity: {
      issueProgram: { bun: process.execPath, program: join(packageRoot, "src/keeper/ca/issue-main.ts") },
      foundProgram: { bun: process.execPath, program: join(packageRoot, "src/keeper/ca/found-main.ts") },
      lateProgram: { bun: process.execPath, program: join(packageRoot, "src/keeper/nodes/late-call-main.ts") },
      env: process.env,
    },
    listening,
    workerUid,
    adminPath,
    emit,
  };
}

function listening(): readonly TcpListener[] {
  try {
    return listListening().listeners;
  } catch {
    // Without sock_diag the worker refuses to start, and says so better.
    return [];
  }
}

/** What compiling reads of the machine: its users and its name. */
function machineSalt(): string {
  try {
    return `${hostname()}\0${readFileSync("/etc/passwd", "utf8")}`;
  } catch {
    return hostname();
  }
}
