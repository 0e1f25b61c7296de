import { expect, test } from "bun:test";
import { edgeLabels, freshRegion } from "../../test/support/stats-region.ts";
import { FLAG } from "../model/response-flags.ts";
import { AccessRecord, RECORD_PROTOCOL, VERDICT } from "./access-record.ts";
import { renderPrometheus } from "./exposition.ts";
import { COUNTER, GAUGE } from "./fixed-metrics.ts";
import {
  EDGE_VALUE,
  HEADER_AT,
  RECORDS_MAX,
  SECTION_AT,
  SERIES_USED,
  SERIES_VALUE,
  STRING_POOL_BYTES,
  STRINGS_MAX,
} from "./layout.ts";
import { RetainedCounters } from "./retained-counters.ts";
import { StatsReader } from "./stats-reader.ts";
import { StatsWriter } from "./stats-writer.ts";

function fill(stats: StatsWriter, edges = 5): void {
  stats.generation(7, 1_700_000_000);
  stats.counter(COUNTER.retries, 3);
  const record = new AccessRecord();
  for (let i = 0; i < edges; i++) {
    const edge = stats.edge(edgeLabels("web", `orders${i}`));
    edge.request(200, FLAG.none, 1000 * i, 0, 100);
    edge.request(503, FLAG.UF, 10, 5, 20);
    edge.tcpFailed(FLAG.RBAC);
    record.reset();
    record.edge = edge.index;
    record.path.setText(`/orders/${i}`);
    record.policy = stats.intern("prod/orders-allow");
    stats.records.write(record);
  }
}

test("what was written is read back, labels, counts, gauges and all", () => {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes, { workerId: 3, startedAtMs: 1000 });
  const edge = stats.edge(
    edgeLabels("web", "orders", { reporter: "source", security: "mutual_tls", protocol: "grpc" }),
  );
  edge.grpcRequest(200, FLAG.none, 14, 2000, 1, 2);
  edge.requestStarted();
  edge.tcpOpened();
  edge.tcpClosed(10, 20);
  stats.gauge(GAUGE.pendingRequests, 4);
  stats.generation(9, 50);
  const reader = new StatsReader(bytes);
  reader.refresh();
  expect([reader.isReadable, reader.workerId, reader.startedAtMs, reader.generation]).toEqual([true, 3, 1000, 9]);
  const info = reader.edges[1]!;
  const { key, reporter, security, protocol, source, destination } = info;
  const wanted = edgeLabels("web", "orders");
  expect({ key, reporter, security, protocol }).toEqual({
    key: "web>orders",
    reporter: "source",
    security: "mutual_tls",
    protocol: "grpc",
  });
  expect(source).toEqual({ ...wanted.source, cluster: "" });
  expect(destination).toEqual({ ...wanted.destination, cluster: "" });
  expect(reader.series[1]).toMatchObject({ kind: "http", code: 200, flag: "-", grpc: 14 });
  expect(reader.edgeValue(info, EDGE_VALUE.tcpSentBytes)).toBe(10);
  expect(reader.edgeValue(info, EDGE_VALUE.inFlight)).toBe(1);
  expect(reader.gauge(GAUGE.pendingRequests)).toBe(4);
  const values = new Float64Array(SERIES_USED);
  expect(reader.readSeries(reader.series[1]!, values)).toBe(true);
  expect(values[SERIES_VALUE.durationSumUs]).toBe(2000);
  expect(reader.corrupt).toBe(0);
});

test("edges and series that come later are found by the next refresh, and those known stay the same objects", () => {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes);
  const reader = new StatsReader(bytes);
  fill(stats, 1);
  reader.refresh();
  const before = [...reader.edges];
  stats.edge(edgeLabels("web", "later")).request(200, 0, 1, 1, 1);
  reader.refresh();
  expect(reader.edges.slice(0, before.length)).toEqual(before);
  expect(reader.edges[0]).toBe(before[0]!);
  expect(reader.edges.at(-1)!.key).toBe("web>later");
});

test("a region nobody has begun, or of another version, gives nothing", () => {
  const empty = new StatsReader(freshRegion());
  empty.refresh();
  expect([empty.isReadable, empty.edges.length, empty.records.read().length]).toEqual([false, 0, 0]);
  const bytes = freshRegion();
  fill(new StatsWriter(bytes));
  bytes[HEADER_AT.version] = 99;
  const other = new StatsReader(bytes);
  other.refresh();
  expect([other.isReadable, other.edges.length]).toEqual([false, 0]);
});

test("after close every read gives nothing, in the middle of a rendering too", () => {
  const bytes = freshRegion();
  fill(new StatsWriter(bytes), 30);
  const reader = new StatsReader(bytes);
  reader.refresh();
  const pieces = renderPrometheus([reader], "1");
  expect(pieces.next().done).toBe(false);
  reader.close();
  reader.close();
  for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(65_536);
  expect(reader.counter(COUNTER.retries)).toBe(0);
  expect(reader.records.read()).toEqual([]);
});

test("a record comes back whole, with its ids looked up", () => {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes);
  const record = new AccessRecord();
  record.edge = stats.edge(edgeLabels("web", "orders")).index;
  record.timeMs = 1_700_000_000_123;
  record.idHigh = 0xdeadbeef;
  record.idLow = 0x00000001;
  record.generation = 12;
  record.durationUs = 1500;
  record.status = 403;
  record.flag = FLAG.RBAC;
  record.protocol = RECORD_PROTOCOL.http11;
  record.verdict = VERDICT.denied;
  record.strength = 3;
  record.policy = stats.intern("prod/orders-allow");
  record.rule = 2;
  record.upstream = stats.intern("127.0.0.1:9001");
  record.hasTrace = true;
  record.traceId.fill(0xab);
  record.method.setText("GET");
  record.path.setText(`/${"p".repeat(300)}`);
  record.host.setText("orders.prod");
  record.ip.setText("::1");
  stats.records.write(record);
  const [read] = new StatsReader(bytes).records.read();
  expect(read).toMatchObject({
    sequence: 0,
    timeMs: 1_700_000_000_123,
    id: "deadbeef00000001",
    generation: 12,
    durationUs: 1500,
    status: 403,
    flag: "RBAC",
    protocol: "HTTP/1.1",
    verdict: "denied",
    strength: "uid",
    policy: "prod/orders-allow",
    rule: 2,
    upstream: "127.0.0.1:9001",
    traceId: "ab".repeat(16),
    method: "GET",
    path: `/${"p".repeat(199)}…`,
    host: "orders.prod",
    ip: "::1",
    service: "orders.prod.svc.cluster.local",
  });
  expect(read!.source.principal).toBe("site.example/ns/prod/sa/web");
});

test("a record without an edge names nobody", () => {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes);
  stats.records.write(new AccessRecord());
  const reader = new StatsReader(bytes);
  expect(reader.records.read()[0]).toMatchObject({ service: "", id: "", traceId: "", source: { principal: "" } });
  expect(reader.corrupt).toBe(0);
});

test("records come in order and once; what was overwritten is counted as lost", () => {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes);
  const reader = new StatsReader(bytes);
  const record = new AccessRecord();
  const write = (count: number): void => {
    for (let i = 0; i < count; i++) {
      record.timeMs = stats.records.written;
      stats.records.write(record);
    }
  };
  write(10);
  expect(reader.records.read(4).map((read) => read.timeMs)).toEqual([0, 1, 2, 3]);
  expect(reader.records.read().length).toBe(6);
  expect(reader.records.read()).toEqual([]);
  write(RECORDS_MAX + 100);
  const read = reader.records.read();
  expect(read.length).toBe(RECORDS_MAX);
  expect(read[0]!.sequence).toBe(110);
  expect(reader.records.lost).toBe(100);
});

test("a record that is being written is counted as lost and not shown", () => {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes);
  stats.records.write(new AccessRecord());
  bytes[SECTION_AT.records] = 0;
  const reader = new StatsReader(bytes);
  expect(reader.records.read()).toEqual([]);
  expect(reader.records.lost).toBe(1);
});

test("a directory that claims more than it can hold is left out and counted", () => {
  for (const at of [HEADER_AT.edgesUsed, HEADER_AT.seriesUsed]) {
    const bytes = freshRegion();
    fill(new StatsWriter(bytes));
    new DataView(bytes.buffer).setInt32(at, 0x7fff_ffff, true);
    const reader = new StatsReader(bytes);
    reader.refresh();
    expect(reader.corrupt).toBeGreaterThan(0);
  }
});

test("every string pointing at the same long bytes decodes no more than the pool holds", () => {
  const bytes = freshRegion();
  new StatsWriter(bytes);
  const words = new Int32Array(bytes.buffer);
  words[HEADER_AT.stringsUsed / 4] = STRINGS_MAX;
  for (let id = 2; id < STRINGS_MAX; id++) words[SECTION_AT.strings / 4 + 2 * id + 1] = 512;
  words[HEADER_AT.edgesUsed / 4] = 2048;
  for (let edge = 1; edge < 2048; edge++) {
    for (let at = 0; at < 16; at++)
      words[SECTION_AT.edges / 4 + edge * 32 + at] = 2 + ((edge * 16 + at) % (STRINGS_MAX - 2));
  }
  const reader = new StatsReader(bytes);
  reader.refresh();
  const chars = reader.edges.reduce((sum, { destination }) => sum + destination.service.length, 0);
  expect(chars).toBeLessThanOrEqual(STRING_POOL_BYTES);
  expect(reader.corrupt).toBeGreaterThan(0);
});

/** Small and fast, and the same each time, so that a failure can be repeated. */
function randomWords(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

const HOSTILE_WORDS = [0, 1, -1, 0x7fff_ffff, -0x8000_0000, 2047, 2048, 4095, 4096, 0x7ff0_0000, 0x7ff8_0000, 65_535];

test("10,000 corrupted regions neither throw nor make a scrape that is longer or other than text", () => {
  const bytes = freshRegion();
  fill(new StatsWriter(bytes));
  const words = new Int32Array(bytes.buffer);
  const next = randomWords(20_261_122);
  // Where something was written: the header, the directories, the first series, the first records.
  const spans = [
    [0, 12],
    [SECTION_AT.counters / 4, 300],
    [SECTION_AT.strings / 4, 80],
    [SECTION_AT.pool / 4, 100],
    [SECTION_AT.edges / 4, 32 * 7],
    [SECTION_AT.edgeValues / 4, 16 * 7],
    [SECTION_AT.series / 4, 4 * 18],
    [SECTION_AT.records / 4, 128 * 6],
    [SECTION_AT.seriesValues / 4, 4096],
  ] as const;
  const retained = new RetainedCounters();
  let corrupt = 0;
  for (let round = 0; round < 10_000; round++) {
    const undo: [number, number][] = [];
    for (let hits = 1 + (next() % 8); hits > 0; hits--) {
      const [start, length] = spans[next() % spans.length]!;
      const at = start + (next() % length);
      undo.push([at, words[at]!]);
      words[at] = next() % 2 === 0 ? HOSTILE_WORDS[next() % HOSTILE_WORDS.length]! : next() | 0;
    }
    const reader = new StatsReader(bytes);
    reader.refresh();
    for (const record of reader.records.read()) expect(record.path.length).toBeLessThanOrEqual(201);
    // Rendering and absorbing cost a hundred times the reading; a part of the rounds is enough to meet every branch.
    if (round % 20 === 0) {
      let bytesRendered = 0;
      for (const piece of renderPrometheus([reader], "1")) bytesRendered += piece.length;
      expect(bytesRendered).toBeLessThan(4_000_000);
      retained.absorb(reader);
    }
    corrupt += reader.corrupt;
    for (const [at, word] of undo.reverse()) words[at] = word;
  }
  expect(corrupt).toBeGreaterThan(1000);
  const intact = new StatsReader(bytes);
  intact.refresh();
  expect([intact.corrupt, intact.edges.length]).toEqual([0, 6]);
}, 60_000);
