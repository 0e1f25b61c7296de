/**
 * `npm run demo`: a small shop of real services and a mesh between them, on this machine, leaving nothing behind.
 * `npm run demo -- --for 15s` ends by itself: exit code 0 when everything it claims was seen, 1 otherwise.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDemoArguments } from "./demo/arguments.ts";
import { Observations } from "./demo/facts.ts";
import { meshCopy, wantedShare } from "./demo/mesh-copy.ts";
import { edgesOf, parseMetrics, requestsIn, type Series } from "./demo/metrics.ts";
import { makePlaces, makeSocketFolder, type Places } from "./demo/places.ts";
import { Mesh, type Ready, type ServiceProcess, startService, stopServices } from "./demo/programs.ts";
import { PlainView, TerminalView } from "./demo/view.ts";
import { descendantsOf, weigh } from "./demo/weigh.ts";
import type { ShopReport, ShopService } from "./service.ts";

const isRoot = process.getuid?.() === 0;

/** When the worker is killed: late enough for some batches to be counted first. */
const KILL_AFTER_MS = 5_000;
const KILL_AFTER_SHARE = 0.4;
const TICK_MS = isRoot || process.stdout.isTTY ? 500 : 1_000;

interface ShopPart {
  readonly service: ShopService;
  readonly workload: string;
  readonly uid: number;
}

/** Who is in the shop; uids as in mesh.yaml. */
function shop(runFolder: string): readonly ShopPart[] {
  const socket = (name: string) => ({ unix: join(runFolder, name, "http.sock") });
  return [
    { service: { name: "payments", ...socket("payments") }, workload: "prod/payments", uid: 61_103 },
    { service: { name: "orders", version: "v1", ...socket("orders-v1") }, workload: "prod/orders-v1", uid: 61_102 },
    { service: { name: "orders", version: "v2", ...socket("orders-v2") }, workload: "prod/orders-v2", uid: 61_102 },
    { service: { name: "web" }, workload: "prod/web", uid: 61_101 },
    { service: { name: "intruder" }, workload: "dev/intruder", uid: 61_104 },
  ];
}

class Demo {
  readonly seen = new Observations();
  readonly #places: Places;
  readonly #mesh: Mesh;
  readonly #services: ServiceProcess[] = [];
  readonly #view = process.stdout.isTTY ? new TerminalView() : new PlainView();
  readonly #startedAt = performance.now();
  #ready: Ready | undefined;
  #isAskingWhy = false;
  #stopping = false;
  #generation = 0;

  constructor() {
    this.#places = makePlaces(join(import.meta.dir, "../.."), isRoot);
    const text = readFileSync(join(import.meta.dir, "mesh.yaml"), "utf8");
    writeFileSync(this.#places.meshFile, meshCopy(text, { runFolder: this.#places.runFolder, isRoot }));
    this.#mesh = new Mesh(this.#places);
  }

  async start(): Promise<void> {
    this.#ready = await this.#mesh.ready;
    const { outbound } = this.#ready;
    // Those that serve come first, so that nobody calls into the void.
    const parts = shop(this.#places.runFolder);
    const listening = parts
      .filter(({ service }) => service.unix !== undefined)
      .map((part) => this.#startPart(part, outbound));
    await Promise.all(listening);
    for (const part of parts) if (part.service.unix === undefined) this.#startPart(part, outbound).catch(() => {});
    this.#view.open();
  }

  /** Resolves when the service listens. */
  #startPart({ service, workload, uid }: ShopPart, outbound: string): Promise<void> {
    if (service.unix !== undefined) makeSocketFolder(service.unix, isRoot ? uid : undefined);
    return new Promise((resolve, reject) => {
      const child = startService(this.#places, {
        service,
        workload,
        uid: isRoot ? uid : undefined,
        outbound,
        use: (report) => {
          if (report.type === "listening") resolve();
          else this.#take(report);
        },
        complain: (line) => {
          if (!this.#stopping) console.error(line);
        },
      });
      this.#services.push(child);
      void child.exited.then((code) => {
        if (this.#stopping) return;
        this.seen.errors++;
        this.seen.lastError = `${workload} ended with ${code}`;
        reject(new Error(this.seen.lastError));
      });
    });
  }

  #take(report: Exclude<ShopReport, { type: "listening" }>): void {
    if (this.#stopping) return;
    if (report.type === "batch") {
      this.seen.batch(report);
      return;
    }
    this.seen.refusal(report);
    if (report.id !== "" && this.seen.why === "" && !this.#isAskingWhy) void this.#askWhy(report.id);
  }

  async #askWhy(id: string): Promise<void> {
    this.#isAskingWhy = true;
    this.seen.why = (await this.#mesh.ask("why", id))?.trim() ?? "";
    this.#isAskingWhy = false;
  }

  async #scrape(): Promise<Series[]> {
    const response = await fetch(`http://${this.#ready?.metrics}/metrics`, { signal: AbortSignal.timeout(5_000) });
    return parseMetrics(await response.text());
  }

  async tick(): Promise<void> {
    const series = await this.#scrape().catch((): Series[] => []);
    const generation = series.find(({ name }) => name === "selvedge_config_generation")?.value;
    if (generation !== undefined && generation !== this.#generation) {
      // What the user saved counts from when it is served, not from when it was saved.
      this.#generation = generation;
      const share = wantedShare(readFileSync(this.#places.meshFile, "utf8"));
      if (share !== undefined) this.seen.expectShare(share);
    }
    this.#view.draw({
      isRoot,
      seconds: (performance.now() - this.#startedAt) / 1000,
      generation: generation ?? this.#ready?.generation ?? 0,
      edges: edgesOf(series),
      seen: this.seen,
      weight: weigh(descendantsOf(this.#mesh.pid)),
      tryNext: this.#tryNext(),
    });
  }

  #tryNext(): string[] {
    const state = `--state ${this.#places.stateFolder}`;
    const id = this.seen.lastRefusal?.id ?? "ID";
    return [
      `bin/selvedge stat ${state}`,
      `bin/selvedge edges ${state}`,
      `bin/selvedge why ${id} ${state}`,
      `bin/selvedge tap ${state}`,
      `edit a weight in ${this.#places.meshFile} and watch the split follow`,
    ];
  }

  /** Kills a worker and waits until requests are answered again. */
  async killWorker(): Promise<void> {
    const [pid] = await this.#mesh.workers();
    if (pid === undefined) return;
    const countBefore = requestsIn(await this.#scrape());
    this.seen.expectDeath();
    const killedAt = performance.now();
    process.kill(pid, "SIGKILL");
    const url = `http://${this.#ready?.outbound}/`;
    for (;;) {
      // Whoever answers, and be it with a refusal, has taken up its snapshot and serves. Not asked of orders: that would
      // take a place in its split.
      const isAnswered = await fetch(url, {
        headers: { Host: "payments.prod", Connection: "close" },
        signal: AbortSignal.timeout(1_000),
      }).then(
        () => true,
        () => false,
      );
      if (isAnswered || performance.now() - killedAt > 10_000) break;
      await Bun.sleep(2);
    }
    const backMs = performance.now() - killedAt;
    const countAfter = requestsIn(await this.#scrape().catch((): Series[] => []));
    this.seen.restart = { pid, backMs, countBefore, countAfter };
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#view.close();
    await stopServices(this.#services);
    await this.#mesh.stop();
    this.#places.remove();
  }

  /** What was claimed and seen, one line each; true when all of it holds. */
  judge(): boolean {
    const facts = this.seen.facts();
    for (const { holds, text } of facts) console.log(`${holds ? "ok    " : "FAILED"}  ${text}`);
    for (const line of this.seen.why.split("\n")) console.log(`        ${line}`);
    return facts.every(({ holds }) => holds);
  }
}

async function main(): Promise<number> {
  const args = parseDemoArguments(process.argv.slice(2));
  if (typeof args === "string") {
    console.error(args);
    return 2;
  }
  const { promise: interrupted, resolve: interrupt } = Promise.withResolvers<"interrupted">();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt("interrupted"));
  const demo = new Demo();
  const end = performance.now() + (args.forMs ?? Number.POSITIVE_INFINITY);
  const killAt = performance.now() + (args.forMs === undefined ? KILL_AFTER_MS : args.forMs * KILL_AFTER_SHARE);
  try {
    if ((await Promise.race([demo.start(), interrupted])) === "interrupted") return 130;
    let killing: Promise<void> | undefined;
    while (performance.now() < end) {
      if (killing === undefined && performance.now() > killAt) killing = demo.killWorker();
      await demo.tick();
      if ((await Promise.race([Bun.sleep(TICK_MS), interrupted])) === "interrupted")
        return args.forMs === undefined ? 0 : 130;
    }
    await killing;
    return demo.judge() ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await demo.stop();
  }
}

process.exit(await main());
