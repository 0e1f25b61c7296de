/**
 * `npm run demo`: a small shop of real services and a mesh between them, on this machine, leaving nothing behind.
 * `npm run demo -- --for 15s` ends by itself: exit code 0 when everything it claims was seen, 1 otherwise.
 * `npm run demo -- --nodes 2` splits the shop across two machines, each a network namespace of this one; needs root.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDemoArguments } from "./demo/arguments.ts";
import { Observations } from "./demo/facts.ts";
import { meshCopy, wantedShare } from "./demo/mesh-copy.ts";
import { edgesOf, requestsIn } from "./demo/metrics.ts";
import { makePlaces, makeSocketFolder, type Places } from "./demo/places.ts";
import { type ServiceProcess, startService, stopServices } from "./demo/programs.ts";
import { type ShopPart, shopParts } from "./demo/shop-parts.ts";
import { Site } from "./demo/site.ts";
import { PlainView, TerminalView } from "./demo/view.ts";
import { descendantsOf, weigh } from "./demo/weigh.ts";
import type { ShopReport } from "./service.ts";

const isRoot = process.getuid?.() === 0;

/** When the worker is killed: late enough for some batches to be counted first. */
const KILL_AFTER_MS = 5_000;
const KILL_AFTER_SHARE = 0.4;
const TICK_MS = isRoot || process.stdout.isTTY ? 500 : 1_000;

class Demo {
  readonly seen = new Observations();
  readonly #places: Places;
  readonly #site: Site;
  readonly #services: ServiceProcess[] = [];
  readonly #view = process.stdout.isTTY ? new TerminalView() : new PlainView();
  readonly #startedAt = performance.now();
  readonly #nodes: 1 | 2;
  #isAskingWhy = false;
  #stopping = false;
  #generation = 0;

  constructor(nodes: 1 | 2) {
    this.#nodes = nodes;
    this.#places = makePlaces(join(import.meta.dir, "../.."), isRoot);
    const text = readFileSync(join(import.meta.dir, nodes === 1 ? "mesh.yaml" : "two-nodes.yaml"), "utf8");
    writeFileSync(this.#places.meshFile, meshCopy(text, { runFolder: this.#places.runFolder, isRoot }));
    this.#site = new Site(this.#places);
  }

  async start(): Promise<void> {
    await (this.#nodes === 1 ? this.#site.startOne() : this.#site.startTwo());
    // Those that serve come first, so that nobody calls into the void.
    const parts = shopParts(this.#places.runFolder);
    const listening = parts.filter(({ service }) => service.unix !== undefined).map((part) => this.#startPart(part));
    await Promise.all(listening);
    for (const part of parts) if (part.service.unix === undefined) this.#startPart(part).catch(() => {});
    this.#view.open();
  }

  /** Resolves when the service listens. */
  #startPart({ service, workload, uid, node }: ShopPart): Promise<void> {
    const { mesh, ready } = this.#site.node(node);
    if (service.unix !== undefined) makeSocketFolder(service.unix, isRoot ? uid : undefined);
    return new Promise((resolve, reject) => {
      const child = startService(this.#places, {
        service,
        workload,
        uid: isRoot ? uid : undefined,
        outbound: ready.outbound,
        place: mesh.place,
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
    this.seen.why = (await this.#site.ask("why", id))?.trim() ?? "";
    this.#isAskingWhy = false;
  }

  async tick(): Promise<void> {
    const series = await this.#site.scrape();
    const edges = edgesOf(series);
    if (this.#nodes === 2) this.seen.crossed = edges.reduce((sum, { crossed }) => sum + crossed, 0);
    const generation = series.find(({ name }) => name === "selvedge_config_generation")?.value;
    if (generation !== undefined && generation !== this.#generation) {
      // What the user saved counts from when it is served, not from when it was saved.
      this.#generation = generation;
      const share = wantedShare(readFileSync(this.#places.meshFile, "utf8"));
      if (share !== undefined) this.seen.expectShare(share);
    }
    this.#view.draw({
      isRoot,
      story: this.#site.story,
      seconds: (performance.now() - this.#startedAt) / 1000,
      generation: generation ?? this.#generation,
      edges,
      seen: this.seen,
      weight: weigh(this.#site.pids.flatMap(descendantsOf)),
      tryNext: this.#tryNext(),
    });
  }

  #tryNext(): string[] {
    const state = `--state ${this.#places.stateFolder(this.#nodes === 1 ? "" : "till-1")}`;
    const id = this.seen.lastRefusal?.id ?? "ID";
    const [first, ...others] = [
      `bin/selvedge stat ${state}`,
      `bin/selvedge edges ${state}`,
      `bin/selvedge why ${id} --state ${this.#places.stateFolder(this.#nodes === 1 ? "" : "till-2")}`,
      `bin/selvedge tap ${state}`,
      `edit a weight in ${this.#places.meshFile} and watch the split follow`,
    ];
    if (this.#nodes === 1) return [first as string, ...others];
    return [
      first as string,
      `bin/selvedge node ls ${state}`,
      `bin/selvedge node ban till-2 --reason "try it" ${state}`,
      `${this.#site.enter("till-2").join(" ")} tcpdump -A -i eth0     # listen in: nothing to read`,
      ...others.slice(1),
    ];
  }

  /** Kills a worker and waits until requests are answered again. */
  async killWorker(): Promise<void> {
    const countBefore = requestsIn(await this.#site.scrape());
    this.seen.expectDeath();
    const killed = await this.#site.killWorker();
    if (killed === undefined) return;
    this.seen.restart = { ...killed, countBefore, countAfter: requestsIn(await this.#site.scrape()) };
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#view.close();
    await stopServices(this.#services);
    await this.#site.stop();
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
  if (args.nodes === 2 && !isRoot) {
    console.error("--nodes 2 needs root: every machine of the demo is a network namespace of its own");
    return 1;
  }
  const { promise: interrupted, resolve: interrupt } = Promise.withResolvers<"interrupted">();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt("interrupted"));
  const demo = new Demo(args.nodes);
  try {
    if ((await Promise.race([demo.start(), interrupted])) === "interrupted") return 130;
    // From here: how long two nodes take to start and to join says nothing about what there is to see.
    const servesAt = performance.now();
    const end = servesAt + (args.forMs ?? Number.POSITIVE_INFINITY);
    const killAt = servesAt + (args.forMs === undefined ? KILL_AFTER_MS : args.forMs * KILL_AFTER_SHARE);
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
