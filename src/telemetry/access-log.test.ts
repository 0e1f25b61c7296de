import { expect, test } from "bun:test";
import fc from "fast-check";
import { edgeLabels, freshRegion } from "../../test/support/stats-region.ts";
import { FLAG } from "../model/response-flags.ts";
import { accessLogLine } from "./access-log.ts";
import { AccessRecord, type RequestRecord } from "./access-record.ts";
import { LogSampler } from "./log-sampler.ts";
import { type RecordFilterInput, recordFilter } from "./record-filter.ts";
import { StatsReader } from "./stats-reader.ts";
import { StatsWriter } from "./stats-writer.ts";

function recordOf(fill: (record: AccessRecord, stats: StatsWriter) => void): RequestRecord {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes);
  const record = new AccessRecord();
  record.edge = stats.edge(edgeLabels("web", "orders")).index;
  record.timeMs = 1_700_000_000_000;
  record.method.setText("GET");
  record.path.setText("/api/orders/7");
  record.host.setText("orders");
  record.status = 200;
  record.durationUs = 1234;
  fill(record, stats);
  stats.records.write(record);
  return new StatsReader(bytes).records.read()[0]!;
}

test("a line has Envoy's keys, and the mesh's own", () => {
  const line = accessLogLine(
    recordOf((record, stats) => {
      record.status = 403;
      record.flag = FLAG.RBAC;
      record.verdict = 1;
      record.policy = stats.intern("prod/orders-allow");
      record.rule = 0;
      record.idLow = 255;
      record.ip.setText("127.0.0.1");
    }),
  );
  expect(JSON.parse(line)).toEqual({
    start_time: "2023-11-14T22:13:20.000Z",
    method: "GET",
    path: "/api/orders/7",
    protocol: "HTTP/1.1",
    response_code: 403,
    response_flags: "RBAC",
    bytes_received: 0,
    bytes_sent: 0,
    duration: 1.234,
    upstream_service_time: null,
    request_id: null,
    authority: "orders",
    upstream_host: null,
    route_name: null,
    downstream_remote_address: "127.0.0.1",
    src_workload: "prod/web",
    src_identity: "site.example/ns/prod/sa/web",
    identity_strength: "none",
    dst_workload: "prod/orders",
    dst_identity: "site.example/ns/prod/sa/orders",
    dst_service: "orders.prod.svc.cluster.local",
    reporter: "both",
    src_node: null,
    dst_node: null,
    authz_verdict: "denied",
    authz_policy: "prod/orders-allow",
    authz_rule: 0,
    trace_id: null,
    selvedge_id: "00000000000000ff",
    generation: 0,
  });
});

test("whatever bytes a request held, its record is one printable line that parses", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
      const line = accessLogLine(recordOf((record) => record.path.setBytes(bytes, 0, bytes.length)));
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      expect(typeof JSON.parse(line).path).toBe("string");
    }),
    { numRuns: 150 },
  );
});

test("line separators, terminal controls and direction marks are escaped, and come back by parsing", () => {
  const path = "/a\u2028\u2029\u0085\u009b\u202e\u2066\u00ad\u{e0001}\n\r\u001b[31m\u007f";
  const bytes = new TextEncoder().encode(path);
  const line = accessLogLine(recordOf((record) => record.path.setBytes(bytes, 0, bytes.length)));
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
  expect(JSON.parse(line).path).toBe(path);
});

test("a time that no calendar has does not stop the log", () => {
  const record = recordOf((written) => {
    written.timeMs = 9e15;
  });
  expect(accessLogLine(record)).toContain("+275760");
});

test("errors and flags are always kept, successes by their share", () => {
  const sampler = new LogSampler(1, 42);
  for (const [status, flag] of [
    [503, FLAG.none],
    [404, FLAG.none],
    [200, FLAG.DC],
    [0, FLAG.UF],
  ] as const) {
    expect(sampler.takes(status, flag)).toBe(true);
  }
  let taken = 0;
  for (let i = 0; i < 100_000; i++) if (sampler.takes(200, FLAG.none)) taken++;
  expect(Math.abs(taken - 1000)).toBeLessThan(150);
});

test("0 percent keeps no success, 100 every one, and so does a tap", () => {
  const sampler = new LogSampler(0, 7);
  const takes = (): number => Array.from({ length: 1000 }, () => sampler.takes(200, 0)).filter(Boolean).length;
  expect(takes()).toBe(0);
  sampler.tapped = true;
  expect(takes()).toBe(1000);
  sampler.tapped = false;
  sampler.setPercent(100);
  expect(takes()).toBe(1000);
});

test("an alternating pattern of requests is sampled on both of its sides", () => {
  const sampler = new LogSampler(10, 99);
  const taken = [0, 0];
  for (let i = 0; i < 10_000; i++) if (sampler.takes(200, 0)) taken[i & 1]! += 1;
  for (const side of taken) expect(Math.abs(side - 500)).toBeLessThan(120);
});

const shown = (
  input: RecordFilterInput,
  fill: (record: AccessRecord, stats: StatsWriter) => void = () => {},
): boolean => {
  const filter = recordFilter(input);
  if (typeof filter === "string") throw new Error(filter);
  return filter(recordOf(fill));
};

const FILTERS = [
  [{}, true],
  [{ from: "web" }, true],
  [{ from: "prod/web" }, true],
  [{ from: "prod/*" }, true],
  [{ from: "*/web" }, true],
  [{ from: "dev/web" }, false],
  [{ from: "orders" }, false],
  [{ from: "" }, false],
  [{ to: "orders" }, true],
  [{ to: "orders.prod" }, true],
  [{ to: "prod/orders" }, true],
  [{ to: "order" }, false],
  [{ status: "200" }, true],
  [{ status: "4xx,2xx" }, true],
  [{ status: "200-299" }, true],
  [{ status: "5XX" }, false],
  [{ path: "/api" }, true],
  [{ path: "/api/*/7" }, true],
  [{ path: "/api/*/8" }, false],
  [{ path: "*orders*" }, true],
  [{ path: "/api/orders/7*7" }, false],
  [{ method: "GET", verdict: "undecided" }, true],
  [{ method: "get" }, false],
  [{ verdict: "denied" }, false],
  [{ from: "web", status: "5xx" }, false],
  [{ id: "00000000000000ff" }, false],
] as const;

test.each(FILTERS.map(([input, isShown]) => [JSON.stringify(input), input, isShown] as const))(
  "the filter %s shows what it says",
  (_, input, isShown) => {
    expect(shown(input)).toBe(isShown);
  },
);

test("a filter that makes no sense says so", () => {
  expect(recordFilter({ status: "bad" })).toContain("--status");
  expect(recordFilter({ status: "99" })).toContain("--status");
  expect(recordFilter({ verdict: "dropped" })).toContain("--verdict is one of allowed");
  expect(recordFilter({ path: "/".repeat(600) })).toContain("--path is longer");
});
