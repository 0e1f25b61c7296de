import { expect, test } from "bun:test";
import { edgeLabels, freshRegion } from "../../test/support/stats-region.ts";
import { FLAG } from "../model/response-flags.ts";
import { CATALOGUE } from "./catalogue.ts";
import { EXPOSITION_PIECE_BYTES, renderPrometheus } from "./exposition.ts";
import {
  ATTESTATION_COUNTER,
  COUNTER,
  DENIED_COUNTER,
  GAUGE,
  IDENTITY_EXPIRY_GAUGE,
  LIMIT_COUNTER,
} from "./fixed-metrics.ts";
import { edgeLabelText } from "./label-text.ts";
import { OwnStats } from "./own-stats.ts";
import { restoreCounters, serialiseCounters } from "./retained-codec.ts";
import { RetainedCounters } from "./retained-counters.ts";
import { StatsReader } from "./stats-reader.ts";
import type { StatsSource } from "./stats-source.ts";
import { StatsWriter } from "./stats-writer.ts";

function worker(fill: (stats: StatsWriter) => void): StatsReader {
  const bytes = freshRegion();
  fill(new StatsWriter(bytes));
  const reader = new StatsReader(bytes);
  reader.refresh();
  return reader;
}

function render(...sources: StatsSource[]): string {
  const decoder = new TextDecoder();
  let text = "";
  for (const piece of renderPrometheus(sources, "0.1.0")) {
    expect(piece.length).toBeLessThanOrEqual(EXPOSITION_PIECE_BYTES);
    text += decoder.decode(piece, { stream: true });
  }
  return text;
}

/** The values of all lines whose name and labels contain every one of the given parts. */
const samples = (text: string, ...parts: string[]): number[] =>
  text
    .split("\n")
    .filter((line) => !line.startsWith("#") && parts.every((part) => line.includes(part)))
    .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));

const busy = (stats: StatsWriter): void => {
  stats.generation(4, 1_700_000_000);
  stats.counter(ATTESTATION_COUNTER.uid, 2);
  stats.counter(DENIED_COUNTER.no_allow);
  stats.counter(LIMIT_COUNTER.head_bytes);
  stats.gauge(GAUGE.downstreamConnections, 10);
  const http = stats.edge(edgeLabels("web", "orders"));
  http.request(200, FLAG.none, 1500, 0, 700);
  http.request(200, FLAG.none, 40_000, 20, 7_000_000);
  http.request(403, FLAG.RBAC, 90, 0, 120);
  const grpc = stats.edge(edgeLabels("web", "prices", { protocol: "grpc", reporter: "source" }));
  grpc.grpcRequest(200, FLAG.none, 0, 900, 5, 6);
  const tcp = stats.edge(edgeLabels("orders", "db", { protocol: "tcp", reporter: "destination" }));
  tcp.tcpOpened();
  tcp.tcpClosed(100, 200);
  tcp.tcpFailed(FLAG.UF);
};

/** Also with what is left out where there is nothing to say. */
const identified = (stats: StatsWriter): void => {
  busy(stats);
  stats.gauge(IDENTITY_EXPIRY_GAUGE.root, 2_000_000_000);
};

test("an end of certificates is told only where there are some", () => {
  expect(render(worker(() => {}))).not.toContain("selvedge_identity_expiry");
  expect(render(worker(identified))).toContain('selvedge_identity_expiry_timestamp_seconds{kind="root"} 2000000000\n');
  expect(render(worker(identified))).not.toContain('kind="issuer"');
});

test("a metric has each of Istio's labels, and unknown where there is no value", () => {
  const nobody = { workload: "", namespace: "", principal: "", app: "", version: "" };
  const reader = worker((stats) => stats.edge(edgeLabels("", "orders", { source: nobody })).request(200, 0, 1, 1, 1));
  const line = render(reader)
    .split("\n")
    .find((text) => text.startsWith("istio_requests_total{") && text.includes('reporter="destination"'));
  expect(line).toBe(
    'istio_requests_total{reporter="destination",source_workload="unknown",source_workload_namespace="unknown",' +
      'source_principal="unknown",source_app="unknown",source_version="unknown",source_cluster="unknown",' +
      'source_canonical_service="unknown",source_canonical_revision="unknown",destination_workload="orders",' +
      'destination_workload_namespace="prod",destination_principal="spiffe://site.example/ns/prod/sa/orders",' +
      'destination_app="orders",destination_version="v1",destination_cluster="unknown",' +
      'destination_canonical_service="orders",destination_canonical_revision="v1",' +
      'destination_service="orders.prod.svc.cluster.local",destination_service_name="orders",' +
      'destination_service_namespace="prod",request_protocol="http",connection_security_policy="none",' +
      'response_code="200",response_flags="-"} 1',
  );
});

test("every name and label that is rendered stands in the catalogue, and the other way round", () => {
  const text = render(worker(identified));
  const rendered = new Map<string, Set<string>>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const name = /^[a-z_]+/.exec(line)![0].replace(/_(bucket|sum|count)$/, "");
    const labels = rendered.get(name) ?? new Set();
    rendered.set(name, labels);
    for (const [, label] of line.matchAll(/([a-z_]+)="/g)) if (label !== "le") labels.add(label!);
  }
  expect([...rendered.keys()].toSorted()).toEqual(CATALOGUE.map(({ name }) => name).toSorted());
  for (const { name, labels } of CATALOGUE)
    expect([name, [...rendered.get(name)!].toSorted()]).toEqual([name, labels.toSorted()]);
});

test("counts of several workers add up, connections too, and the generation is that of the last to follow", () => {
  const other = worker((stats) => {
    busy(stats);
    stats.generation(3, 1_600_000_000);
  });
  const text = render(worker(busy), other);
  expect(samples(text, "istio_requests_total", 'response_code="403"', 'reporter="source"')).toEqual([2]);
  expect(samples(text, "selvedge_downstream_connections ")).toEqual([20]);
  expect(samples(text, "selvedge_config_generation")).toEqual([3]);
  expect(samples(text, "selvedge_attestations_total", 'result="uid"')).toEqual([4]);
});

test("an edge reported by both ends appears once for each, another only once", () => {
  const text = render(worker(busy));
  expect(samples(text, "istio_requests_total", 'destination_app="orders"', "200").length).toBe(2);
  expect(samples(text, "istio_requests_total", 'destination_app="prices"').length).toBe(1);
});

test("the bytes of a TCP connection keep their direction, and failures their flag", () => {
  const text = render(worker(busy));
  expect(samples(text, "istio_tcp_sent_bytes_total")).toEqual([100]);
  expect(samples(text, "istio_tcp_received_bytes_total")).toEqual([200]);
  expect(samples(text, "istio_tcp_connections_failed_total", 'response_flags="UF"')).toEqual([1]);
});

test("buckets of a histogram are cumulative, end at the count, and sums are in the unit of the name", () => {
  const text = render(worker(busy));
  const mine = ["istio_request_duration_milliseconds", 'response_code="200"', 'app="orders"', 'reporter="source"'];
  const buckets = samples(text, ...mine, "_bucket");
  expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
  expect([buckets[1], buckets[2], buckets.at(-1)]).toEqual([0, 1, 2]);
  expect(samples(text, ...mine, "_sum")).toEqual([41.5]);
  expect(samples(text, ...mine, "_count")).toEqual([2]);
});

test("label values cannot break out of their quotes", () => {
  const source = { ...edgeLabels("web", "orders").source, workload: 'a"} 1\nx{y="\\' };
  const reader = worker((stats) => stats.edge(edgeLabels("web", "orders", { source })).request(200, 0, 1, 1, 1));
  expect(edgeLabelText(reader.edges[1]!, "source")).toContain('source_workload="a\\"} 1\\nx{y=\\"\\\\"');
  for (const line of render(reader).split("\n")) expect(line).toMatch(/^(#.*|[a-z_]+(\{.*\})? \S+|)$/);
});

test("the totals of a dead worker are kept, its gauges are not", () => {
  const retained = new RetainedCounters();
  const dead = worker(busy);
  retained.absorb(dead);
  dead.close();
  const text = render(retained, worker(busy));
  expect(samples(text, "istio_requests_total", 'response_code="403"', 'reporter="source"')).toEqual([2]);
  expect(samples(text, "istio_tcp_sent_bytes_total")).toEqual([200]);
  expect(samples(text, "selvedge_downstream_connections ")).toEqual([10]);
  expect(render(retained).replaceAll(/ \S+$/gm, "")).toBe(render(worker(busy)).replaceAll(/ \S+$/gm, ""));
});

test("kept totals come back from text as they were, and damaged text gives nothing", () => {
  const retained = new RetainedCounters();
  retained.absorb(worker(busy));
  const text = [...serialiseCounters(retained)].join("");
  const back = restoreCounters(text);
  expect(render(back!)).toBe(render(retained));
  expect([...serialiseCounters(back!)].join("")).toBe(text);
  for (const broken of ["", "{}\n", text.slice(0, -1), text.slice(0, 400), text.replace('"web"', "7")]) {
    expect(restoreCounters(broken)).toBeUndefined();
  }
});

test("a line whose worker closes while it is rendered is left out, never shown as less", () => {
  const reader = worker((stats) => {
    for (let i = 0; i < 50; i++) stats.edge(edgeLabels("web", `s${i}`)).request(200, 0, 1, 1, 1);
  });
  const decoder = new TextDecoder();
  let text = "";
  for (const piece of renderPrometheus([reader], "1")) {
    text += decoder.decode(piece, { stream: true });
    if (samples(text, "istio_requests_total").length > 10) reader.close();
  }
  const counts = samples(text, "istio_requests_total");
  expect(counts.length).toBeLessThan(100);
  expect(new Set(counts)).toEqual(new Set([1]));
});

test("the keeper's own numbers join those of the workers", () => {
  const own = new OwnStats();
  own.add(COUNTER.workerRestarts, 2);
  own.set(GAUGE.workers, 1);
  expect(samples(render(own, worker(busy)), "selvedge_worker_restarts_total")).toEqual([2]);
});

const promtool = Bun.which("promtool");
if (promtool === null) console.log("  skipped: promtool is not installed (Debian package prometheus)");

test.skipIf(promtool === null)("promtool finds nothing wrong with a full rendering", async () => {
  const run = Bun.spawn([promtool!, "check", "metrics"], {
    stdin: new TextEncoder().encode(render(worker(busy), new OwnStats())),
    stderr: "pipe",
    stdout: "pipe",
  });
  const complaints = `${await new Response(run.stdout).text()}${await new Response(run.stderr).text()}`;
  // Istio's own names, which dashboards expect as they are, are against promtool's taste in units.
  const rest = complaints
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("istio_request_duration_milliseconds "));
  expect(rest).toEqual([]);
});
