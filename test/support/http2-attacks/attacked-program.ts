/**
 * A worker's data path in a process of its own, for measuring what it is made to do by one turn of the loop. Argument: port of a
 * service, `orders.prod`. Prints the port of the outbound listener; answers each line of input with `AttackedReport` of the time
 * since the line before.
 */
import { InProcessMesh } from "../in-process-mesh.ts";
import { backendDocs } from "../test-mesh.ts";

export interface AttackedReport {
  /** CPU time of the process. */
  readonly cpuMs: number;
  /** The longest time between two turns of a timer of a millisecond: by the clock, and of CPU. */
  readonly stallMs: number;
  readonly turnCpuMs: number;
  /** CPU in turns of more than 5 ms of it. */
  readonly longTurnsCpuMs: number;
  readonly rssMib: number;
}

/** Turns of more CPU count as long. */
const LONG_TURN_MS = 5;

const sum = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;
const cpuMs = (): number => sum(process.cpuUsage());
/** Of the loop alone, without those that compile and collect. */
const loopCpuMs = (): number => sum(process.threadCpuUsage());

const mesh = new InProcessMesh(8192);
const port = mesh.serve({ documents: backendDocs("orders", Number(JSON.parse(process.argv[2] ?? "0"))) });
let startCpuMs = cpuMs();
let [lastMs, lastCpuMs] = [performance.now(), loopCpuMs()];
let [stallMs, turnCpuMs, longTurnsCpuMs] = [0, 0, 0];
setInterval(() => {
  const [nowMs, nowCpuMs] = [performance.now(), loopCpuMs()];
  stallMs = Math.max(stallMs, nowMs - lastMs);
  const turn = nowCpuMs - lastCpuMs;
  turnCpuMs = Math.max(turnCpuMs, turn);
  if (turn > LONG_TURN_MS) longTurnsCpuMs += turn;
  [lastMs, lastCpuMs] = [nowMs, nowCpuMs];
}, 1);
console.log(port);
for await (const _ of console) {
  const endCpuMs = cpuMs();
  const rssMib = process.memoryUsage.rss() / 2 ** 20;
  const report: AttackedReport = { cpuMs: endCpuMs - startCpuMs, stallMs, turnCpuMs, longTurnsCpuMs, rssMib };
  [startCpuMs, stallMs, turnCpuMs, longTurnsCpuMs] = [endCpuMs, 0, 0, 0];
  console.log(JSON.stringify(report));
}
process.exit(0);
