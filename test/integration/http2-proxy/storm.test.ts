import { expect, test } from "bun:test";
import { GAUGE, UPSTREAM_GAUGE } from "../../../src/telemetry/fixed-metrics.ts";
import { type H2Origin, startH2Origin } from "../../support/h2-origin.ts";
import { newTally, type StormTally, stormBy, stormyOrigin } from "../../support/http2-storm.ts";
import { answering, answerText } from "../../support/raw-http.ts";
import { listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { backendDocs, meshText, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

const REQUESTS = 20_000;
const CALLERS = 24;
const H2C = "kubernetes.io/h2c";

/** An HTTP/1.1 endpoint that answers as the other one does, when it does not hang up. */
function oldOrigin(random: () => number): RawServer {
  return listenRaw(
    answering(({ line, body }, peer) => {
      const path = line.split(" ")[1]!;
      const text = `${path} ${body.length} `;
      const dice = random();
      if (dice < 0.01) {
        if (dice < 0.005) peer.send(answerText(text, `x-id: ${path}`).slice(0, -3));
        peer.destroy();
        return "";
      }
      if (dice > 0.2) return answerText(text, `x-id: ${path}`);
      const chunks = `${text.length.toString(16)}\r\n${text}\r\n0\r\nx-id: ${path}\r\n\r\n`;
      return `HTTP/1.1 200 OK\r\nx-id: ${path}\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`;
    }),
  );
}

async function storm(port: number, random: () => number): Promise<StormTally> {
  const tally = newTally();
  const callers = Array.from({ length: CALLERS }, (_, i) =>
    stormBy(`${i}`, port, ["old.prod", "new.prod"], REQUESTS, random, tally),
  );
  await Promise.all(callers);
  return tally;
}

function expectGoodWeather(tally: StormTally): void {
  expect(tally.mixedUp).toEqual([]);
  expect(tally.right).toBeGreaterThan(REQUESTS * 0.9);
  expect(tally.broken).toBeGreaterThan(100);
}

/** Nothing is under way but the one connection that an endpoint's requests share. */
async function comesToRest({ stats }: WorkerHarness, origin: H2Origin | null): Promise<void> {
  const shared = () => origin?.sessions.filter(({ destroyed, closed }) => !destroyed && !closed).length ?? 0;
  await until(() => stats.gauge(UPSTREAM_GAUGE.active) === shared(), "no request under way", 8_000);
  expect(shared()).toBeLessThan(2);
  expect(stats.gauge(GAUGE.pendingRequests)).toBe(0);
  expect(stats.gauge(UPSTREAM_GAUGE.connecting)).toBe(0);
}

const requestsCounted = ({ stats }: WorkerHarness): number => {
  stats.refresh();
  return [...stats.series].reduce((sum, series) => sum + stats.seriesCount(series), 0);
};

test("in a storm of 20,000 requests by HTTP/2, nobody gets what is not theirs, and nothing stays behind", async () => {
  const random = seededRandom(20_262);
  using old = oldOrigin(random);
  using origin = await startH2Origin(stormyOrigin(random));
  const documents = [...backendDocs("old", old.port), workloadDoc("new", origin.port), serviceDoc("new", {}, 80, H2C)];
  await using worker = await startWorker(meshText({ site: { accessLogSamplePercent: 0 }, documents }));
  const tally = await storm(worker.outbound, random);
  expectGoodWeather(tally);
  await until(() => worker.stats.gauge(GAUGE.downstreamConnections) === 0, "no connection of a caller");
  await comesToRest(worker, origin);
  expect(requestsCounted(worker)).toBeWithin(REQUESTS * 0.98, tally.asked + 1);
}, 90_000);

test("the same through a tunnel that all callers share", async () => {
  const random = seededRandom(20_263);
  using old = oldOrigin(random);
  using origin = await startH2Origin(stormyOrigin(random));
  const documents = [
    nodeWorkload("old", "till-2", old.port),
    serviceDoc("old"),
    nodeWorkload("new", "till-2", origin.port),
    serviceDoc("new", {}, 80, H2C),
  ];
  await using pair = await startPair({ site: { accessLogSamplePercent: 0 }, documents });
  const { source, there } = pair;
  const tally = await storm(source.outbound, random);
  expectGoodWeather(tally);
  await until(() => source.stats.gauge(GAUGE.downstreamConnections) === 0, "no connection of a caller");
  await comesToRest(source, null);
  await comesToRest(there, origin);
  expect(requestsCounted(source)).toBeWithin(REQUESTS * 0.98, tally.asked + 1);
}, 90_000);
