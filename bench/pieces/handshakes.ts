/** What a full mutual handshake between nodes costs, and what requests on tunnels that are open feel of many of them. */
import { calledWorker } from "../lib/called-worker.ts";
import { cpuSecondsOf, treeOf } from "../lib/cpu.ts";
import { openLoop } from "../lib/open-loop.ts";
import { type PairSubject, startSelvedgePair } from "../lib/pairs.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { goFirst, ORDINARY } from "../lib/real-time.ts";
import { median, ratioOfPairs, showRatio } from "../lib/statistics.ts";
import { visitors } from "../lib/visitors.ts";
import { closedLoop } from "../lib/wrk.ts";
import { PAIR_NODES } from "../mesh.ts";

/** So many handshakes per second are accepted from one address (`HANDSHAKES_PER_SECOND`). */
const PER_ADDRESS = 16;
/** Machines that reconnect as fast as they are let in; none is what the others are held against. */
const MACHINES = [0, 1, 4] as const;
/** For the cost of one: as many as take a second of CPU, from addresses enough that each stays within its burst. */
const COUNTED = 512;
const COUNTED_ADDRESSES = 16;
const COUNTED_PER_SECOND = 128;
const STEADY = { path: "/100", requestsPerSecond: 1_000, connections: 64 } as const;
/** As for two hops. */
const WARM_UP_SECONDS = 12;
/** Before its first handshake the program that makes them starts and has certificates made. */
const LEAD_SECONDS = 1;

interface Cost {
  readonly failed: number;
  /** CPU each, of the called node, of its worker alone, and of whoever dials. */
  readonly calledUs: number;
  readonly workerUs: number;
  readonly dialerUs: number;
}

interface Stretch {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly errors: number;
  readonly handshakesPerSecond: number;
  readonly failed: number;
}

/** The cost of one first, on an idle pair; then stretches with and without, in turns. */
export async function handshakes(context: PieceContext): Promise<PieceReport> {
  const pair = await startSelvedgePair(context.scratch);
  const stretches = new Map<number, Stretch[]>(MACHINES.map((machines) => [machines, []]));
  let first: { undo(): void } | undefined;
  try {
    context.note("warming up");
    await closedLoop({ port: pair.httpPort, path: "/100", connections: 64, seconds: WARM_UP_SECONDS });
    await costOfOne(pair);
    context.note(`handshakes: ${COUNTED} on an idle pair`);
    const cost = await costOfOne(pair);
    first = goFirst(treeOf(process.pid));
    for (let round = 0; round < context.rounds; round++) {
      context.note(`handshakes: beside ${STEADY.requestsPerSecond} requests/s, round ${round + 1}`);
      for (const machines of round % 2 === 0 ? MACHINES : MACHINES.toReversed())
        stretches.get(machines)?.push(await stretch(context, pair, machines));
    }
    return report(cost, stretches);
  } finally {
    await pair.stop();
    first?.undo();
  }
}

const addresses = (network: number, count: number) =>
  Array.from({ length: count }, (_, at) => `127.0.${network}.${at + 1}`);

async function costOfOne(pair: PairSubject): Promise<Cost> {
  const [node, worker] = [pair.alsoPid ?? pair.pid, calledWorker(pair)];
  const [nodeBefore, workerBefore] = [cpuSecondsOf(node), cpuSecondsOf(worker)];
  const { result, stop } = await visitors(pair, {
    mode: "churn",
    nodes: [PAIR_NODES[0]],
    addresses: addresses(2, COUNTED_ADDRESSES),
    connections: COUNTED,
    perSecond: COUNTED_PER_SECOND,
  });
  const us = (seconds: number) => (seconds * 1e6) / result.up;
  const calledUs = us(cpuSecondsOf(node) - nodeBefore);
  const workerUs = us(cpuSecondsOf(worker) - workerBefore);
  await stop();
  return { failed: result.failed, calledUs, workerUs, dialerUs: us(result.cpuSeconds) };
}

async function stretch(context: PieceContext, pair: PairSubject, machines: number): Promise<Stretch> {
  const seconds = context.seconds + LEAD_SECONDS;
  const perSecond = PER_ADDRESS * machines;
  const order = { mode: "churn", nodes: [PAIR_NODES[0]], addresses: addresses(1, machines), perSecond } as const;
  const connections = Math.round(perSecond * context.seconds);
  const [load, visited] = await Promise.all([
    openLoop(context.scratch, { ...STEADY, port: pair.httpPort, seconds }),
    machines === 0 ? undefined : visitors(pair, { ...order, connections }, ORDINARY),
  ]);
  await visited?.stop();
  const made = visited?.result ?? { up: 0, failed: 0, seconds: 1 };
  const { p50Us, p99Us, errors } = load;
  return { p50Us, p99Us, errors, handshakesPerSecond: made.up / made.seconds, failed: made.failed };
}

function report(cost: Cost, stretches: ReadonlyMap<number, readonly Stretch[]>): PieceReport {
  const whole = (value: number) => Math.round(value).toLocaleString("en");
  const calm = stretches.get(0) ?? [];
  const p99s = (all: readonly Stretch[]) => all.map((one) => one.p99Us);
  const beside = [...stretches].flatMap(([machines, all]) => {
    const of = (pick: (one: Stretch) => number) => median(all.map(pick));
    const title = machines === 0 ? "none beside" : `${of((one) => one.handshakesPerSecond).toFixed(0)}/s beside`;
    const ratio = machines === 0 ? "" : `, ${showRatio(ratioOfPairs(p99s(all), p99s(calm)))} x`;
    const sum = all.reduce((total, { errors, failed }) => total + errors + failed, 0);
    return [
      [`p50 µs of requests on open tunnels, ${title}`, whole(of((one) => one.p50Us))],
      [`p99 µs of requests on open tunnels, ${title}`, `${whole(of((one) => one.p99Us))}${ratio}`],
      ...(sum === 0 ? [] : [[`errors and failed handshakes, ${title}`, String(sum)]]),
    ];
  });
  return {
    rows: [
      ["full mutual handshakes", "value"],
      ["µs CPU each, the called node", whole(cost.calledUs)],
      ["of these its worker's", whole(cost.workerUs)],
      ["µs CPU each, whoever dials", whole(cost.dialerUs)],
      ["per second that a core of workers could take", whole(1e6 / cost.workerUs)],
      ["failed while these were counted", String(cost.failed)],
      ...beside,
    ],
    figures: [],
    raw: { cost, stretches: Object.fromEntries(stretches) },
  };
}
