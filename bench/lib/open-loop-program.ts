/**
 * The open-loop generator: sends at a fixed rate whether or not earlier requests were answered, and counts a request's
 * latency from the moment it was due. Argument: JSON of `OpenLoop`; prints JSON of `OpenLoopResult`.
 *
 * (`h2load --h1 --rps` keeps a rate too, but a request that waits for a busy connection is timed from when it was sent:
 * stop the proxy for a second and the requests that should have been sent meanwhile are missing from its percentiles.
 * `open-loop.test.ts` proves that this one counts them.)
 */
import type { Socket } from "bun";
import { OpenLoopStatistics } from "./open-loop-statistics.ts";

export interface OpenLoop {
  readonly hostname: string;
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly requestsPerSecond: number;
  readonly connections: number;
  readonly seconds: number;
}

interface Connection {
  socket: Socket<Connection> | undefined;
  /** When the request in flight was due; 0: idle. */
  dueMs: number;
  /** Bytes of the answer still to come; -1: its head has not been read. */
  left: number;
}

const decoder = new TextDecoder("latin1");

/** Runs a load to its end. Every answer must have a Content-Length. */
export async function runOpenLoop(load: OpenLoop): Promise<ReturnType<OpenLoopStatistics["result"]>> {
  const request = Buffer.from(`GET ${load.path} HTTP/1.1\r\nHost: ${load.host}\r\nUser-Agent: open-loop\r\n\r\n`);
  const statistics = new OpenLoopStatistics();
  const idle: Connection[] = [];
  const waiting: number[] = [];
  const send = (connection: Connection, dueMs: number) => {
    connection.dueMs = dueMs;
    connection.left = -1;
    connection.socket?.write(request);
  };
  const finish = (connection: Connection) => {
    statistics.answered(performance.now() - connection.dueMs);
    connection.dueMs = 0;
    const next = waiting.shift();
    if (next === undefined) idle.push(connection);
    else send(connection, next);
  };
  const open = async () => {
    const connection: Connection = { socket: undefined, dueMs: 0, left: -1 };
    connection.socket = await Bun.connect<Connection>({
      hostname: load.hostname,
      port: load.port,
      data: connection,
      socket: {
        data(socket, chunk) {
          const { data: state } = socket;
          if (state.dueMs === 0) return statistics.failed();
          if (state.left < 0) {
            const head = headOf(chunk);
            if (head === undefined || head.status !== 200) statistics.failed();
            state.left = head === undefined ? 0 : head.headBytes + head.bodyBytes;
          }
          state.left -= chunk.length;
          if (state.left <= 0) finish(state);
        },
        close(socket) {
          if (socket.data.dueMs !== 0) statistics.failed();
          const at = idle.indexOf(socket.data);
          if (at >= 0) idle.splice(at, 1);
        },
      },
    });
    idle.push(connection);
  };
  for (let i = 0; i < load.connections; i++) await open();
  await pace(load, statistics, (dueMs) => {
    const connection = idle.pop();
    if (connection === undefined) waiting.push(dueMs);
    else send(connection, dueMs);
  });
  return statistics.result();
}

/** Calls `due` for every request when its time has come, one batch per timer tick, and waits for the last answers. */
async function pace(load: OpenLoop, statistics: OpenLoopStatistics, due: (dueMs: number) => void): Promise<void> {
  const gapMs = 1000 / load.requestsPerSecond;
  const startMs = performance.now();
  const total = Math.round(load.requestsPerSecond * load.seconds);
  let sent = 0;
  let lastTickMs = startMs;
  while (sent < total) {
    await Bun.sleep(1);
    const nowMs = performance.now();
    statistics.ticked(nowMs - lastTickMs);
    lastTickMs = nowMs;
    // Timers have a grain of a millisecond: what fell due since the last tick is due now, as one small burst.
    // Waiting for the timer is the generator's fault and not counted; waiting for a connection is, from here on.
    for (; sent < total && startMs + sent * gapMs <= nowMs; sent++) {
      statistics.sent();
      due(performance.now());
    }
  }
  const giveUpMs = performance.now() + 5_000;
  while (statistics.unanswered > 0 && performance.now() < giveUpMs) await Bun.sleep(5);
}

function headOf(chunk: Uint8Array): { status: number; headBytes: number; bodyBytes: number } | undefined {
  const text = decoder.decode(chunk.subarray(0, 4096));
  const end = text.indexOf("\r\n\r\n");
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  if (end < 0 || length === undefined) return undefined;
  return { status: Number(text.slice(9, 12)), headBytes: end + 4, bodyBytes: Number(length) };
}

if (import.meta.main) {
  console.log(JSON.stringify(await runOpenLoop(JSON.parse(process.argv[2] as string) as OpenLoop)));
  process.exit(0);
}
