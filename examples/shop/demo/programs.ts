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

export const bunFlags = ["--config=/dev/null", "--tsconfig-override=/dev/null", "--no-env-file", "--no-install"];

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

/** Ours, without what would lead a program around the mesh, or past it. */
export function cleanEnvironment(): Record<string, string> {
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

/** Which node of the site a mesh is, and on which machine. */
export interface NodePlace {
  /** Where there are several. */
  readonly name?: string;
  readonly stateFolder: string;
  /** What its commands are started through. */
  readonly enter: readonly string[];
}

/** What became of a command. */
export interface Told {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The running mesh of one node. */
export class Mesh {
  readonly place: NodePlace;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #places: Places;
  /** What it printed on stderr, the latest part. */
  stderr = "";
  readonly ready: Promise<Ready>;

  constructor(places: Places, place: NodePlace) {
    this.#places = places;
    this.place = place;
    const node = place.name === undefined ? [] : ["--node", place.name];
    const up = ["up", "-f", places.meshFile, "--state", place.stateFolder, ...node, "-o", "json"];
    const command = [...place.enter, binOf(places), ...up];
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
    const { code, out } = await runCli(this.#places, this.place, args);
    return code === 0 ? out : undefined;
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

function binOf(places: Places): string {
  return join(places.packageRoot, "bin/selvedge");
}

/** Runs a command of the CLI to its end, on the node's machine and state directory, whether the node runs or not. */
export async function runCli(places: Places, place: NodePlace, args: readonly string[]): Promise<Told> {
  const child = Bun.spawn([...place.enter, binOf(places), ...args, "--state", place.stateFolder], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: cleanEnvironment(),
    timeout: 10_000,
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
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
  readonly place: NodePlace;
  readonly use: (report: ShopReport) => void;
  readonly complain: (line: string) => void;
}

/** Starts one service of the shop. */
export function startService(places: Places, start: ServiceStart): ServiceProcess {
  const { service, workload, uid, outbound, place } = start;
  const program = [
    places.bun,
    ...bunFlags,
    join(places.packageRoot, "examples/shop/service.ts"),
    JSON.stringify(service),
  ];
  const run = [binOf(places), "run", "--workload", workload, "--state", place.stateFolder, "--"];
  const asUid = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--no-new-privs"];
  const child = Bun.spawn(
    [...place.enter, ...(uid === undefined ? run : ["sh", "-c", 'umask 007; exec "$@"', "sh", ...asUid]), ...program],
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
