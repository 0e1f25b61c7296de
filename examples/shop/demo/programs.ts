/** The processes of the demo: the mesh and the services. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ShopReport, ShopService } from "../service.ts";
import type { Places } from "./places.ts";

/** What `selvedge up -o json` says when it serves. */
export interface Ready {
  readonly event: "ready";
  readonly generation: number;
  readonly outbound: string;
  readonly metrics: string;
  readonly admin: string;
  readonly isolation?: string;
}

const bunFlags = ["--config=/dev/null", "--tsconfig-override=/dev/null", "--no-env-file", "--no-install"];

/** Variables that would lead the services around the mesh, or past it. */
const PROXY_VARIABLES = [
  "http_proxy",
  "HTTP_PROXY",
  "https_proxy",
  "HTTPS_PROXY",
  "no_proxy",
  "NO_PROXY",
  "all_proxy",
  "ALL_PROXY",
];

function cleanEnvironment(): Record<string, string> {
  const env: Record<string, string> = { BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" };
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !PROXY_VARIABLES.includes(name)) env[name] = value;
  return env;
}

/** Calls `use` for every line of a stream. */
export async function eachLine(stream: ReadableStream<Uint8Array>, use: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) use(line);
  }
}

/** The running mesh. */
export class Mesh {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #bin: string;
  readonly #places: Places;
  /** What it printed on stderr, the latest part. */
  stderr = "";
  readonly ready: Promise<Ready>;

  constructor(places: Places) {
    this.#places = places;
    this.#bin = join(places.packageRoot, "bin/selvedge");
    const command = [this.#bin, "up", "-f", places.meshFile, "--state", places.stateFolder, "-o", "json"];
    // In a session of its own: Ctrl-C in the terminal is for the demo, which then stops everything in order.
    this.#child = Bun.spawn(command, {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: cleanEnvironment(),
      detached: true,
    });
    void eachLine(this.#child.stderr, (line) => {
      this.stderr = `${this.stderr}${line}\n`.slice(-4_000);
    });
    this.ready = this.#untilReady();
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  #untilReady(): Promise<Ready> {
    return new Promise((resolve, reject) => {
      void eachLine(this.#child.stdout, (line) => {
        const event = JSON.parse(line) as { event: string };
        if (event.event === "ready") resolve(event as Ready);
      }).catch(reject);
      void this.#child.exited.then((code) => reject(new Error(`selvedge up ended with ${code}:\n${this.stderr}`)));
    });
  }

  /** Runs another command of the CLI against this mesh; answers what it printed, or `undefined` where it failed. */
  async ask(...args: string[]): Promise<string | undefined> {
    const child = Bun.spawn([this.#bin, ...args, "--state", this.#places.stateFolder], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      env: cleanEnvironment(),
      timeout: 10_000,
    });
    const text = await new Response(child.stdout).text();
    return (await child.exited) === 0 ? text : undefined;
  }

  /** Pids of its workers. */
  async workers(): Promise<number[]> {
    const status = await this.ask("status", "-o", "json");
    if (status === undefined) return [];
    const { workers } = JSON.parse(status) as { workers?: readonly { pid?: number }[] };
    return (workers ?? []).flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** Ends it, and whatever it started that outlived it. */
  async stop(graceMs = 12_000): Promise<void> {
    const workers = await this.workers().catch(() => []);
    const started = new Map(workers.map((pid) => [pid, startTimeOf(pid)]));
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    await this.#child.exited;
    clearTimeout(timer);
    for (const [pid, time] of started)
      if (time !== undefined && startTimeOf(pid) === time) process.kill(pid, "SIGKILL");
  }
}

/** When a process started, in ticks since the machine did: tells it from a later one with the same pid. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

export type ServiceProcess = Bun.Subprocess<"pipe", "pipe", "pipe">;

export interface ServiceStart {
  readonly service: ShopService;
  readonly workload: string;
  /** With root: its uid. Without: it is started through `selvedge run`. */
  readonly uid: number | undefined;
  readonly outbound: string;
  readonly use: (report: ShopReport) => void;
  readonly complain: (line: string) => void;
}

/** Starts one service of the shop. */
export function startService(places: Places, start: ServiceStart): ServiceProcess {
  const { service, workload, uid, outbound } = start;
  const program = [
    places.bun,
    ...bunFlags,
    join(places.packageRoot, "examples/shop/service.ts"),
    JSON.stringify(service),
  ];
  const run = [
    join(places.packageRoot, "bin/selvedge"),
    "run",
    "--workload",
    workload,
    "--state",
    places.stateFolder,
    "--",
  ];
  const asUid = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--no-new-privs"];
  const child = Bun.spawn(
    [...(uid === undefined ? run : ["sh", "-c", 'umask 007; exec "$@"', "sh", ...asUid]), ...program],
    {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      cwd: "/",
      env: { ...cleanEnvironment(), HOME: "/nonexistent", http_proxy: `http://${outbound}` },
      detached: true,
    },
  );
  void eachLine(child.stdout, (line) => start.use(JSON.parse(line) as ShopReport));
  void eachLine(child.stderr, (line) => start.complain(`${workload}: ${line}`));
  return child;
}

/** Ends services: their standard input does, then they; whoever does not is killed. */
export async function stopServices(services: readonly ServiceProcess[]): Promise<void> {
  for (const service of services) {
    service.stdin.end();
    service.kill("SIGTERM");
  }
  const timer = setTimeout(() => {
    for (const service of services) service.kill("SIGKILL");
  }, 3_000);
  await Promise.all(services.map((service) => service.exited));
  clearTimeout(timer);
}
