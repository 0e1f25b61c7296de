/**
 * Stands in for the proxy worker in tests of the keeper: speaks the channel, counts one request per generation it takes up,
 * and misbehaves when a record of kind `fake` tells it to.
 */
import { openRegion } from "../../src/kernel/shared-memory.ts";
import { adoptSocket } from "../../src/kernel/socket-fd.ts";
import { COUNTER } from "../../src/telemetry/fixed-metrics.ts";
import { StatsWriter } from "../../src/telemetry/stats-writer.ts";
import { FrameReader } from "../../src/wire/channel/codec.ts";
import { CHANNEL_PROTOCOL, TO_KEEPER, TO_WORKER } from "../../src/wire/channel/frames.ts";
import { LineAssembler } from "../../src/wire/channel/line-assembler.ts";
import { encodeToKeeper, type ToKeeperFrame } from "../../src/wire/channel/to-keeper-frame.ts";
import { decodeToWorker, type ToWorkerFrame } from "../../src/wire/channel/to-worker-frame.ts";

interface Argument {
  readonly channelFd: number;
  readonly statsFd: number;
  readonly statsBytes: number;
  readonly workerId: number;
}

/** What a record `{"kind":"fake","key":"fake/x","act":...}` makes it do when a snapshot with it ends. */
export type FakeAct = "exit" | "nack" | "hang" | "garbage" | "attest" | "metrics";

const argument = JSON.parse(process.argv[2] ?? "{}") as Argument;
const region = openRegion(argument.statsFd, argument.statsBytes);
const stats = new StatsWriter(region.bytes, { workerId: argument.workerId, startedAtMs: Date.now() });
const records = new Map<string, Record<string, unknown>>();
const lines = new LineAssembler();
let served = 0;
let begun: { generation: number; base: number; mode: string } = { generation: 0, base: 0, mode: "full" };

const reader = new FrameReader((type, payload) => receive(decodeToWorker(type, payload)));
const channel = await adoptSocket<undefined>(
  argument.channelFd,
  { data: (_socket, bytes) => reader.feed(bytes), close: () => {} },
  undefined,
);
const send = (frame: ToKeeperFrame): void => void channel.write(encodeToKeeper(frame));
send({ type: TO_KEEPER.HELLO, protocol: CHANNEL_PROTOCOL, pid: process.pid });
process.on("SIGTERM", () => process.exit(0));
// Without its keeper it goes on, like the real one.
setInterval(() => {}, 60_000);

function receive(frame: ToWorkerFrame): void {
  switch (frame.type) {
    case TO_WORKER.SNAPSHOT_BEGIN:
      begun = frame;
      lines.reset();
      if (frame.mode === "full") records.clear();
      break;
    case TO_WORKER.SNAPSHOT_LINES:
      lines.push(frame.bytes, (line) => take(JSON.parse(new TextDecoder().decode(line))));
      break;
    case TO_WORKER.SNAPSHOT_END:
      finish(frame.generation);
      break;
    case TO_WORKER.METRICS_CHUNK:
      if (!frame.isLast) send({ type: TO_KEEPER.METRICS_MORE, requestId: frame.requestId, isCancelled: false });
      else send({ type: TO_KEEPER.ENDPOINT, endpoint: "scraped", state: "down", reason: "" });
      break;
    case TO_WORKER.ATTEST_REPLY:
      send({ type: TO_KEEPER.ENDPOINT, endpoint: `attested ${frame.workload}`, state: "down", reason: frame.strength });
      break;
    case TO_WORKER.DRAIN:
      send({ type: TO_KEEPER.DRAINED, streamsCut: 0 });
      channel.flush();
      setImmediate(() => process.exit(0));
      break;
  }
}

function take(record: Record<string, unknown>): void {
  if ("delete" in record) records.delete(String(record["delete"]));
  else records.set(String(record["key"]), record);
}

function finish(generation: number): void {
  const acts = [...records.values()].filter((record) => record["kind"] === "fake").map((record) => record["act"]);
  if (acts.includes("exit")) process.exit(3);
  if (acts.includes("hang")) return;
  if (acts.includes("garbage")) channel.write(Uint8Array.of(1, 0, 0, 0, 255, 0));
  if (acts.includes("nack") || (begun.mode === "delta" && begun.base !== served)) {
    send({ type: TO_KEEPER.NACK, generation, reason: `cannot take ${generation} on ${served}` });
    return;
  }
  served = generation;
  stats.counter(COUNTER.retries);
  send({ type: TO_KEEPER.ACK, generation });
  for (const record of records.values()) {
    if (record["kind"] !== "listener") continue;
    const port = Number(record["port"]) || 20_000 + (process.pid % 10_000);
    send({ type: TO_KEEPER.LISTENING, listener: String(record["key"]), port, errno: 0, message: "" });
  }
  for (const record of records.values()) {
    if (record["kind"] !== "service") continue;
    const drained = JSON.stringify(record).includes('"drained":true') ? "drained" : "rotation";
    send({ type: TO_KEEPER.ENDPOINT, endpoint: `${record["key"]} ${drained}`, state: "down", reason: "" });
  }
  if (acts.includes("metrics")) send({ type: TO_KEEPER.METRICS, requestId: 1 });
  if (acts.includes("attest")) {
    send({ type: TO_KEEPER.ATTEST, requestId: 1, side: "caller", uid: 4321, inode: 1n, cgroupId: 0n });
  }
  send({ type: TO_KEEPER.READY, generation });
}
