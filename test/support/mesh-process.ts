import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AdminRequest, askNode } from "../../src/cli/admin-client.ts";
import { readSealed } from "../../src/keeper/state/sealed-json.ts";
import { parseRunFile } from "../../src/keeper/workers/run-file.ts";
import { startTimeOf } from "../../src/kernel/process-facts.ts";

const SELVEDGE = join(import.meta.dir, "../../bin/selvedge");

export type MeshEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** The first event, as far as tests use it. */
export interface Ready extends MeshEvent {
  readonly generation: number;
  readonly outbound: string;
  readonly metrics: string;
  readonly admin: string;
  readonly pid: number;
  readonly workers: readonly number[];
  readonly degraded?: string;
  readonly takenOver?: number;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `status` tells, as far as tests use it. */
export interface MeshStatus {
  readonly generation: number;
  readonly degraded: readonly string[];
  readonly refusal?: string;
  readonly stateTrouble: readonly { readonly what: string; readonly reason: string }[];
  readonly workers: readonly { readonly pid: number; readonly isReady: boolean; readonly sandbox: unknown }[];
  readonly draining: readonly { readonly pid: number }[];
  readonly workloads: readonly { readonly key: string; readonly strength: string; readonly isolation: string }[];
  readonly openDoors: readonly { readonly workload: string; readonly address: string; readonly reach: string }[];
  readonly endpointsDown: readonly { readonly endpoint: string; readonly state: string; readonly reason: string }[];
  readonly notices: readonly string[];
}

/** Runs a command of the CLI to its end, by `bin/selvedge` as an operator would. */
export async function runSelvedge(args: readonly string[], wrapper: readonly string[] = []): Promise<Finished> {
  const child = Bun.spawn([...wrapper, SELVEDGE, ...args], { stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

export interface MeshPlace {
  /** What `up` is started through: a namespace, a limit. */
  readonly wrapper?: readonly string[];
  /** Default: a `state` folder that is made by `up` itself. */
  readonly state?: string;
}

/**
 * A node as an operator starts it: `selvedge up -o json` in a process of its own, again and again on one state directory.
 * Disposing of it ends the keeper and every worker that any of its keepers started, and removes the folder.
 */
export class MeshProcess implements AsyncDisposable {
  readonly base = mkdtempSync(join(tmpdir(), "selvedge-mesh-"));
  readonly state: string;
  readonly file = join(this.base, "mesh.yaml");
  /** Of all keepers that were started here, oldest first. */
  readonly events: MeshEvent[] = [];
  /** Of the keeper that runs. */
  stderr = "";
  readonly #wrapper: readonly string[];
  /** Start times by pid: ends nobody else's process. */
  readonly #started = new Map<number, number>();
  #child: Bun.Subprocess<"ignore", "pipe", "pipe"> | undefined;
  #ready: Ready | undefined;
  #waiting: (() => void)[] = [];

  constructor(mesh: string, place: MeshPlace = {}) {
    this.state = place.state ?? join(this.base, "state");
    this.#wrapper = place.wrapper ?? [];
    this.write(mesh);
  }

  /** Starts a keeper on the file. Resolves when it serves; rejects with what it said where it ends instead. */
  async start(...args: readonly string[]): Promise<Ready> {
    return this.startAs("-f", this.file, ...args);
  }

  /** As `start`, without the file. */
  async startAs(...args: readonly string[]): Promise<Ready> {
    const from = this.events.length;
    this.launch(...args);
    const ready = (await this.event("ready", from)) as Ready;
    this.#ready = ready;
    return ready;
  }

  /** Starts a keeper and waits for nothing. */
  launch(...args: readonly string[]): void {
    this.stderr = "";
    const child = Bun.spawn([...this.#wrapper, SELVEDGE, "up", "--state", this.state, "-o", "json", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: "/",
      env: { ...process.env, XDG_RUNTIME_DIR: this.base },
    });
    this.#child = child;
    void this.#read(child, child.stdout, (line) => this.#heard(line));
    void this.#read(child, child.stderr, (line) => {
      this.stderr += `${line}\n`;
    });
  }

  get ready(): Ready {
    if (this.#ready === undefined) throw new Error("the mesh was not started");
    return this.#ready;
  }

  /** Pid of the keeper; also where it was started through a wrapper. */
  get pid(): number {
    return this.#ready?.pid ?? this.#child?.pid ?? 0;
  }

  get exited(): Promise<number> {
    return this.#child?.exited ?? Promise.resolve(0);
  }

  /** `host:port` to call services through. */
  get outboundPort(): number {
    return portOf(this.ready.outbound);
  }

  write(mesh: string): void {
    writeFileSync(this.file, mesh);
  }

  /** The first event of a kind since `from` events, waiting for it. Rejects where the keeper ends without it. */
  async event(kind: string, from = 0, accept: (event: MeshEvent) => boolean = () => true): Promise<MeshEvent> {
    const child = this.#child;
    while (true) {
      const found = this.events.slice(from).find((event) => event.event === kind && accept(event));
      if (found !== undefined) return found;
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`no ${kind}; up ended with ${child?.exitCode ?? child?.signalCode}: ${this.stderr}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
  }

  /** Runs a command of the CLI about this node. */
  cli(...args: readonly string[]): Promise<Finished> {
    return runSelvedge([...args, "--state", this.state]);
  }

  /** Asks the admin socket directly. */
  admin(request: AdminRequest, onItem?: (item: unknown) => void, signal?: AbortSignal): Promise<unknown> {
    return askNode(this.ready.admin, request, onItem, signal);
  }

  async status(): Promise<MeshStatus> {
    return (await this.admin({ op: "status" })) as MeshStatus;
  }

  /** Resolves when there is a worker and every one has its listeners. */
  async untilReady(): Promise<void> {
    for (;;) {
      const { workers } = await this.status();
      if (workers.length > 0 && workers.every((worker) => worker.isReady)) return;
      await Bun.sleep(2);
    }
  }

  async workers(): Promise<number[]> {
    return (await this.status()).workers.map((worker) => worker.pid);
  }

  /** What Prometheus would read. */
  async metrics(): Promise<Metrics> {
    const answer = await fetch(`http://${this.ready.metrics}/metrics`, { headers: { connection: "close" } });
    if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`);
    return new Metrics(await answer.text());
  }

  /** Calls a service from this process. */
  get(host: string, path = "/", init: RequestInit = {}): Promise<Response> {
    const headers = { ...(init.headers as Record<string, string> | undefined), host, connection: "close" };
    return fetch(`http://${this.ready.outbound}${path}`, { ...init, headers });
  }

  /** SIGKILL to the keeper; resolves when it is gone. Its workers serve on. */
  async killKeeper(): Promise<void> {
    process.kill(this.pid, "SIGKILL");
    await this.#child?.exited;
    this.#ready = undefined;
  }

  signal(name: "SIGTERM" | "SIGHUP"): void {
    process.kill(this.pid, name);
  }

  /** SIGTERM; resolves to the exit code. */
  async stop(): Promise<number> {
    if (this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return 0;
    this.signal("SIGTERM");
    const code = await this.#child.exited;
    this.#ready = undefined;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      process.kill(this.pid, "SIGKILL");
      await this.#child.exited;
    }
    for (const pid of this.leftWorkers()) process.kill(pid, "SIGKILL");
    rmSync(this.base, { recursive: true, force: true });
  }

  /** Workers of any keeper of this place that still run. */
  leftWorkers(): number[] {
    this.#noteRunFile();
    return [...this.#started].filter(([pid, time]) => startTimeOf(pid) === time).map(([pid]) => pid);
  }

  #heard(line: string): void {
    const event = JSON.parse(line) as MeshEvent;
    this.events.push(event);
    const pids = event.event === "worker_started" ? [Number(event["pid"])] : ((event["workers"] as number[]) ?? []);
    for (const pid of pids) this.#note(pid);
  }

  #note(pid: number, startTime = startTimeOf(pid)): void {
    if (startTime !== null && !this.#started.has(pid)) this.#started.set(pid, startTime);
  }

  // A keeper that was killed may not have told of its last worker; its state directory has.
  #noteRunFile(): void {
    const sealed = readSealed(join(this.state, "workers"));
    if (sealed.state !== "good") return;
    for (const { pid, startTime } of parseRunFile(sealed.value).workers) this.#note(pid, startTime);
  }

  async #read(
    child: Bun.Subprocess,
    stream: ReadableStream<Uint8Array>,
    onLine: (line: string) => void,
  ): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
      this.#wake();
    }
    await child.exited;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A scrape, to ask sums of. */
export class Metrics {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Sum of all samples of a series whose labels hold all of `labels`. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    let sum = 0;
    for (const line of this.text.split("\n")) {
      if (!line.startsWith(name) || (line[name.length] !== "{" && line[name.length] !== " ")) continue;
      if (wanted.every((part) => line.includes(part))) sum += Number(line.slice(line.lastIndexOf(" ") + 1));
    }
    return sum;
  }

  /** Number of samples, comments aside. */
  get series(): number {
    return this.text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
  }
}

/** The port behind the last colon. */
export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
