/** What a hostile caller can make a worker do: little, and never at the cost of others. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  type Bytes,
  block,
  continuation,
  data,
  FLAG,
  FRAME,
  frame,
  headers,
  POST,
  ping,
  priority,
  reset,
  SETTING,
  settings,
  windowUpdate,
} from "../../support/http2-frames.ts";
import { ownBytesOf } from "../../support/own-bytes.ts";
import { RawH2 } from "../../support/raw-h2.ts";
import { answering } from "../../support/raw-http.ts";
import { listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

/** What a connection may add to the worker's memory, its share of what the runtime has not collected yet included. */
const GROWTH_BYTES_MAX = 24 * 2 ** 20;

let upstream: RawServer;
let worker: WorkerHarness;

beforeAll(async () => {
  upstream = listenRaw(answering(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  worker = await startWorker(meshText({ documents: backendDocs("shop", upstream.port) }));
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

const ownBytes = (): number => ownBytesOf(worker.pid);

/** A block that refers again and again to one large entry that it makes. */
const BOMB = block([...POST, ["x-large", "a".repeat(3000)]]).concat(new Array(4000).fill(0xbe));
const CRUMBS = block(Array.from({ length: 300 }, (_, i) => ["cookie", `a${i}=1`] as const));

const ATTACKS: readonly (readonly [name: string, frames: (i: number) => readonly Bytes[], ending: string])[] = [
  ["resets", (i) => [headers(i * 2 + 1), reset(i * 2 + 1)], "ENHANCE_YOUR_CALM"],
  ["settings", () => [settings([SETTING.MAX_CONCURRENT_STREAMS, 1])], "ENHANCE_YOUR_CALM"],
  ["pings", () => [ping()], "ENHANCE_YOUR_CALM"],
  ["empty data", (i) => (i === 0 ? [headers(1, POST, FLAG.END_HEADERS)] : [data(1, "", 0)]), "ENHANCE_YOUR_CALM"],
  ["window updates", () => [windowUpdate(0, 1)], "ENHANCE_YOUR_CALM"],
  ["priorities", (i) => [priority(i * 2 + 1)], "ENHANCE_YOUR_CALM"],
  ["unknown frames", () => [frame(0xbb, 0, 0, [1, 2, 3])], "ENHANCE_YOUR_CALM"],
  ["continuations", (i) => (i === 0 ? [headers(1, POST, 0)] : [continuation(1, [], 0)]), "ENHANCE_YOUR_CALM"],
  ["header bombs", (i) => [frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, i * 2 + 1, BOMB)], "any"],
  ["crumbs", (i) => [frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, i * 2 + 1, CRUMBS)], "ENHANCE_YOUR_CALM"],
];

test.each(ATTACKS)(
  "a flood of %s ends its connection, costs little memory, and others are served",
  async (_name, frames, ending) => {
    const before = ownBytes();
    using caller = await RawH2.open(worker.outbound);
    using other = await RawH2.open(worker.outbound);
    for (let i = 0; i < 20_000 && !caller.peer.isClosed && !caller.peer.hasEnded; i++) {
      caller.send(...frames(i));
      if (i % 500 === 0) await Bun.sleep(0);
    }
    const code = await caller.goneWith();
    if (ending !== "any") expect(code).toBe(ending);
    other.send(headers(1));
    expect(await other.until(({ type, streamId }) => type === FRAME.HEADERS && streamId === 1)).toBeDefined();
    expect(ownBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  },
  10_000,
);

test("requests whose answers are never read wait, and cost no more than their windows", async () => {
  const before = ownBytes();
  const callers = await Promise.all(
    Array.from({ length: 10 }, () => RawH2.open(worker.outbound, [SETTING.INITIAL_WINDOW_SIZE, 0])),
  );
  for (const caller of callers) for (let id = 1; id < 200; id += 2) caller.send(headers(id));
  using other = await RawH2.open(worker.outbound);
  other.send(headers(1));
  expect(await other.until(({ type, streamId }) => type === FRAME.HEADERS && streamId === 1)).toBeDefined();
  expect(ownBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  for (const caller of callers) caller[Symbol.dispose]();
});
