/**
 * Every attack of the pack against a worker, while somebody else calls through it: the attack is cut off, the worker neither
 * grows nor lets the other wait. How much the other feels of it is measured by `npm run bench -- attacks`.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { programAs } from "../support/as-user.ts";
import type { AttackOrder, AttackReport } from "../support/http2-attacks/attacker-program.ts";
import { ATTACKS, type Attack } from "../support/http2-attacks/attacks.ts";
import { type LineProcess, startLines } from "../support/line-process.ts";
import { ownBytesOf } from "../support/own-bytes.ts";
import { ask, getText } from "../support/raw-http.ts";
import { connectRaw } from "../support/raw-peer.ts";
import { backendDocs, meshText } from "../support/test-mesh.ts";
import { until } from "../support/until.ts";
import { startWorker, type WorkerHarness } from "../support/worker-harness.ts";

/** How long each attack goes on. */
const ATTACK_MS = 800;
const CONNECTIONS = 4;
/** What a worker may grow by in a flood. Reason: a heap that is not full yet. */
const FLOOD_GROWTH_BYTES_MAX = 48 * 1024 * 1024;
/** The same where answers are asked for and not read. Reason: each of 400 streams may hold its queue and one piece of content. */
const HOLD_GROWTH_BYTES_MAX = 400 * 256 * 1024;
/** An answer to the other caller takes no longer. Reason: nothing that an attacker does may look like an outage. */
const ANSWER_MS_MAX = 1000;

const program = (name: string, argument: unknown = {}) =>
  startLines(programAs(undefined, join(import.meta.dir, "../support/http2-attacks", `${name}-program.ts`), argument));

let attacked: LineProcess;
let attackedPort: number;
let other: LineProcess;
let mesh: string;
let worker: WorkerHarness;
/** Of those attacks that go on: what one caller may cancel is used up by them. */
let floodedWorker: WorkerHarness;

beforeAll(async () => {
  [attacked, other] = [program("origin"), program("origin")];
  attackedPort = Number(await attacked.line());
  mesh = meshText({
    documents: [...backendDocs("shop", attackedPort), ...backendDocs("till", Number(await other.line()))],
  });
  floodedWorker = await startWorker(mesh);
});
afterAll(async () => {
  await floodedWorker[Symbol.asyncDispose]();
  await attacked.end();
  await other.end();
});

const ownBytes = (): number => ownBytesOf(worker.pid);

/** Connections that the worker has open to the attacked service. */
function upstreamConnections(): number {
  const to = `:${attackedPort.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync(`/proc/${worker.pid}/net/tcp`, "utf8").split("\n");
  return lines.filter((line) => {
    const [, , remote = "", state] = line.trim().split(/\s+/);
    return remote.endsWith(to) && state === ESTABLISHED;
  }).length;
}

interface Felt {
  readonly slowestMs: number;
  readonly answers: number;
  readonly highestBytes: number;
}

/** Calls on a connection of its own, one after the other, for as long as the attack goes on. */
async function callMeanwhile(durationMs: number): Promise<Felt> {
  const peer = await connectRaw({ port: worker.outbound });
  const endsAt = performance.now() + durationMs;
  let slowestMs = 0;
  let answers = 0;
  let highestBytes = 0;
  while (performance.now() < endsAt) {
    const startedAt = performance.now();
    const answer = await ask(peer, getText("/", "till.prod"));
    expect(answer.status).toBe(200);
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    answers++;
    if (answers % 8 === 0) highestBytes = Math.max(highestBytes, ownBytes());
    await Bun.sleep(2);
  }
  peer.destroy();
  return { slowestMs, answers, highestBytes };
}

function startAttacker(attack: Attack): LineProcess {
  const order: AttackOrder = {
    attack: attack.name,
    hostname: "127.0.0.1",
    port: worker.outbound,
    target: { authority: "shop.prod", path: "/", largePath: "/large" },
    connections: CONNECTIONS,
    connectionsPerSecond: 50,
  };
  return program("attacker", order);
}

const ESTABLISHED = "01";

async function report(attacker: LineProcess): Promise<AttackReport> {
  attacker.say("report");
  return JSON.parse(await attacker.line()) as AttackReport;
}

describe("under attack", () => {
  for (const attack of ATTACKS) {
    test(`${attack.name}: another caller is served, memory stays`, async () => {
      await using ownWorker = attack.kind === "hold" ? await startWorker(mesh) : null;
      worker = ownWorker ?? floodedWorker;
      const before = ownBytes();
      const attacker = startAttacker(attack);
      try {
        await attacker.line();
        const felt = await callMeanwhile(ATTACK_MS);
        const { opened, endings } = await report(attacker);
        expect(felt.answers).toBeGreaterThan(10);
        expect(felt.slowestMs).toBeLessThan(ANSWER_MS_MAX);
        const mayGrowBytes = attack.kind === "flood" ? FLOOD_GROWTH_BYTES_MAX : HOLD_GROWTH_BYTES_MAX;
        expect(felt.highestBytes - before).toBeLessThan(mayGrowBytes);
        expect(opened).toBeGreaterThan(0);
        if (attack.kind === "flood") {
          // Those that are not ended yet were opened while the report was asked for.
          const ended = Object.values(endings).reduce((sum, count) => sum + count, 0);
          expect(ended).toBeGreaterThanOrEqual(Math.max(1, opened - CONNECTIONS));
          expect(Object.keys(endings)).not.toContain("NO_ERROR");
        }
      } finally {
        await attacker.end();
      }
    }, 15_000);
  }

  test("a caller that hangs up leaves no endpoint waiting for it", async () => {
    await using ownWorker = await startWorker(mesh);
    worker = ownWorker;
    const attacker = startAttacker(ATTACKS.find(({ name }) => name === "windows that never open") as Attack);
    try {
      await attacker.line();
      await until(() => upstreamConnections() > 300, "the attack");
    } finally {
      await attacker.end();
    }
    await until(() => upstreamConnections() < 300, "the worker to let go");
  }, 15_000);
});
