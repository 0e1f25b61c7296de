/**
 * The demo's shop on two machines, for tests: web and orders v1 on till-1, orders v2, payments and the intruder on till-2, every
 * node started and joined by the CLI as an operator would.
 */

import { join } from "node:path";
import { type Callers, type Origin, startCallers, startOrigin } from "./mesh-load.ts";
import type { MeshLoad } from "./mesh-load-program.ts";
import { type Finished, type MeshEvent, MeshProcess, Metrics, portOf, runSelvedge } from "./mesh-process.ts";
import { Lab } from "./two-machines.ts";
import { Visitor } from "./visitor.ts";
import type { Answer, Errand } from "./visitor-program.ts";

/** Users of the services. `kiosk` is there only where a test adds it. */
export const UIDS = { web: 61_101, orders: 61_102, payments: 61_103, intruder: 61_104, kiosk: 61_106 } as const;

/** Calls orders as web does, on a third machine. */
export const KIOSK = `kiosk: { namespace: prod, node: till-3, run: "unix:uid:${UIDS.kiosk}", calls: [orders] }`;

/** Where the services listen, at 127.0.0.1 of their machine. */
const PORTS = { "orders-v1": 9001, "orders-v2": 9002, payments: 9003 } as const;

const TUNNEL_PORT = 15_008;

export interface ShopDocuments {
  /** Shares of orders v1 and v2. Default: 99 and 1. */
  readonly weights?: readonly [v1: number, v2: number];
  /** Who may call orders and payments. Default: web, and orders. */
  readonly allow?: { readonly orders?: readonly string[]; readonly payments?: readonly string[] };
  /** Whom web may call. Default: orders. */
  readonly webCalls?: readonly string[];
  /** Addresses of the nodes, where they are not those of their machines. */
  readonly addresses?: Readonly<Record<string, string>>;
  /** Further services, a line each. */
  readonly services?: readonly string[];
  /** Further documents, each beginning with `---`. */
  readonly more?: string;
  /** Longest time of an order. Default: 2s. */
  readonly timeout?: string;
}

/** The documents, in the short form. */
export function shopDocuments(addresses: Readonly<Record<string, string>>, shop: ShopDocuments = {}): string {
  const [v1, v2] = shop.weights ?? [99, 1];
  const list = (names: readonly string[]) => JSON.stringify(names);
  const nodes = Object.entries({ ...addresses, ...shop.addresses });
  return `mesh: shop
nodes: { ${nodes.map(([name, address]) => `${name}: "${address}:${TUNNEL_PORT}"`).join(", ")} }
services:
  web: { namespace: prod, node: till-1, run: "unix:uid:${UIDS.web}", calls: ${list(shop.webCalls ?? ["orders"])} }
  orders:
    namespace: prod
    run: "unix:uid:${UIDS.orders}"
    allow: ${list(shop.allow?.orders ?? ["web"])}
    calls: [payments]
    timeout: ${shop.timeout ?? "2s"}
    versions:
      v1: { node: till-1, port: ${PORTS["orders-v1"]}, weight: ${v1} }
      v2: { node: till-2, port: ${PORTS["orders-v2"]}, weight: ${v2} }
  payments:
    namespace: prod
    node: till-2
    run: "unix:uid:${UIDS.payments}"
    port: ${PORTS.payments}
    allow: ${list(shop.allow?.payments ?? ["orders"])}
  intruder: { namespace: dev, node: till-2, run: "unix:uid:${UIDS.intruder}" }
${(shop.services ?? []).map((line) => `  ${line}\n`).join("")}${shop.more ?? ""}`;
}

type Who = keyof typeof UIDS;

/** The running shop. Dispose of it. */
export class TwoNodeShop implements AsyncDisposable {
  readonly lab: Lab;
  readonly nodes = new Map<string, MeshProcess>();
  readonly origins = new Map<keyof typeof PORTS, Origin>();
  readonly #visitors = new Map<string, Promise<Visitor>>();
  readonly #documents: ShopDocuments;

  private constructor(lab: Lab, documents: ShopDocuments) {
    this.lab = lab;
    this.#documents = documents;
  }

  /**
   * Machines, nodes that know each other, and services that listen. `joined`: the nodes that are invited by till-1 and started, by
   * default all.
   */
  static async start(
    documents: ShopDocuments = {},
    {
      names = ["till-1", "till-2"],
      joined = names.slice(1),
    }: Partial<Record<"names" | "joined", readonly string[]>> = {},
  ): Promise<TwoNodeShop> {
    const shop = new TwoNodeShop(await Lab.make(names), documents);
    try {
      await shop.startNode("till-1");
      for (const name of joined) await shop.join(name);
      await Promise.all([...joined.map((name) => shop.startNode(name)), shop.#startOrigins()]);
      await shop.untilConnected(["till-1", ...joined]);
      return shop;
    } catch (error) {
      await shop[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Resolves when each of these nodes has a tunnel to each other one. */
  async untilConnected(names: readonly string[]): Promise<void> {
    const isUp = (other: string) => (event: MeshEvent) =>
      event["what"] === "connected" && event["node"] === other && event["detail"] === "dialer";
    await Promise.all(
      names.flatMap((name) =>
        names.filter((other) => other !== name).map((other) => this.node(name).event("node", 0, isUp(other))),
      ),
    );
  }

  /** The documents as all nodes have them, but for what is given here. */
  text(documents: ShopDocuments = {}): string {
    const addresses = Object.fromEntries(this.lab.machines.list.map(({ name, address }) => [name, address]));
    return shopDocuments(addresses, { ...this.#documents, ...documents });
  }

  /** A node's place, started or not. */
  node(name: string): MeshProcess {
    const found = this.nodes.get(name);
    if (found !== undefined) return found;
    const node = new MeshProcess(this.text(), { wrapper: this.lab.machine(name).enter });
    this.nodes.set(name, node);
    return node;
  }

  /** `selvedge up` on its machine. */
  async startNode(name: string): Promise<void> {
    await this.node(name).start("--node", name);
  }

  /**
   * `selvedge node invite` on till-1, `selvedge node join` on the machine of the new node. Rejects where either is refused.
   * Answers the token.
   */
  async join(name: string, ...inviteOptions: readonly string[]): Promise<string> {
    const invited = await this.node("till-1").cli("node", "invite", name, ...inviteOptions);
    if (invited.code !== 0) throw new Error(`invite: ${invited.stdout}${invited.stderr}`);
    const token = invited.stdout.trim();
    const joined = await this.tryJoin(token, name, this.node(name).state);
    if (joined.code !== 0) throw new Error(`join: ${joined.stdout}${joined.stderr}`);
    return token;
  }

  /** `selvedge node join` on a machine, into a fresh state directory by default. */
  async tryJoin(token: string, machine: string, state?: string): Promise<Finished> {
    const place = state ?? join(this.node(machine).base, `joining-${performance.now()}`);
    return runSelvedge(["node", "join", token, "--state", place], this.lab.machine(machine).enter);
  }

  /** As a box that burnt down: the node's processes and its state directory are gone. */
  async lose(name: string): Promise<void> {
    await this.nodes.get(name)?.[Symbol.asyncDispose]();
    this.nodes.delete(name);
  }

  /** Gives documents to some nodes, all of them by default; resolves when they serve them. */
  async apply(documents: ShopDocuments, names: readonly string[] = [...this.nodes.keys()]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const node = this.node(name);
        const from = node.events.length;
        node.write(this.text(documents));
        node.signal("SIGHUP");
        await Promise.race([node.event("config_applied", from), node.event("config_unchanged", from)]);
      }),
    );
  }

  async #startOrigins(): Promise<void> {
    const place = {
      "orders-v1": ["till-1", "orders"],
      "orders-v2": ["till-2", "orders"],
      payments: ["till-2", "payments"],
    };
    await Promise.all(
      (["orders-v1", "orders-v2", "payments"] as const).map(async (name) => {
        const [machine, user] = place[name] as [string, Who];
        const wrapper = this.lab.machine(machine).enter;
        this.origins.set(name, await startOrigin(name, UIDS[user], { port: PORTS[name], wrapper }));
      }),
    );
  }

  /** Calls a service as somebody on a machine: `who` through the outbound listener there. Rejects where no answer came. */
  async call(
    machine: string,
    who: Who,
    host: string,
    path = "/",
    errand: Omit<Errand, "id" | "url"> = {},
  ): Promise<Answer> {
    const visitor = await this.#visitor(machine, UIDS[who]);
    const headers = { ...errand.headers, host };
    return visitor.get(`http://${this.node(machine).ready.outbound}${path}`, { ...errand, headers });
  }

  /** Asks as `call` does, again and again, until the answer is accepted; answers how long that took, in ms. */
  async until(
    accept: (answer: Answer) => boolean,
    call: () => Promise<Answer>,
    timeoutMs: number,
    what: string,
  ): Promise<number> {
    const startMs = performance.now();
    for (let last = "no answer"; ; ) {
      const answer = await call().catch((error: Error) => error);
      const tookMs = performance.now() - startMs;
      if (answer instanceof Error) last = answer.message;
      else if (accept(answer)) return tookMs;
      else last = `${answer.status} ${answer.headers["x-selvedge-reason"] ?? ""} ${answer.body}`;
      if (tookMs > timeoutMs) throw new Error(`waited ${timeoutMs} ms for ${what}; last: ${last}`);
      await Bun.sleep(5);
    }
  }

  /** Callers of a service under load. Dispose of them. */
  load(machine: string, who: Who, load: Omit<MeshLoad, "port">): Promise<Callers> {
    const port = portOf(this.node(machine).ready.outbound);
    return startCallers({ ...load, port }, UIDS[who], this.lab.machine(machine).enter);
  }

  /** What Prometheus would read on a machine. */
  async metrics(machine: string): Promise<Metrics> {
    const visitor = await this.#visitor(machine);
    const answer = await visitor.get(`http://${this.node(machine).ready.metrics}/metrics`);
    if (answer.status !== 200) throw new Error(`/metrics answered ${answer.status}`);
    return new Metrics(answer.body);
  }

  #visitor(machine: string, uid?: number): Promise<Visitor> {
    const key = `${machine} ${uid}`;
    const visitor = this.#visitors.get(key) ?? Visitor.start(this.lab.machine(machine).enter, uid);
    this.#visitors.set(key, visitor);
    return visitor;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that cannot be ended must not keep the others.
    await using all = new AsyncDisposableStack();
    all.use(this.lab);
    for (const process of [...this.nodes.values(), ...this.origins.values()]) all.use(process);
    for (const visitor of await Promise.all(this.#visitors.values())) all.use(visitor);
  }
}
