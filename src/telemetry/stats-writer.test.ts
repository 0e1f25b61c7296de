import { expect, test } from "bun:test";
import { edgeLabels, freshRegion } from "../../test/support/stats-region.ts";
import { FLAG } from "../model/response-flags.ts";
import { AccessRecord } from "./access-record.ts";
import { COUNTER, parseErrorCounter } from "./fixed-metrics.ts";
import { EDGES_MAX, REGION_BYTES, SECTION_AT, SERIES_MAX, SERIES_VALUES } from "./layout.ts";
import { StatsWriter } from "./stats-writer.ts";

const f64 = (bytes: Uint8Array): Float64Array => new Float64Array(bytes.buffer);
const seriesAt = (index: number): number => SECTION_AT.seriesValues / 8 + index * SERIES_VALUES;

test("the same key gives the same edge, and another key another one", () => {
  const stats = new StatsWriter(freshRegion());
  const edge = stats.edge(edgeLabels("web", "orders"));
  expect(stats.edge(edgeLabels("web", "orders"))).toBe(edge);
  expect(stats.edge(edgeLabels("web", "payments")).index).toBe(edge.index + 1);
});

test("a request counts once in its series, in the sums and in each histogram", () => {
  const bytes = freshRegion();
  new StatsWriter(bytes).edge(edgeLabels("web", "orders")).request(200, FLAG.none, 1500, 10, 2000);
  const values = f64(bytes).subarray(seriesAt(1), seriesAt(2));
  expect([...values.subarray(0, 4)]).toEqual([1, 1500, 10, 2000]);
  expect(values.subarray(8).reduce((sum, count) => sum + count, 0)).toBe(3);
});

test("a region of the wrong size, or one that has a writer, is refused", () => {
  expect(() => new StatsWriter(new Uint8Array(REGION_BYTES - 8))).toThrow(RangeError);
  const bytes = freshRegion();
  new StatsWriter(bytes);
  expect(() => new StatsWriter(bytes)).toThrow(RangeError);
});

test("beyond the bound on series everything is counted in the overflow series, and as overflow", () => {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes);
  const edges = Array.from({ length: 9 }, (_, i) => stats.edge(edgeLabels("web", `s${i}`)));
  for (const edge of edges) for (let code = 100; code < 600; code++) edge.request(code, 0, 1, 0, 0);
  const surplus = 9 * 500 - (SERIES_MAX - 1);
  expect(f64(bytes)[seriesAt(0)]).toBe(surplus);
  expect(f64(bytes)[SECTION_AT.counters / 8 + COUNTER.seriesOverflow]).toBe(surplus);
});

test("beyond the bound on edges the overflow edge takes the rest, and counts every request", () => {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes);
  for (let i = 1; i < EDGES_MAX; i++) stats.edge(edgeLabels("web", `s${i}`));
  const edge = stats.edge(edgeLabels("web", "one more"));
  edge.request(200, 0, 1, 0, 0);
  edge.request(200, 0, 1, 0, 0);
  expect(edge.index).toBe(0);
  expect(f64(bytes)[seriesAt(0)]).toBe(2);
});

test("every parse error has a counter of its own", () => {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes);
  stats.counter(parseErrorCounter(-1));
  stats.counter(parseErrorCounter(-35), 2);
  const counters = f64(bytes).subarray(SECTION_AT.counters / 8);
  expect([counters[64], counters[98]]).toEqual([1, 2]);
});

test("what it costs (printed)", () => {
  const stats = new StatsWriter(freshRegion());
  const edge = stats.edge(edgeLabels("web", "orders"));
  const time = (name: string, rounds: number, work: (i: number) => void): number => {
    for (let i = 0; i < rounds / 4; i++) work(i);
    const start = Bun.nanoseconds();
    for (let i = 0; i < rounds; i++) work(i);
    const ns = (Bun.nanoseconds() - start) / rounds;
    console.log(`  ${name}: ${ns.toFixed(1)} ns`);
    return ns;
  };
  const same = time("edge.request, one status", 1_000_000, (i) => edge.request(200, 0, i & 0xffff, 0, i & 1023));
  time("edge.request, status changes each time", 1_000_000, (i) =>
    edge.request(200 + (i & 3), 0, i & 0xffff, i & 7, i & 1023),
  );
  const record = new AccessRecord();
  record.reset();
  record.method.setText("GET");
  record.host.setText("orders.prod");
  record.path.setText("/api/v1/orders/4711/items");
  record.ip.setText("127.0.0.1");
  record.requestId.setText("6f1d2c3b-7a5e-4c1d-9b2a-0123456789ab");
  const write = time("records.write", 300_000, () => stats.records.write(record));
  // Ten times what was measured on an idle machine: only a change in kind may fail here.
  expect(same).toBeLessThan(600);
  expect(write).toBeLessThan(3000);
});
