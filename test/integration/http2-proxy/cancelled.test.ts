/** Requests that their callers cancel: what they cost the endpoint, and how many a caller may have. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { CALMED_STREAMS_MAX } from "../../../src/proxy/http2/limits.ts";
import { CANCELLATIONS_AT_ONCE } from "../../../src/proxy/limits.ts";
import { UPSTREAM_GAUGE } from "../../../src/telemetry/fixed-metrics.ts";
import { H2Client } from "../../support/h2-client.ts";
import { FLAG, FRAME, headers, POST, reset } from "../../support/http2-frames.ts";
import { RawH2 } from "../../support/raw-h2.ts";
import { answering, answerText, ask, getText } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

/** Cancelled on one connection: well within what the connection itself may. */
const PER_CONNECTION = 100;
const streamId = (i: number) => 2 * i + 1;
const NEVER = new Promise<string>(() => undefined);

let upstream: RawServer;
let asked: number;
let isAnswering: boolean;
let worker: WorkerHarness;

beforeAll(async () => {
  asked = 0;
  isAnswering = true;
  upstream = listenRaw(
    answering(() => {
      asked++;
      return isAnswering ? answerText("ok") : NEVER;
    }),
  );
  worker = await startWorker(meshText({ documents: backendDocs("shop", upstream.port) }));
});
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

const answerTo = (caller: RawH2, id: number) =>
  caller.until(({ type, streamId: of }) => type === FRAME.HEADERS && of === id);

test("a request that is cancelled as it arrives reaches no endpoint, nor does its content", async () => {
  using caller = await RawH2.open(worker.outbound);
  const requests = Array.from({ length: PER_CONNECTION }, (_, i) => [...headers(streamId(i)), ...reset(streamId(i))]);
  const last = streamId(PER_CONNECTION);
  caller.send(requests.flat());
  caller.send([...headers(last, POST, FLAG.END_HEADERS), ...reset(last), ...headers(last + 2)]);
  expect(await answerTo(caller, last + 2)).toBeDefined();
  expect(asked).toBe(1);
});

/** Has more requests begun than may be cancelled, on several connections, and cancels them all. */
async function cancelTooMany(): Promise<void> {
  const before = asked;
  const connections = Math.ceil((1.4 * CANCELLATIONS_AT_ONCE) / PER_CONNECTION);
  const callers = await Promise.all(Array.from({ length: connections }, () => RawH2.open(worker.outbound)));
  for (const [number, caller] of callers.entries()) {
    for (let i = 0; i < PER_CONNECTION; i++) caller.send(headers(streamId(i)));
    // One connection's after the other: all at once are more connections than an endpoint's kernel lets wait to be accepted.
    const begun = before + (number + 1) * PER_CONNECTION;
    await until(() => asked >= begun, `requests to be begun: ${asked} of ${begun}`, 10_000);
  }
  for (const caller of callers)
    caller.send(Array.from({ length: PER_CONNECTION }, (_, i) => reset(streamId(i))).flat());
  const closed = () => stats.gauge(UPSTREAM_GAUGE.active) === 0;
  const { stats } = worker;
  await until(closed, "all of them to be given up");
  for (const caller of callers) caller[Symbol.dispose]();
}

/** Status and reason; 0 where the stream or the connection was reset. */
async function askOnce(): Promise<readonly [number, unknown]> {
  try {
    await using caller = await H2Client.open(worker.outbound);
    const { status, headers: lines } = await caller.ask({ ":authority": "shop" });
    return [status, lines["x-selvedge-reason"]];
  } catch {
    return [0, ""];
  }
}

/** Whoever goes on asking loses his connection, and the next one, without a request at an endpoint or a record of each. */
async function expectCalmed(): Promise<void> {
  const before = asked;
  const recorded = worker.records().length;
  for (let connection = 0; connection < 2; connection++) {
    using caller = await RawH2.open(worker.outbound);
    for (let i = 0; i < 2 * CALMED_STREAMS_MAX; i++) caller.send(headers(streamId(i)));
    expect(await caller.goneWith()).toBe("ENHANCE_YOUR_CALM");
  }
  const { length } = worker.records();
  expect(asked).toBe(before);
  // One is told of now and then.
  expect(length - recorded).toBeLessThan(CALMED_STREAMS_MAX / 2);
}

test("a caller that cancels what it has begun may begin nothing more for a while, on no connection", async () => {
  isAnswering = false;
  await cancelTooMany();
  isAnswering = true;
  let answer = await askOnce();
  expect(answer).toEqual([503, "UO"]);
  await expectCalmed();
  const peer = await connectRaw({ port: worker.outbound });
  expect((await ask(peer, getText("/", "shop.prod"))).status).toBe(200);
  peer.destroy();
  const endsAt = performance.now() + 10_000;
  while (answer[0] !== 200 && performance.now() < endsAt) answer = await askOnce();
  expect(answer[0]).toBe(200);
}, 20_000);
