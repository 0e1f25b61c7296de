import { expect, test } from "bun:test";
import { edgeLabels, freshRegion } from "../../test/support/stats-region.ts";
import { FLAG } from "../model/response-flags.ts";
import {
  COARSE_SLICES_MAX,
  FINE_SLICES_MAX,
  HISTORY_NUMBERS_MAX,
  History,
  TICK_MS,
  TICKS_PER_COARSE,
} from "./history.ts";
import { edgeRows, statRows } from "./report.ts";
import { StatsReader } from "./stats-reader.ts";
import { StatsWriter } from "./stats-writer.ts";

function mesh() {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes);
  const reader = new StatsReader(bytes);
  const history = new History(0);
  let now = 0;
  const tick = (times = 1): void => {
    for (let i = 0; i < times; i++) {
      reader.refresh();
      history.observe(reader);
      now += TICK_MS;
      history.tick(now);
    }
  };
  return { stats, reader, history, tick };
}

test("a window counts what happened within it and nothing older", () => {
  const { stats, history, tick } = mesh();
  const edge = stats.edge(edgeLabels("web", "orders"));
  for (let second = 0; second < 30; second++) {
    for (let i = 0; i <= second; i++) edge.request(200, 0, 1000, 0, 0);
    tick();
  }
  const [row] = statRows(history.window(10_000), "service");
  expect(row!.requests).toBe(30 + 29 + 28 + 27 + 26 + 25 + 24 + 23 + 22 + 21);
  expect(row!.rps).toBe(25.5);
});

test("a window over a minute joins coarse slices and the seconds since the last of them, each once", () => {
  const { stats, history, tick } = mesh();
  const edge = stats.edge(edgeLabels("web", "orders"));
  for (let second = 0; second < 205; second++) {
    edge.request(200, 0, 1000, 0, 0);
    tick();
  }
  const window = history.window(3_600_000);
  expect(window.coveredMs).toBe(205_000);
  expect(statRows(window, "service")[0]!.requests).toBe(205);
});

test("a history younger than the window says what it covers, and rates are over that", () => {
  const { stats, history, tick } = mesh();
  expect(history.window(60_000)).toEqual({ coveredMs: 0, edges: [] });
  stats.edge(edgeLabels("web", "orders")).request(200, 0, 1000, 0, 0);
  tick(2);
  expect(history.window(60_000).coveredMs).toBe(2000);
  expect(statRows(history.window(60_000), "service")[0]!.rps).toBe(0.5);
});

test("what a worker counted before the history began is no news when it was made a baseline", () => {
  const { stats, reader, history, tick } = mesh();
  const edge = stats.edge(edgeLabels("web", "orders"));
  for (let i = 0; i < 100; i++) edge.request(200, 0, 1000, 0, 0);
  reader.refresh();
  history.baseline(reader);
  edge.request(200, 0, 1000, 0, 0);
  tick();
  expect(statRows(history.window(60_000), "service")[0]!.requests).toBe(1);
});

test("latencies, success, denials and the top error of an edge", () => {
  const { stats, history, tick } = mesh();
  const edge = stats.edge(edgeLabels("web", "orders"));
  for (let ms = 1; ms <= 90; ms++) edge.request(200, 0, ms * 1000, 0, 0);
  for (let i = 0; i < 6; i++) edge.request(503, FLAG.UF, 95_000, 0, 0);
  for (let i = 0; i < 4; i++) edge.request(500, 0, 99_000, 0, 0);
  for (let i = 0; i < 20; i++) edge.request(403, FLAG.RBAC, 1000, 0, 0);
  tick();
  const [row] = edgeRows(history.window(10_000));
  expect(row).toMatchObject({
    source: { namespace: "prod", name: "web" },
    destination: { namespace: "prod", name: "orders", version: "v1", service: "orders.prod.svc.cluster.local" },
    protocol: "http",
    requests: 120,
    success: 0.9,
    failed: 10,
    denied: 20,
    deniedPerSecond: 20,
    topError: { name: "UF", share: 0.05 },
  });
  expect(Math.abs(row!.latencyP99Ms! / 99 - 1)).toBeLessThan(0.05);
  expect(Math.abs(row!.latencyP50Ms! / 40 - 1)).toBeLessThan(0.05);
});

test("a gRPC error is a failure though its status is 200", () => {
  const { stats, history, tick } = mesh();
  const edge = stats.edge(edgeLabels("web", "prices", { protocol: "grpc" }));
  edge.grpcRequest(200, 0, 0, 10, 0, 0);
  edge.grpcRequest(200, 0, 14, 10, 0, 0);
  tick();
  expect(edgeRows(history.window(10_000))[0]).toMatchObject({
    success: 0.5,
    topError: { name: "grpc 14", share: 0.5 },
  });
});

test("a TCP edge shows its connections, bytes and refusals, and no success rate", () => {
  const { stats, history, tick } = mesh();
  const edge = stats.edge(edgeLabels("orders", "db", { protocol: "tcp" }));
  edge.tcpOpened();
  edge.tcpOpened();
  edge.tcpClosed(2000, 500);
  edge.tcpFailed(FLAG.RBAC);
  tick();
  expect(edgeRows(history.window(10_000))[0]).toMatchObject({
    requests: 0,
    success: null,
    latencyP50Ms: null,
    tcpOpened: 2,
    tcpOpen: 1,
    sentBytesPerSecond: 2000,
    denied: 1,
  });
});

test("a connection that stays open keeps its edge in sight when nothing moves", () => {
  const { stats, history, tick } = mesh();
  stats.edge(edgeLabels("orders", "db", { protocol: "tcp" })).tcpOpened();
  tick(FINE_SLICES_MAX + 5);
  expect(edgeRows(history.window(10_000)).map((row) => [row.destination.name, row.tcpOpen])).toEqual([["db", 1]]);
});

test("two workers' counts of one edge make one row", () => {
  const history = new History(0);
  for (let worker = 0; worker < 2; worker++) {
    const bytes = freshRegion();
    new StatsWriter(bytes).edge(edgeLabels("web", "orders")).request(200, 0, 1000, 0, 0);
    const reader = new StatsReader(bytes);
    reader.refresh();
    history.observe(reader);
  }
  history.tick(TICK_MS);
  expect(edgeRows(history.window(1000)).map((row) => row.requests)).toEqual([2]);
});

test("rows group by service, by workload that answered and by caller", () => {
  const { stats, history, tick } = mesh();
  const service = edgeLabels("web", "orders").destination;
  const v2 = { ...service, workload: "orders-v2", version: "v2" };
  stats.edge(edgeLabels("web", "orders")).request(200, 0, 1, 0, 0);
  stats.edge(edgeLabels("till", "orders", { key: "other", destination: v2 })).request(200, 0, 1, 0, 0);
  tick();
  const names = (kind: "service" | "workload" | "caller") =>
    statRows(history.window(1000), kind).map((row) => `${row.namespace}/${row.name} ${row.requests}`);
  expect(names("service")).toEqual(["prod/orders 2"]);
  expect(names("workload")).toEqual(["prod/orders 1", "prod/orders-v2 1"]);
  expect(names("caller")).toEqual(["prod/till 1", "prod/web 1"]);
});

test("an hour of many busy edges stays within its bound, and the last minute survives", () => {
  const { stats, history, tick } = mesh();
  const edges = Array.from({ length: 100 }, (_, i) => stats.edge(edgeLabels("web", `s${i}`)));
  const seconds = COARSE_SLICES_MAX * TICKS_PER_COARSE;
  for (let second = 0; second < seconds; second += TICKS_PER_COARSE) {
    for (const edge of edges) for (let i = 0; i < 30; i++) edge.request(200, 0, 2 ** i, 0, 0);
    tick(TICKS_PER_COARSE);
    expect(history.numbers).toBeLessThanOrEqual(HISTORY_NUMBERS_MAX);
  }
  expect(history.numbers).toBeGreaterThan(HISTORY_NUMBERS_MAX / 2);
  expect(edgeRows(history.window(60_000)).length).toBe(100);
}, 30_000);
