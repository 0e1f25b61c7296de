/** Two workers on each of two nodes: every one has a tunnel of its own, and bans, new certificates and deaths concern them all. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { BanReport } from "../../../src/keeper/nodes/live-nodes.ts";
import type { MeshProcess } from "../../support/mesh-process.ts";
import type { RawPeer } from "../../support/raw-peer.ts";
import { connected, SiteOfNodes } from "../../support/site-of-nodes.ts";
import { echoed, openTcp, SteadyCallers } from "../../support/steady-load.ts";
import { SteadyServices } from "../../support/steady-services.ts";
import { doc } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";

const OWN_UID = process.getuid?.() ?? 0;
const WORKERS = ["--workers", "2"] as const;
const BAN_MAX_MS = 1_000;

/** Established connections of a process that have one end at an address, as /proc names them: `7F000002`, little end first, and a port. */
function connectionsAt(pid: number, end: "local" | "remote", number: number, port: number): number {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      inodes.add(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? "");
    } catch {
      // Closed between the two looks.
    }
  }
  const address = `0${number}00007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync(`/proc/${pid}/net/tcp`, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/ +/));
  return lines.filter(
    (fields) => fields[end === "local" ? 1 : 2] === address && fields[3] === "01" && inodes.has(fields[9] ?? ""),
  ).length;
}

async function untilEachDials(mesh: MeshProcess, number: number, port: number): Promise<void> {
  const pids = await mesh.workers();
  expect(pids).toHaveLength(2);
  await until(
    () => pids.every((pid) => connectionsAt(pid, "remote", number, port) === 1),
    "a tunnel of each worker",
    8_000,
  );
}

async function ban(mesh: MeshProcess, verb: "ban" | "unban"): Promise<BanReport> {
  const { code, stdout, stderr } = await mesh.cli(
    "node",
    verb,
    "till-2",
    ...(verb === "ban" ? ["--reason", "it was stolen"] : []),
    "-o",
    "json",
  );
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as BanReport;
}

test("each of two workers dials, rotates, is cut by a ban and let in again, and the death of one costs only what it carried", async () => {
  await using services = await SteadyServices.start();
  await using site = new SiteOfNodes("test.example");
  const web = doc("selvedge/v1", "Workload", "web", { node: "till-1", selectors: [[`unix:uid:${OWN_UID}`]] });
  const allow = doc("security.istio.io/v1", "AuthorizationPolicy", "all", { action: "ALLOW", rules: [{}] });
  const documents = [web, allow, ...services.documents("till-2")];
  const more = documents.map((one) => `---\n${JSON.stringify(one)}\n`).join("");
  for (const number of [1, 2]) site.node(number).write(site.documents(number, more));
  const first = await site.start(1, "", ...WORKERS);
  const second = site.node(2);
  const joined = await site.join(second, await site.invite(2));
  expect([joined.code, joined.stderr]).toEqual([0, ""]);
  await site.start(2, "", ...WORKERS);
  await Promise.all([connected(first, "till-2"), connected(second, "till-1")]);
  await untilEachDials(first, 2, site.port);
  await untilEachDials(second, 1, site.port);

  const callers = new SteadyCallers(first.outboundPort, { keepAlive: 12, long: 2, chats: 2 });
  await until(() => callers.done.keepAlive > 200, "calls", 8_000);
  for (const mesh of [first, second, first]) expect((await mesh.cli("identity", "rotate", "--svids")).code).toBe(0);
  await until(() => callers.done.long > 4 && callers.done.chats > 4, "long calls", 10_000);
  expect(Object.fromEntries(callers.failures)).toEqual({});

  const streams: RawPeer[] = [];
  for (let at = 0; at < 12; at++) streams.push(await openTcp(first.outboundPort));
  const before = performance.now();
  const banned = ban(first, "ban");
  await Promise.all(streams.map((stream) => stream.closed()));
  const cutMs = performance.now() - before;
  expect((await banned).isInForce).toBe(true);
  expect(cutMs).toBeLessThan(BAN_MAX_MS);
  const goodAtBan = callers.done.keepAlive;
  await until(() => callers.failed > 50, "calls to be refused", 8_000);
  expect(callers.done.keepAlive - goodAtBan).toBeLessThanOrEqual(12);
  const lifted = performance.now();
  await ban(first, "unban");
  await until(() => callers.done.keepAlive > goodAtBan + 200, "calls again", 10_000);
  const backMs = performance.now() - lifted;
  await callers.stop();
  await untilEachDials(first, 2, site.port);

  const died = new SteadyCallers(first.outboundPort, { keepAlive: 12 });
  const carried = (pid: number) => connectionsAt(pid, "local", 2, site.port);
  const [victim = 0] = (await second.workers()).sort((a, b) => carried(b) - carried(a));
  const stream = await openTcp(first.outboundPort);
  await until(() => died.done.keepAlive > 100, "calls");
  process.kill(victim, "SIGKILL");
  const goodAtDeath = died.done.keepAlive;
  await until(() => died.done.keepAlive > goodAtDeath + 500, "calls after a worker's death", 10_000);
  await died.stop();
  const words = [...died.failures.keys()].filter((what) => !/^keepAlive: (503 U[CFH]|lost)$/.test(what));
  expect(words).toEqual([]);
  expect(died.failed).toBeLessThanOrEqual(100);
  if (!stream.isClosed) expect(await echoed(stream, "carried by the other one")).toBe("");
  stream.destroy();
  await second.untilReady();
  await untilEachDials(first, 2, site.port);
  console.log(
    `two workers on both nodes: streams of both cut ${Math.round(cutMs)} ms after the ban was typed, calls back ${Math.round(backMs)} ms after the unban; a killed worker cost ${JSON.stringify(Object.fromEntries(died.failures))} of ${died.done.keepAlive}`,
  );
}, 60_000);
