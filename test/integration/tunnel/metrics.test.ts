/** Istio's metrics of calls between two nodes: each end reports its own side, once. */
import { expect, test } from "bun:test";
import { renderPrometheus } from "../../../src/telemetry/exposition.ts";
import { answering, answerText, ask, getText } from "../../support/raw-http.ts";
import { connectRaw, listenRaw } from "../../support/raw-peer.ts";
import { serviceDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";
import type { WorkerHarness } from "../../support/worker-harness.ts";

function requestLines(worker: WorkerHarness): string[] {
  worker.stats.refresh();
  const decoder = new TextDecoder();
  const text = [...renderPrometheus([worker.stats], "test")].map((piece) => decoder.decode(piece)).join("");
  return text.split("\n").filter((line) => line.startsWith("istio_requests_total{"));
}

test("a call is reported by the caller's node as its source and by the endpoint's as its destination", async () => {
  using upstream = listenRaw(answering(() => answerText("x")));
  await using pair = await startPair({
    documents: [nodeWorkload("orders", "till-2", upstream.port), serviceDoc("orders")],
  });
  const peer = await connectRaw({ port: pair.source.outbound });
  for (let i = 0; i < 3; i++) await ask(peer, getText("/", "orders"));
  peer.destroy();
  const ends = [
    [pair.source, "source", "unknown"],
    [pair.there, "destination", "mutual_tls"],
  ] as const;
  for (const [worker, reporter, security] of ends) {
    const [line = "", ...others] = await until(() => {
      const found = requestLines(worker);
      return found.some((one) => one.endsWith(" 3")) && found;
    }, "three requests");
    expect(others).toEqual([]);
    for (const label of [
      `reporter="${reporter}"`,
      `connection_security_policy="${security}"`,
      'source_workload="web"',
      'source_principal="spiffe://test.example/ns/prod/sa/web"',
      'source_cluster="till-1"',
      'destination_workload="orders"',
      'destination_principal="spiffe://test.example/ns/prod/sa/orders"',
      'destination_cluster="till-2"',
      'destination_service="orders.prod.svc.cluster.local"',
      'response_code="200"',
      'response_flags="-"',
    ]) {
      expect(line).toContain(label);
    }
  }
});
