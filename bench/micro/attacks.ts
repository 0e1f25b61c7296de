/**
 * What attacks over HTTP/2 cost a worker by itself, where p99 of others would be noise: CPU time, and the longest turn of its loop,
 * which is what everybody else waits. `bun bench/micro/attacks.ts [seconds] [part of a name] [connections] [new
 * connections a second]`
 */
import { join } from "node:path";
import { programAs } from "../../test/support/as-user.ts";
import type { AttackedReport } from "../../test/support/http2-attacks/attacked-program.ts";
import type { AttackOrder, AttackReport } from "../../test/support/http2-attacks/attacker-program.ts";
import { ATTACKS, type Attack } from "../../test/support/http2-attacks/attacks.ts";
import { type LineProcess, startLines } from "../../test/support/line-process.ts";

const FOLDER = join(import.meta.dir, "../../test/support/http2-attacks");

const program = (name: string, argument: unknown = {}) =>
  startLines(programAs(undefined, join(FOLDER, `${name}-program.ts`), argument));

async function ask<T>(child: LineProcess): Promise<T> {
  child.say("report");
  return JSON.parse(await child.line()) as T;
}

async function attacked(attacked: LineProcess, port: number, attack: Attack, seconds: number): Promise<string[]> {
  const order: AttackOrder = {
    attack: attack.name,
    hostname: "127.0.0.1",
    port,
    target: { authority: "orders.prod", path: "/", largePath: "/large" },
    connections,
    connectionsPerSecond,
  };
  const attacker = program("attacker", order);
  try {
    await attacker.line();
    await ask<AttackedReport>(attacked);
    await Bun.sleep(seconds * 1000);
    const cost = await ask<AttackedReport>(attacked);
    const { opened, sentBytes, endings, longestMs } = await ask<AttackReport>(attacker);
    return [
      attack.name,
      String(opened),
      (sentBytes / 1024).toFixed(0),
      ((cost.cpuMs / (seconds * 1000)) * 100).toFixed(0),
      (cost.cpuMs / opened).toFixed(1),
      cost.turnCpuMs.toFixed(1),
      cost.stallMs.toFixed(1),
      (cost.longTurnsCpuMs / seconds).toFixed(0),
      cost.rssMib.toFixed(0),
      `${Object.entries(endings).map(([name, count]) => `${name} ${count}`)} ${longestMs}ms`,
    ];
  } finally {
    await attacker.end();
    // What is left of it is not the next one's.
    await Bun.sleep(300);
  }
}

const seconds = Number(process.argv[2] ?? 2);
const wanted = process.argv[3] ?? "";
const connections = Number(process.argv[4] ?? 4);
const connectionsPerSecond = Number(process.argv[5] ?? 10);
const origin = program("origin");
const worker = program("attacked", Number(await origin.line()));
const port = Number(await worker.line());
const show = (cells: readonly string[]) =>
  console.log(cells.map((cell, i) => (i ? cell.padStart(9) : cell.padEnd(40))).join(" "));
show(["attack", "conns", "KiB sent", "CPU %", "ms/conn", "turn ms", "stall ms", "long ms/s", "RSS MiB", "ends"]);
try {
  // Code that is not compiled yet would be blamed on the first one.
  for (const attack of ATTACKS) if (attack.name.includes("begun")) await attacked(worker, port, attack, 1);
  for (const attack of ATTACKS) {
    if (!attack.name.includes(wanted)) continue;
    show(await attacked(worker, port, attack, seconds));
  }
} finally {
  await worker.end();
  await origin.end();
}
