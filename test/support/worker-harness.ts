import { join } from "node:path";
import { compile } from "../../src/keeper/config/compile/compile.ts";
import { decodeFiles } from "../../src/keeper/config/decode/decode-files.ts";
import { createRegion } from "../../src/kernel/shared-memory.ts";
import { adoptSocket } from "../../src/kernel/socket-fd.ts";
import { spawnWorker } from "../../src/kernel/spawn-worker.ts";
import type { IdentityStrength } from "../../src/model/request-facts.ts";
import type { SnapshotRecord } from "../../src/model/snapshot.ts";
import type { RequestRecord } from "../../src/telemetry/access-record.ts";
import { REGION_BYTES } from "../../src/telemetry/layout.ts";
import { StatsReader } from "../../src/telemetry/stats-reader.ts";
import { FrameReader } from "../../src/wire/channel/codec.ts";
import { TO_KEEPER, TO_WORKER } from "../../src/wire/channel/frames.ts";
import { SendQueue } from "../../src/wire/channel/send-queue.ts";
import { decodeToKeeper, type ToKeeperFrame } from "../../src/wire/channel/to-keeper-frame.ts";
import { encodeToWorker } from "../../src/wire/channel/to-worker-frame.ts";

const PACKAGE_ROOT = join(import.meta.dir, "../..");

/** What the stand-in for the keeper answers when a worker asks who owns a socket. */
export type AttestAnswer = (
  side: "caller" | "listener",
  uid: number,
  inode: bigint,
) => { workload: string; strength: Exclude<IdentityStrength, "none"> } | null;

/** A real worker in its sandbox, served by the test in place of a keeper. Dispose of it. */
export interface WorkerHarness extends AsyncDisposable {
  readonly pid: number;
  /** Port of the shared outbound listener. */
  readonly outbound: number;
  /** Port of a listener by its record's key. */
  port(key: string): number;
  readonly frames: readonly ToKeeperFrame[];
  /** Sends another configuration and resolves when the worker serves it; rejects where it refuses. */
  apply(yaml: string): Promise<void>;
  applyRecords(records: readonly SnapshotRecord[]): Promise<void>;
  send(frame: Parameters<typeof encodeToWorker>[0]): void;
  /** Closes the channel, as a dying keeper would. */
  orphan(): void;
  /** Every record that was written so far. */
  records(): RequestRecord[];
  readonly stats: StatsReader;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
}

/** Compiles YAML into records as a node sees them; throws where the configuration has an error. */
export function compileYaml(yaml: string, node = "here"): readonly SnapshotRecord[] {
  const decoded = decodeFiles([{ path: "test.yaml", text: yaml }]);
  const compiled = compile(decoded.documents, { node, hostname: node, resolveUser: () => undefined });
  const errors = [...decoded.issues, ...compiled.issues].filter((issue) => issue.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((e) => `${e.line}:${e.col} ${e.code} ${e.message}`).join("\n"));
  return compiled.records;
}

/** @param attest answers in place of the keeper; default: nobody. @param node of which it is a worker. */
export async function startWorker(
  yaml: string,
  attest: AttestAnswer = () => null,
  node = "here",
): Promise<WorkerHarness> {
  const region = createRegion("selvedge-test", REGION_BYTES);
  const worker = spawnWorker({
    bun: process.execPath,
    program: join(PACKAGE_ROOT, "src/proxy/worker.ts"),
    packageRoot: PACKAGE_ROOT,
    stats: region,
    args: { workerId: 1 },
    // As the keeper starts it.
    bunFlags: ["--smol"],
    forbidden: [],
    bindLowPorts: process.getuid?.() === 0,
    // Running as the test's own user keeps unix sockets of the test reachable.
    ...(process.getuid?.() === 0 ? { user: { uid: 0, gid: 0 } } : {}),
  });
  const frames: ToKeeperFrame[] = [];
  const ports = new Map<string, number>();
  const reader = new FrameReader((type, payload) => onFrame(decodeToKeeper(type, payload)));
  let socket: Awaited<ReturnType<typeof adoptSocket<undefined>>> | null = null;
  const queue = new SendQueue((bytes) => socket?.write(bytes) ?? -1);
  let waiting: { generation: number; resolve: () => void; reject: (error: Error) => void } | null = null;
  const send = (frame: Parameters<typeof encodeToWorker>[0]): void => {
    queue.send(encodeToWorker(frame));
  };
  function onFrame(frame: ToKeeperFrame): void {
    frames.push(frame);
    if (frame.type === TO_KEEPER.LISTENING) ports.set(frame.listener, frame.port);
    else if (frame.type === TO_KEEPER.READY && waiting?.generation === frame.generation) waiting.resolve();
    else if (frame.type === TO_KEEPER.NACK) waiting?.reject(new Error(frame.reason));
    else if (frame.type === TO_KEEPER.ATTEST) {
      const answer = attest(frame.side, frame.uid, frame.inode);
      send({
        type: TO_WORKER.ATTEST_REPLY,
        requestId: frame.requestId,
        strength: answer?.strength ?? "none",
        workload: answer?.workload ?? "",
      });
    }
  }
  socket = await adoptSocket<undefined>(
    worker.channelFd,
    {
      data: (_socket, bytes) => reader.feed(bytes),
      drain: () => {
        queue.flush();
      },
    },
    undefined,
  );
  worker.exited.then((exit) => waiting?.reject(new Error(`the worker ended: ${JSON.stringify(exit)}`)));
  let generation = 0;
  const applyRecords = (records: readonly SnapshotRecord[]): Promise<void> =>
    new Promise((resolve, reject) => {
      generation++;
      waiting = { generation, resolve, reject };
      send({ type: TO_WORKER.SNAPSHOT_BEGIN, generation, mode: "full", base: 0, records: records.length });
      for (const record of records) {
        send({ type: TO_WORKER.SNAPSHOT_LINES, bytes: Buffer.from(`${JSON.stringify(record)}\n`) });
      }
      send({ type: TO_WORKER.SNAPSHOT_END, generation });
    });
  await applyRecords(compileYaml(yaml, node));
  const stats = new StatsReader(region.bytes);
  const seen: RequestRecord[] = [];
  const port = (key: string): number => {
    const found = ports.get(key);
    if (!found) throw new Error(`no listener ${key}: ${JSON.stringify([...ports])}`);
    return found;
  };
  return {
    pid: worker.pid,
    get outbound() {
      return port([...ports.keys()].find((key) => key.startsWith("listener/outbound/")) ?? "");
    },
    port,
    frames,
    stats,
    apply: (next) => applyRecords(compileYaml(next, node)),
    applyRecords,
    send,
    orphan: () => socket?.end(),
    records: () => {
      stats.refresh();
      seen.push(...stats.records.read());
      return seen;
    },
    kill: (signal) => worker.kill(signal),
    exited: worker.exited,
    [Symbol.asyncDispose]: async () => {
      worker.kill("SIGKILL");
      await worker.exited;
      stats.close();
      region.close();
    },
  };
}
