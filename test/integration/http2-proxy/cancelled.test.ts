/** Requests that their callers cancel: what they cost the endpoint, and how many a caller may have. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { CANCELLATIONS_AT_ONCE } from "../../../src/proxy/limits.ts";
import { H2Client } from "../../support/h2-client.ts";
import { FLAG, FRAME, headers, POST, reset, type SeenFrame } from "../../support/http2-frames.ts";
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

const isAnswer = ({ type }: SeenFrame) => type === FRAME.HEADERS;
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

/** Has so many requests begun on a connection of their own, and cancels them. */
async function cancelSome(): Promise<void> {
  using caller = await RawH2.open(worker.outbound);
  const before = asked;
  for (let i = 0; i < PER_CONNECTION; i++) caller.send(headers(streamId(i)));
  await until(() => asked >= before + PER_CONNECTION || caller.read().some(isAnswer), "requests to be begun");
  for (let i = 0; i < PER_CONNECTION; i++) caller.send(reset(streamId(i)));
}

async function askOnce(): Promise<readonly [number, unknown]> {
  await using caller = await H2Client.open(worker.outbound);
  const { status, headers: lines } = await caller.ask({ ":authority": "shop" });
  return [status, lines["x-selvedge-reason"]];
}

test("a caller that cancels what it has begun may begin nothing more for a while, on no connection", async () => {
  let cancelled = 0;
  let answer: readonly [number, unknown] = [0, ""];
  for (; answer[0] !== 503 && cancelled < 3 * CANCELLATIONS_AT_ONCE; cancelled += PER_CONNECTION) {
    isAnswering = false;
    await cancelSome();
    isAnswering = true;
    answer = await askOnce();
  }
  expect(answer).toEqual([503, "UO"]);
  expect(cancelled).toBeGreaterThanOrEqual(CANCELLATIONS_AT_ONCE);
  const peer = await connectRaw({ port: worker.outbound });
  expect((await ask(peer, getText("/", "shop.prod"))).status).toBe(200);
  peer.destroy();
  const endsAt = performance.now() + 5_000;
  while (answer[0] !== 200 && performance.now() < endsAt) answer = await askOnce();
  expect(answer[0]).toBe(200);
}, 20_000);
