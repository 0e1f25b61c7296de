/** The mesh of the demo: one node on this machine, or one on each of two machines, invited and joined as an operator would. */
import { Inside } from "./inside.ts";
import { Machines } from "./machines.ts";
import { parseMetrics, type Series } from "./metrics.ts";
import type { Places } from "./places.ts";
import { Mesh, type NodePlace, type Ready, runCli, type Told } from "./programs.ts";

/** Longest wait for a worker that was killed to be replaced. */
const RESTART_TIMEOUT_MS = 10_000;

/** Longest wait for two nodes that serve to have met. */
const MEETING_TIMEOUT_MS = 10_000;

/** A node that serves, and somebody on its machine to ask. */
export interface DemoNode {
  readonly mesh: Mesh;
  readonly inside: Inside;
  readonly ready: Ready;
}

/** The running nodes, the first one with the site's root. Stop it. */
export class Site {
  readonly nodes: DemoNode[] = [];
  /** How it came to be, as commands and what they answered; empty where there is one node. */
  readonly story: string[] = [];
  readonly #places: Places;
  #machines: Machines | undefined;
  #meshes: Mesh[] = [];
  #insides: Inside[] = [];

  constructor(places: Places) {
    this.#places = places;
  }

  /** One node. */
  async startOne(): Promise<void> {
    await this.#up({ stateFolder: this.#places.stateFolder(""), enter: [] });
  }

  /** A node on each of two machines. Rejects with what was refused. */
  async startTwo(): Promise<void> {
    this.#machines = await Machines.make(["till-1", "till-2"]);
    const place = (name: string): NodePlace => ({
      name,
      stateFolder: this.#places.stateFolder(name),
      enter: (this.#machines as Machines).machine(name).enter,
    });
    const [first, second] = [place("till-1"), place("till-2")];
    await this.#up(first);
    const invited = await this.#run(first, ["node", "invite", "till-2"]);
    const token = invited.out.trim();
    this.story.push(
      `till-1  selvedge node invite till-2  ->  ${token.slice(0, 24)}... (${token.length} letters, good for one joining)`,
    );
    const joined = await this.#run(second, ["node", "join", token]);
    const said = joined.out.trim().split("\n")[0] ?? "";
    this.story.push(`till-2  selvedge node join TOKEN     ->  ${said === "" ? "joined" : said}`);
    await this.#up(second);
    for (const { mesh } of this.nodes) await untilConnected(mesh);
    this.story.push("till-1 and till-2 are connected both ways: mutual TLS 1.3, HTTP/2");
  }

  async #up(place: NodePlace): Promise<void> {
    const mesh = new Mesh(this.#places, place);
    this.#meshes.push(mesh);
    const inside = new Inside(this.#places, place.enter);
    this.#insides.push(inside);
    this.nodes.push({ mesh, inside, ready: await mesh.ready });
    if (place.name !== undefined) this.story.push(`${place.name}  selvedge up -f mesh.yaml --node ${place.name}`);
  }

  async #run(place: NodePlace, args: readonly string[]): Promise<Told> {
    const told = await runCli(this.#places, place, args);
    if (told.code !== 0) throw new Error(`selvedge ${args.slice(0, 2).join(" ")} failed: ${told.err.trim()}`);
    return told;
  }

  /** The node by its name; the only one where there is one. */
  node(name: string): DemoNode {
    const found = this.nodes.find(({ mesh }) => mesh.place.name === name) ?? this.nodes[0];
    if (found === undefined) throw new Error("no node serves");
    return found;
  }

  /** What a command is started through to see a machine from within; empty where there is one node. */
  enter(name: string): readonly string[] {
    return this.node(name).mesh.place.enter;
  }

  /** What Prometheus would read, of all nodes. */
  async scrape(): Promise<Series[]> {
    const texts = await Promise.all(
      this.nodes.map(({ inside, ready }) => inside.read(`http://${ready.metrics}/metrics`)),
    );
    return texts.flatMap(parseMetrics);
  }

  /** What a command answers on the first node that knows an answer; `undefined` where none does. */
  async ask(...args: string[]): Promise<string | undefined> {
    for (const { mesh } of this.nodes) {
      const answer = await mesh.ask(...args);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  /**
   * Kills the worker of the first node. Answers its pid and how long it took until requests were answered again; `undefined`
   * where there was none.
   */
  async killWorker(): Promise<{ readonly pid: number; readonly backMs: number } | undefined> {
    const { mesh, inside, ready } = this.node("till-1");
    const [pid] = await mesh.workers();
    if (pid === undefined) return undefined;
    process.kill(pid, "SIGKILL");
    // Whoever answers, and be it with a refusal, has taken up its snapshot and serves. Not asked of orders: that would take a
    // place in its split.
    const backMs = await inside.untilAnswered(`http://${ready.outbound}/`, "payments.prod", RESTART_TIMEOUT_MS);
    return { pid, backMs };
  }

  /** Keepers of all nodes. */
  get pids(): number[] {
    return this.#meshes.map(({ pid }) => pid);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#meshes.map((mesh) => mesh.stop()));
    await Promise.all(this.#insides.map((inside) => inside.stop()));
    await this.#machines?.[Symbol.asyncDispose]();
  }
}

/** Resolves when the node has a tunnel to every other one. Rejects where that does not come about. */
async function untilConnected(mesh: Mesh): Promise<void> {
  const endsAtMs = performance.now() + MEETING_TIMEOUT_MS;
  for (;;) {
    const rows = JSON.parse((await mesh.ask("node", "ls", "-o", "json")) ?? "[]") as readonly { state: string }[];
    if (rows.length > 0 && rows.every(({ state }) => state === "this" || state === "connected")) return;
    if (performance.now() > endsAtMs) throw new Error(`the nodes do not find each other: ${JSON.stringify(rows)}`);
  }
}
