/**
 * Opens connections to a node's tunnel. Argument: JSON of `VisitOrder`. `hold`: opens them, prints what came of it, and keeps them
 * until its stdin ends. `churn`: opens and closes one after the other at a fixed rate for a time, then prints. Prints `VisitResult`.
 */
import { type Visit, visit } from "./tunnel-visitor.ts";
import { visitorIdentities } from "./visitor-identities.ts";

export interface VisitOrder {
  readonly mode: "hold" | "churn";
  /** State directory with the site's root. */
  readonly state: string;
  readonly target: { readonly hostname: string; readonly port: number; readonly node: string };
  /** Names of the nodes it calls itself, in turns. */
  readonly nodes: readonly string[];
  /** Addresses of this machine that it comes from, in turns. */
  readonly addresses: readonly string[];
  readonly connections: number;
  readonly perSecond: number;
}

export interface VisitResult {
  /** Connections that came up, and that did not. */
  readonly up: number;
  readonly failed: number;
  readonly seconds: number;
  /** CPU of this program meanwhile, all threads. */
  readonly cpuSeconds: number;
}

async function run(order: VisitOrder): Promise<readonly Visit[]> {
  const ids = await visitorIdentities(order.state, order.nodes);
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  const visits: Promise<Visit | undefined>[] = [];
  for (let at = 0; at < order.connections; at++) {
    const dueMs = startMs + (at * 1000) / order.perSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await Bun.sleep(waitMs);
    const own = ids.nodes[at % ids.nodes.length];
    const localAddress = order.addresses[at % order.addresses.length];
    if (own === undefined || localAddress === undefined) throw new Error("nobody to call as, or nowhere to call from");
    const one = visit(ids, own, { ...order.target, localAddress });
    visits.push(order.mode === "hold" ? one : one.then(closed));
  }
  const done = (await Promise.all(visits)).filter((one) => one !== undefined);
  const { user, system } = process.cpuUsage(cpu);
  const result: VisitResult = {
    up: done.length,
    failed: visits.length - done.length,
    seconds: (performance.now() - startMs) / 1000,
    cpuSeconds: (user + system) / 1e6,
  };
  console.log(JSON.stringify(result));
  return done;
}

function closed(one: Visit | undefined): Visit | undefined {
  one?.close();
  return one;
}

const order = JSON.parse(process.argv[2] as string) as VisitOrder;
const held = await run(order);
if (order.mode === "hold") for await (const _ of Bun.stdin.stream()) if (held.length === 0) break;
process.exit(0);
