import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Origin, startCallers, startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";
import { ownBytesOf } from "../../support/own-bytes.ts";

const WEB = 61261;
const ORDERS = 61262;
const DEV = 61263;
const SAMPLE_PERCENT = 20;
const needs = { root: true, programs: ["setpriv", "promtool"] };

const site = { apiVersion: "selvedge/v1", kind: "Site", metadata: { name: "store" } };
const workload = (name: string, namespace: string, uid: number, more: object = {}) => ({
  apiVersion: "selvedge/v1",
  kind: "Workload",
  metadata: { name, namespace, labels: { app: name } },
  spec: { selectors: [[`unix:uid:${uid}`]], ...more },
});
const mesh = (port: number): string =>
  [
    { ...site, spec: { outbound: "127.0.0.1:0", metrics: "127.0.0.1:0", accessLogSamplePercent: SAMPLE_PERCENT } },
    workload("web", "prod", WEB),
    workload("intruder", "dev", DEV),
    workload("orders", "prod", ORDERS, { address: "127.0.0.1", ports: { http: port } }),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "orders", namespace: "prod" },
      spec: { selector: { app: "orders" }, ports: [{ port: 80, targetPort: "http" }] },
    },
    {
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: { name: "orders", namespace: "prod" },
      spec: {
        selector: { matchLabels: { app: "orders" } },
        rules: [{ from: [{ source: { principals: ["cluster.local/ns/prod/sa/web"] } }] }],
      },
    },
  ]
    .map((document) => `---\n${JSON.stringify(document)}\n`)
    .join("");

let orders: Origin;
let node: MeshProcess;
beforeAll(async () => {
  if (process.getuid?.() !== 0) return;
  orders = await startOrigin("orders", ORDERS);
  node = new MeshProcess(mesh(orders.port));
  await node.start();
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await orders?.[Symbol.asyncDispose]();
});

/** Sends `count` requests as `uid`; answers what the callers saw. */
async function load(uid: number, path: string, count: number) {
  const connections = 8;
  await using callers = await startCallers(
    { port: node.outboundPort, host: "orders.prod", connections, gapMs: 0, path },
    uid,
  );
  while ((await callers.report()).sent < count) await Bun.sleep(20);
  return await callers.stop();
}

const logLines = (): Record<string, unknown>[] =>
  readFileSync(join(node.state, "logs/access.ndjson"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("telemetry", () => {
  testWith(needs)(
    "adds up to what clients saw, by code, is valid, and keeps every failure and a share of the rest",
    async () => {
      const seen: Record<string, number> = {};
      const runs: readonly (readonly [uid: number, path: string, count: number])[] = [
        [WEB, "/ok", 2000],
        [WEB, "/status/500", 200],
        [WEB, "/status/404", 200],
        [DEV, "/ok", 200],
      ];
      for (const [uid, path, count] of runs) {
        const report = await load(uid, path, count);
        expect(report.failures).toEqual([]);
        for (const [status, n] of Object.entries(report.statuses)) seen[status] = (seen[status] ?? 0) + n;
      }
      const metrics = await node.metrics();
      for (const [code, n] of Object.entries(seen)) {
        const counted = metrics.sum("istio_requests_total", { reporter: "source", response_code: code });
        expect([code, counted]).toEqual([code, n]);
        const buckets = { reporter: "source", response_code: code };
        expect(metrics.sum("istio_request_duration_milliseconds_count", buckets)).toBe(n);
        expect(metrics.sum("istio_request_duration_milliseconds_bucket", { ...buckets, le: "+Inf" })).toBe(n);
      }
      expect(metrics.sum("selvedge_authorization_denied_total")).toBe(seen["403"] as number);
      expect(metrics.sum("selvedge_attestations_total", { result: "uid" })).toBeGreaterThanOrEqual(32);
      const check = Bun.spawn(["promtool", "check", "metrics"], {
        stdin: Buffer.from(metrics.text),
        stdout: "pipe",
        stderr: "pipe",
      });
      const said = (await check.stdout.text()) + (await check.stderr.text());
      // 1 is text that Prometheus cannot read, 3 a matter of taste: milliseconds are Istio's.
      const isLintOnly =
        said.trim() === 'istio_request_duration_milliseconds use base unit "seconds" instead of "milliseconds"';
      expect([await check.exited, isLintOnly]).toEqual([3, true]);
      await Bun.sleep(1200);
      const lines = logLines();
      const logged = (code: number): number => lines.filter((line) => line["response_code"] === code).length;
      for (const code of [500, 404, 403]) expect([code, logged(code)]).toEqual([code, seen[code] as number]);
      const total = seen["200"] as number;
      const share = SAMPLE_PERCENT / 100;
      // Five standard deviations: wrong once in two million runs.
      const margin = 5 * Math.sqrt(total * share * (1 - share));
      expect(Math.abs(logged(200) - total * share)).toBeLessThan(margin);
      for (const key of ["start_time", "method", "path", "dst_service", "duration", "src_workload"]) {
        expect(lines.every((line) => key in line)).toBe(true);
      }
      console.log(
        `counted ${JSON.stringify(seen)}; logged ${logged(200)} of ${total} successes at ${SAMPLE_PERCENT} %`,
      );
    },
  );

  testWith(needs)("tells latencies that callers measured too, in stat and edges", async () => {
    const report = await load(WEB, "/slow/20", 300);
    await Bun.sleep(1100);
    for (const command of ["stat", "edges"]) {
      const answer = JSON.parse((await node.cli(command, "--since", "10s", "-o", "json")).stdout) as {
        rows: Record<string, unknown>[];
      };
      expect(JSON.stringify(answer)).toContain("orders");
      const slowest = Math.max(...answer.rows.map((row) => Number(row["latencyP99Ms"])));
      // Histogram buckets are 9 % wide; the client measures a little more than the mesh sees.
      expect(slowest).toBeGreaterThan(18);
      expect(slowest).toBeLessThan(report.p99 * 1.2 + 10);
    }
  });

  testWith(needs)("shows every request to who taps, as it happens", async () => {
    const tapped: unknown[] = [];
    const stop = new AbortController();
    const tap = node.admin({ op: "tap", path: "/tapped*" }, (item) => tapped.push(item), stop.signal);
    while ((await node.metrics()).sum("selvedge_tap_active") !== 1) await Bun.sleep(5);
    const report = await load(WEB, "/tapped", 100);
    for (let wait = 0; tapped.length < report.sent && wait < 100; wait++) await Bun.sleep(20);
    stop.abort();
    await tap;
    expect(tapped).toHaveLength(report.sent);
    expect(tapped[0]).toMatchObject({ path: "/tapped", response_code: 200, src_workload: "prod/web" });
    while ((await node.metrics()).sum("selvedge_tap_active") !== 0) await Bun.sleep(5);
  });

  testWith(needs)(
    "grows neither in series nor in memory by hosts, paths and methods that callers make up",
    async () => {
      const [pid] = await node.workers();
      const ownBytes = (): number => ownBytesOf(pid ?? 0);
      const attack = async (from: number, count: number): Promise<void> => {
        const program = `
        const { connect } = require("node:net");
        let n = ${from};
        const one = () => new Promise((done) => {
          const socket = connect(${node.outboundPort}, "127.0.0.1", () => {
            let text = "";
            for (let i = 0; i < 50 && n < ${from + count}; i++, n++) {
              const host = n % 2 ? "orders.prod" : "h" + n + ".example";
              text += "M" + (n % 2 ? "ETHOD" + n : "") + " /p" + n + " HTTP/1.1\\r\\nhost: " + host + "\\r\\nuser-agent: u" + n + "\\r\\n\\r\\n";
            }
            socket.write(text);
            socket.end();
          });
          socket.on("data", () => {});
          socket.on("error", () => {});
          socket.on("close", done);
        });
        while (n < ${from + count}) await one();
        process.exit(0);`;
        const child = Bun.spawn(["setpriv", `--reuid=${WEB}`, "--clear-groups", process.execPath, "-e", program], {
          stdio: ["ignore", "ignore", "inherit"],
          cwd: "/",
        });
        expect(await child.exited).toBe(0);
      };
      // Tables that are bounded fill up first; what matters is whether anything grows beyond them.
      await attack(0, 6000);
      const before = { series: (await node.metrics()).series, ownBytes: ownBytes() };
      await attack(6000, 10_000);
      const after = { series: (await node.metrics()).series, ownBytes: ownBytes() };
      const grownMiB = (after.ownBytes - before.ownBytes) / 2 ** 20;
      console.log(
        `10,000 made-up names: ${before.series} series -> ${after.series}, worker ${grownMiB.toFixed(1)} MiB more`,
      );
      expect(after.series).toBe(before.series);
      expect(grownMiB).toBeLessThan(10);
    },
  );

  testWith(needs)("holds no secret of a request: only the path is written down", async () => {
    const canary = "CANARY8c2f";
    const headers = {
      authorization: `Bearer ${canary}-1`,
      cookie: `sid=${canary}-2`,
      "x-api-key": `${canary}-3`,
      [`x-${canary}`]: "4",
    };
    for (const path of ["/ok", "/status/500"]) {
      const flags = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
      const child = Bun.spawn(
        [
          "setpriv",
          `--reuid=${WEB}`,
          "--clear-groups",
          "curl",
          "-s",
          ...flags,
          "-H",
          "host: orders.prod",
          "-d",
          `${canary}-body`,
          `http://${node.ready.outbound}${path}?token=${canary}-query`,
        ],
        { stdout: "ignore", cwd: "/" },
      );
      await child.exited;
    }
    await Bun.sleep(1200);
    const ops = ["status", "stat", "edges", "logs", "records", "metrics", "conditions", "generation", "workers"];
    const answers = await Promise.all(
      ops.map(async (op) => {
        const items: unknown[] = [];
        items.push(await node.admin({ op }, (item) => items.push(item)));
        return [op, JSON.stringify(items)] as const;
      }),
    );
    const files = readdirSync(node.state, { recursive: true, encoding: "utf8" })
      .filter((name) => statSync(join(node.state, name)).isFile())
      .map((name) => [name, readFileSync(join(node.state, name), "latin1")] as const);
    const texts = [
      ...answers,
      ...files,
      ["events", JSON.stringify(node.events)],
      ["stderr", node.stderr],
      ["metrics page", (await node.metrics()).text],
    ] as const;
    for (const [name, text] of texts) {
      const found = text.match(new RegExp(`${canary}-?[a-z0-9]*`, "gi")) ?? [];
      expect([name, [...new Set(found)]]).toEqual([name, []]);
    }
  });
});
