/**
 * Callers of a service, in a process of its own. Argument: `MeshLoad`. Each of `connections` sends a request, checks that the
 * answer carries its own token, waits `gapMs`, and sends the next; nothing is sent again. Prints `started`; on each line of
 * input prints a `MeshLoadReport` of what was done since the start, and ends with `stop` after the last answer.
 */
import type { Socket } from "bun";

export interface MeshLoad {
  readonly port: number;
  readonly host: string;
  readonly connections: number;
  readonly gapMs: number;
  /** Requests on one connection before it is closed; 1 = a new one for each. Absent: as many as the mesh lets. */
  readonly requestsPerConnection?: number;
  readonly path?: string;
}

export interface MeshLoadFailure {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly kind: "refused" | "lost" | "wrong answer" | "timeout";
  /** Requests that were answered on this connection before. */
  readonly served: number;
}

export interface MeshLoadReport {
  readonly sent: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Answers of status 200 by the name of who gave them, and the order of the last ones. */
  readonly names: Readonly<Record<string, number>>;
  readonly failures: readonly MeshLoadFailure[];
  readonly failed: number;
  readonly connects: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly slowest: number;
}

const FAILURES_KEPT = 1000;
const ANSWER_TIMEOUT_MS = 8_000;
const BACKOFF_MS = 5;

const load = JSON.parse(process.argv[2] ?? "{}") as MeshLoad;
const perConnection = load.requestsPerConnection ?? Number.POSITIVE_INFINITY;
const statuses: Record<string, number> = {};
const names: Record<string, number> = {};
const failures: MeshLoadFailure[] = [];
const latencies: number[] = [];
let sent = 0;
let failed = 0;
let connects = 0;
let tokens = 0;
let isStopping = false;

interface Waiting {
  text: string;
  resolve: (outcome: "answered" | "lost") => void;
}
type Line = Socket<Waiting>;

function fail(kind: MeshLoadFailure["kind"], served: number): void {
  failed++;
  if (failures.length < FAILURES_KEPT) failures.push({ atMs: Date.now(), kind, served });
}

const handlers = {
  data(socket: Line, chunk: Buffer) {
    socket.data.text += chunk.toString("latin1");
    const end = socket.data.text.indexOf("\r\n\r\n");
    const length = /\r\ncontent-length: *(\d+)/i.exec(socket.data.text)?.[1];
    if (end >= 0 && length !== undefined && socket.data.text.length >= end + 4 + Number(length)) {
      socket.data.resolve("answered");
    }
  },
  end: (socket: Line) => socket.data.resolve("lost"),
  close: (socket: Line) => socket.data.resolve("lost"),
  error: (socket: Line) => socket.data.resolve("lost"),
};

async function connect(): Promise<Line | undefined> {
  connects++;
  const data: Waiting = { text: "", resolve() {} };
  try {
    return await Bun.connect<Waiting>({ hostname: "127.0.0.1", port: load.port, data, socket: handlers });
  } catch {
    return undefined;
  }
}

/** One request and its answer; false where the connection is not to be used again. */
async function call(line: Line, served: number): Promise<boolean> {
  const token = `${process.pid}-${tokens++}`;
  const isLast = served + 1 >= perConnection;
  const done = Promise.withResolvers<"answered" | "lost">();
  line.data.text = "";
  line.data.resolve = done.resolve;
  const head = `GET ${load.path ?? "/"} HTTP/1.1\r\nhost: ${load.host}\r\nx-token: ${token}\r\n`;
  const startMs = performance.now();
  sent++;
  if (line.write(`${head}${isLast ? "connection: close\r\n" : ""}\r\n`) < 0) done.resolve("lost");
  const timer = setTimeout(() => done.resolve("lost"), ANSWER_TIMEOUT_MS);
  const outcome = await done.promise;
  clearTimeout(timer);
  if (outcome === "lost") {
    fail(performance.now() - startMs >= ANSWER_TIMEOUT_MS ? "timeout" : "lost", served);
    return false;
  }
  latencies.push(performance.now() - startMs);
  const { text } = line.data;
  const status = text.slice(9, 12);
  statuses[status] = (statuses[status] ?? 0) + 1;
  if (status === "200") {
    const [name = "", echo] = text.slice(text.indexOf("\r\n\r\n") + 4).split(" ");
    names[name] = (names[name] ?? 0) + 1;
    if (echo !== token) fail("wrong answer", served);
  }
  return !isLast && !/\r\nconnection: *close/i.test(text);
}

async function caller(): Promise<void> {
  while (!isStopping) {
    const line = await connect();
    if (line === undefined) {
      fail("refused", 0);
      await Bun.sleep(BACKOFF_MS);
      continue;
    }
    let served = 0;
    while (!isStopping && (await call(line, served))) {
      served++;
      await Bun.sleep(load.gapMs);
      if (isClosed(line)) break;
    }
    line.end();
    await Bun.sleep(load.gapMs);
  }
}

// A connection that was closed between two requests is nobody's failure: any client sees it before it sends.
function isClosed(line: Line): boolean {
  return line.readyState !== 1;
}

function report(): MeshLoadReport {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { sent, statuses, names, failures, failed, connects, p50: at(0.5), p99: at(0.99), slowest: at(1) };
}

const callers = Array.from({ length: load.connections }, caller);
console.log("started");
for await (const line of console) {
  if (line === "stop") {
    isStopping = true;
    await Promise.all(callers);
    console.log(JSON.stringify(report()));
    process.exit(0);
  }
  console.log(JSON.stringify(report()));
}
process.exit(0);
