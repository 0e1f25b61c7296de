import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { programAs } from "../../support/as-user.ts";
import { startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";
import { until } from "../../support/until.ts";

const MiB = 2 ** 20;
const WEB = 61271;
const SERVICES = 10;
/** Long enough that one tick more or less is an eighth of a percent. */
const IDLE_MS = 8000;
/** Of a core, keeper and worker together. */
const IDLE_PERCENT_MAX = 0.3;
/** Of each process. Twice what one with nothing to do goes on using; one that has just started has 40 MiB. */
const CODE_BYTES_MAX = 16 * MiB;
const needs = { root: true, programs: ["setpriv"] };

const mesh = (port: number): string => {
  const services = Array.from(
    { length: SERVICES - 1 },
    (_, n) =>
      `  s${n}: { port: ${port}, allow: [web], versions: { v1: { port: ${port}, weight: 99 }, v2: { port: ${port}, weight: 1 } } }`,
  ).map((line) => line.replace(`port: ${port}, allow`, "allow"));
  return `mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { run: "unix:uid:${WEB}" }
${services.join("\n")}
`;
};

/** Proportional share of memory: what would be free if the process were not there, shared pages counted by their part. */
function pssBytes(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]) * 1024;
}

/** The part of it that is files: the runtime's own code, nearly all of it. */
function codeBytes(pid: number): number {
  return Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

/** Clock ticks of 10 ms that a process has run, threads that ended included: the sum over those there are would go down with them. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);

/** Percent of a core that each process takes while nothing happens. */
async function idleShares(pids: readonly number[]): Promise<number[]> {
  const before = pids.map(cpuTicks);
  const startedAtMs = performance.now();
  await Bun.sleep(IDLE_MS);
  const elapsedTicks = (performance.now() - startedAtMs) / 10;
  return pids.map((pid, at) => (100 * (cpuTicks(pid) - (before[at] ?? 0))) / elapsedTicks);
}

describe("a mesh of ten services", () => {
  testWith(needs)("takes no more memory and idle processor time than it may", async () => {
    await using orders = await startOrigin("orders");
    await using node = new MeshProcess(mesh(orders.port));
    const ready = await node.start();
    const pids = [ready.pid, ...ready.workers];
    const weigh = (): number => pids.reduce((sum, pid) => sum + pssBytes(pid), 0);
    // What only starting needed goes back when that is over.
    await until(() => pids.every((pid) => codeBytes(pid) < CODE_BYTES_MAX), "code to be given back", 8_000);
    const idleBytes = weigh();
    let shares = await idleShares(pids);
    // What else runs on the machine can only add to it: the quieter of two windows is nearer to the truth.
    if (sumOf(shares) > IDLE_PERCENT_MAX) shares = await idleShares(pids);
    const load = {
      hostname: "127.0.0.1",
      port: node.outboundPort,
      host: "s1.prod",
      path: "/",
      requestsPerSecond: 5000,
      connections: 1000,
      seconds: 5,
    };
    const child = Bun.spawn(programAs(WEB, join(import.meta.dir, "../../../bench/lib/open-loop-program.ts"), load), {
      stdout: "pipe",
      cwd: "/",
    });
    const report = await child.stdout.text();
    const loadedBytes = weigh();
    const perProcess = pids.map((pid) => (pssBytes(pid) / MiB).toFixed(1)).join(" + ");
    console.log(
      `idle ${(idleBytes / MiB).toFixed(1)} MiB, after 5,000/s on 1,000 connections ${(loadedBytes / MiB).toFixed(1)} MiB (keeper + worker ${perProcess}); ` +
        `idle processor: keeper ${shares[0]?.toFixed(3)} %, worker ${shares[1]?.toFixed(3)} % of a core; load: ${report.trim()}`,
    );
    expect(await child.exited).toBe(0);
    expect(
      (await node.metrics()).sum("istio_requests_total", { reporter: "source", response_code: "200" }),
    ).toBeGreaterThan(1000);
    expect(idleBytes / MiB).toBeLessThanOrEqual(48);
    expect(loadedBytes / MiB).toBeLessThanOrEqual(96);
    expect(sumOf(shares)).toBeLessThanOrEqual(IDLE_PERCENT_MAX);
  });
});
