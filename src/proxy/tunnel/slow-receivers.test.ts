import { expect, test } from "bun:test";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { type TunnelNode, twoNodes } from "../../../test/support/tunnel-node.ts";
import { AnsweringStreams, ask } from "../../../test/support/tunnel-requests.ts";
import { until } from "../../../test/support/until.ts";
import {
  BACKLOG_BYTES_KEPT,
  BACKLOG_BYTES_MAX,
  SHARED_STREAM_WINDOW_BYTES,
  WIDE_BYTES_OF_ONE_MAX,
  WIDE_STREAM_WINDOW_BYTES,
} from "../http2/limits.ts";
import type { LinkStream, StreamOwner } from "../http2/link-stream.ts";
import { AS_LINE } from "./control-request.ts";
import type { StreamTunnel } from "./stream-handler.ts";
import type { TunnelLink } from "./tunnel-link.ts";

const WEB = "workload/prod/web";
const BULK = "workload/prod/bulk";
const SITE = "store-042.fleet.example";

/** Streams to `/stall` are read as far as the test says; each belongs to the workload that it names as its reader. */
class StallingStreams extends AnsweringStreams {
  readonly stalled = new Map<LinkStream, { bytes: number; reset: number }>();
  /** Passes all on that comes. */
  reads = false;

  override request(tunnel: StreamTunnel, stream: LinkStream): void {
    const { heads } = tunnel.link.host;
    const path = heads.requestBytes.toString("latin1", heads.request.pathStart, heads.request.pathEnd);
    if (!path.startsWith("/stall")) {
      super.request(tunnel, stream);
      return;
    }
    const entry = { bytes: 0, reset: -1 };
    this.stalled.set(stream, entry);
    stream.debtor = path === "/stall/web" ? WEB : BULK;
    stream.owner = {
      ...QUIET,
      onStreamData: (_stream, bytes) => {
        entry.bytes += bytes.length;
        if (this.reads) stream.credit(bytes.length);
      },
      onStreamReset: (_stream, code) => {
        entry.reset = code;
      },
    };
  }

  of(debtor: string): { bytes: number; reset: number }[] {
    return [...this.stalled].filter(([stream]) => stream.debtor === debtor).map(([, entry]) => entry);
  }
}

const QUIET: StreamOwner = {
  onStreamHead: () => undefined,
  onStreamData: () => undefined,
  onStreamTrailers: () => undefined,
  onStreamReset: () => undefined,
  onStreamDrained: () => undefined,
};

/** A stream whose sender has always more. */
function pour(link: TunnelLink, handle: number, path: string): void {
  const feed = (stream: LinkStream): void => {
    for (let i = 0; i < 64 && !stream.isFull && !stream.isOver; i++) stream.write(PIECE, 0, PIECE.length, false);
  };
  const stream = link.openStream({ ...QUIET, onStreamDrained: feed })!;
  const head = Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: orders.prod\r\n${AS_LINE}: ${handle}\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  stream.head(head, 0, head.length, false, false);
  feed(stream);
}

const PIECE = Buffer.alloc(16 * 1024, 120);

async function nodes(streams: StallingStreams): Promise<readonly [TunnelNode, TunnelNode, TunnelLink]> {
  const identities = await TunnelIdentities.make(SITE, ["till-1", "till-2"]);
  const [one, two] = await twoNodes(identities, { "till-1": [WEB, BULK] }, streams);
  return [one, two, await one.up("till-2")];
}

test("three hundred streams of one workload that nobody reads hold up no request of another", async () => {
  const streams = new StallingStreams();
  const [one, two, link] = await nodes(streams);
  using _one = one;
  using _two = two;
  const handle = one.tunnels.handleFor(link, BULK, () => undefined);
  const timed = async (): Promise<number> => {
    const tookMs: number[] = [];
    for (let i = 0; i < 300; i++) {
      const startedMs = performance.now();
      expect(await ask(one, "till-2", WEB)).toBe("200");
      tookMs.push(performance.now() - startedMs);
    }
    return tookMs.sort((a, b) => a - b)[296]!;
  };
  await timed();
  const alone = await timed();
  for (let i = 0; i < 300; i++) pour(link, handle, "/stall/bulk");
  const held = (): number =>
    [...two.tunnels.accepted].reduce((sum, tunnel) => sum + tunnel.link.connection.heldBytes, 0);
  await until(() => held() === 300 * SHARED_STREAM_WINDOW_BYTES, "all of them to stand still", 10_000);
  const beside = await timed();
  console.log(`p99 ${alone.toFixed(2)} ms alone, ${beside.toFixed(2)} ms beside 300 stalled streams`);
  expect(beside).toBeLessThan(Math.max(50, 5 * alone));
  expect(two.slowReceivers).toBe(0);
});

test("where too much is held, those who owe the most lose the streams that stood still for longest", async () => {
  const streams = new StallingStreams();
  const [one, two, link] = await nodes(streams);
  using _one = one;
  using _two = two;
  const handle = one.tunnels.handleFor(link, BULK, () => undefined);
  pour(link, handle, "/stall/web");
  const held = (): number =>
    [...two.tunnels.accepted].reduce((sum, tunnel) => sum + tunnel.link.connection.heldBytes, 0);
  await until(() => held() === SHARED_STREAM_WINDOW_BYTES, "the first stream to stand still");
  const count = Math.ceil((BACKLOG_BYTES_MAX * 1.2) / SHARED_STREAM_WINDOW_BYTES);
  for (let i = 0; i < count; i++) pour(link, handle, "/stall/bulk");
  await until(() => two.slowReceivers > 0 && streams.stalled.size > count, "the worst to be reset", 10_000);
  expect(await ask(one, "till-2", WEB)).toBe("200");
  expect(held()).toBeLessThanOrEqual(BACKLOG_BYTES_MAX);
  expect(held()).toBeGreaterThan(BACKLOG_BYTES_KEPT - 8 * 2 ** 20);
  // It stood still before all others, but its workload owes next to nothing.
  expect(streams.of(WEB).map(({ reset }) => reset)).toEqual([-1]);
  const resets = streams.of(BULK).filter(({ reset }) => reset >= 0);
  expect(resets.length).toBe(two.slowReceivers);
});

test("a receiver that keeps up gets a wider window, up to its workload's share, and gives it back", async () => {
  const streams = new StallingStreams();
  streams.reads = true;
  // More than the share is enough for.
  const COUNT = 40;
  const [one, two, link] = await nodes(streams);
  using _one = one;
  using _two = two;
  const handle = one.tunnels.handleFor(link, BULK, () => undefined);
  for (let i = 0; i < COUNT; i++) pour(link, handle, "/stall/bulk");
  const windows = (): number[] => [...streams.stalled.keys()].map(({ stream }) => stream?.windowBytes ?? 0);
  const wide = (): number => windows().reduce((sum, bytes) => sum + bytes - SHARED_STREAM_WINDOW_BYTES, 0);
  await until(() => windows().length === COUNT && wide() > WIDE_BYTES_OF_ONE_MAX / 2, "windows to grow");
  await until(
    () => streams.of(BULK).every(({ bytes }) => bytes > 4 * WIDE_STREAM_WINDOW_BYTES),
    "much to be passed on",
  );
  expect(wide()).toBeLessThanOrEqual(WIDE_BYTES_OF_ONE_MAX);
  expect(Math.max(...windows())).toBeLessThanOrEqual(WIDE_STREAM_WINDOW_BYTES);
  const first = [...streams.stalled.keys()];
  for (const stream of first) stream.abandon(8);
  streams.stalled.clear();
  pour(link, handle, "/stall/bulk");
  await until(() => windows()[0] === WIDE_STREAM_WINDOW_BYTES, "the window of another to grow");
});

test("a window does not grow under a receiver that is slow", async () => {
  const streams = new StallingStreams();
  const [one, two, link] = await nodes(streams);
  using _one = one;
  using _two = two;
  pour(
    link,
    one.tunnels.handleFor(link, BULK, () => undefined),
    "/stall/bulk",
  );
  const [stream, entry] = await until(() => [...streams.stalled][0], "the stream");
  let given = 0;
  // A quarter of the window at a time, with the rest still waiting.
  while (given < 8 * SHARED_STREAM_WINDOW_BYTES) {
    await until(() => entry.bytes - given >= SHARED_STREAM_WINDOW_BYTES / 2, "more to come");
    stream.credit(SHARED_STREAM_WINDOW_BYTES / 8);
    given += SHARED_STREAM_WINDOW_BYTES / 8;
  }
  expect(stream.stream!.windowBytes).toBe(SHARED_STREAM_WINDOW_BYTES);
});
