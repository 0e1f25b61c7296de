/**
 * What other callers feel of attacks over HTTP/2, and what these cost. A steady caller is measured while an attack runs and
 * while none does, in turns. An attack that goes on again and again is measured as that: its caller has used up what it may cancel. One
 * that only holds what it was given gets a worker of its own each time, or nothing would be held. Attackers open a few connections again and again, each cut off by the worker; they run on the
 * generators' core when nobody else wants it, so that what is felt comes from the worker alone.
 */
import { join } from "node:path";
import type { AttackOrder } from "../../test/support/http2-attacks/attacker-program.ts";
import { ATTACKS, type Attack } from "../../test/support/http2-attacks/attacks.ts";
import { cpuSecondsOf, pssBytesOf, treeOf } from "../lib/cpu.ts";
import type { Figure } from "../lib/gates.ts";
import { openLoop } from "../lib/open-loop.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { CORE_OF_OTHERS, GENERATOR_UID, type Program, start, stop } from "../lib/processes.ts";
import { goFirst, ORDINARY } from "../lib/real-time.ts";
import { ROOT } from "../lib/scratch.ts";
import { median, ratioOfPairs, showRatio, tooFewPairs } from "../lib/statistics.ts";
import { type SelvedgeSubject, startSelvedge } from "../lib/subjects.ts";
import { warmUp } from "../lib/warm-up.ts";

/** The other caller: small requests, open loop. */
const STEADY = { path: "/100", requestsPerSecond: 200, connections: 8 } as const;
const ATTACK = { connections: 4, connectionsPerSecond: 10 } as const;

/** One stretch of time. */
interface Stretch {
  readonly p99Us: number;
  readonly errors: number;
  readonly cpuShare: number;
  readonly pssMib: number;
}

/** Measures every attack, or the first `context.cases`. */
export async function attacks(context: PieceContext): Promise<PieceReport> {
  let first = { undo: (): void => undefined };
  const rows: string[][] = [["attack", "p99 µs without", "with", "ratio", "CPU %", "with", "MiB over calm", "errors"]];
  const raw: Record<string, unknown> = {};
  const pairs: [number[], number[]] = [[], []];
  let subject: SelvedgeSubject | undefined;
  let started = 0;
  try {
    for (const attack of ATTACKS.slice(0, context.cases)) {
      context.note(`attack: ${attack.name}`);
      const calm: Stretch[] = [];
      const under: Stretch[] = [];
      for (let round = 0; round < Math.max(2, Math.ceil(context.rounds / 4)); round++) {
        if (subject === undefined || attack.kind === "hold") {
          await subject?.stop();
          // What is started by who goes before others does so too.
          first.undo();
          const made = await startSelvedge(context.scratch, { label: `attacked-${started++}` });
          subject = made;
          await warmUp(context, [made]);
          // Not the keeper: it reaps children, and once waited in the kernel for ever for somebody who then never ran again.
          first = goFirst(treeOf(process.pid).filter((pid) => pid !== made.pid));
        }
        calm.push(await stretch(context, subject));
        under.push(await underAttack(context, subject, attack));
      }
      raw[attack.name] = { calm, under };
      rows.push(rowOf(attack.name, calm, under));
      pairs[0].push(...under.map((one) => one.p99Us));
      pairs[1].push(...calm.map((one) => one.p99Us));
    }
  } finally {
    await subject?.stop();
    first.undo();
  }
  const ratio = ratioOfPairs(...pairs);
  const figures: Figure[] = [
    { gate: "attackedP99", value: ratio.mean, text: showRatio(ratio), void: tooFewPairs(ratio) },
  ];
  return { rows, figures, raw };
}

async function stretch(context: PieceContext, subject: SelvedgeSubject): Promise<Stretch> {
  const before = cpuSecondsOf(subject.pid);
  const load = await openLoop(context.scratch, { ...STEADY, port: subject.httpPort, seconds: context.seconds });
  return {
    p99Us: load.p99Us,
    errors: load.errors,
    cpuShare: (cpuSecondsOf(subject.pid) - before) / context.seconds,
    pssMib: pssBytesOf(subject.pid) / 2 ** 20,
  };
}

async function underAttack(context: PieceContext, subject: SelvedgeSubject, attack: Attack): Promise<Stretch> {
  const attacker = startAttacker(attack, subject.httpPort);
  try {
    return await stretch(context, subject);
  } finally {
    await stop(attacker);
  }
}

function startAttacker(attack: Attack, port: number): Program {
  const order: AttackOrder = {
    attack: attack.name,
    hostname: "127.0.0.1",
    port,
    target: { authority: "orders.prod", path: "/100", largePath: "/1m" },
    ...ATTACK,
  };
  const program = join(ROOT, "test/support/http2-attacks/attacker-program.ts");
  const command = [...ORDINARY, process.execPath, "--config=/dev/null", program, JSON.stringify(order)];
  return start(command, { core: CORE_OF_OTHERS, uid: GENERATOR_UID, env: { HOME: "/nonexistent" } });
}

function rowOf(name: string, calm: readonly Stretch[], under: readonly Stretch[]): string[] {
  const of = (all: readonly Stretch[], pick: (one: Stretch) => number) => median(all.map(pick));
  const [p99, attacked] = [of(calm, (one) => one.p99Us), of(under, (one) => one.p99Us)];
  return [
    name,
    Math.round(p99).toString(),
    Math.round(attacked).toString(),
    (attacked / p99).toFixed(2),
    (of(calm, (one) => one.cpuShare) * 100).toFixed(0),
    (of(under, (one) => one.cpuShare) * 100).toFixed(0),
    (of(under, (one) => one.pssMib) - of(calm, (one) => one.pssMib)).toFixed(1),
    String(under.reduce((sum, one) => sum + one.errors, 0)),
  ];
}
