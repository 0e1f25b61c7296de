/**
 * Somebody who calls where he is told to, in a process of its own: by HTTP, by WebSocket (`ws://…`: sends the body as one message and
 * waits for one) or by TCP (`tcp://…`: sends the body, closes its half and reads to the end). Each line of input is an `Errand` as
 * JSON, each line of output its `Outcome`, in the order in which they end; errands run side by side. Prints `ready` first; ends with
 * its input.
 */

import { connect } from "node:net";
import { WebSocket } from "ws";

export interface Errand {
  readonly id: number;
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Default: 10 s. */
  readonly timeoutMs?: number;
}

/** What an errand brought home. By WebSocket the status is 101, by TCP 0. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly tookMs: number;
}

export type Outcome = ({ readonly id: number } & Answer) | { readonly id: number; readonly error: string };

const TIMEOUT_DEFAULT_MS = 10_000;

type Brought = Omit<Answer, "tookMs">;

async function byHttp(errand: Errand, signal: AbortSignal): Promise<Brought> {
  const response = await fetch(errand.url, {
    method: errand.method ?? "GET",
    // A connection of its own: what the one before met must not decide.
    headers: { connection: "close", ...errand.headers },
    redirect: "manual",
    signal,
    ...(errand.body === undefined ? {} : { body: errand.body }),
  });
  const body = await response.text();
  return { status: response.status, headers: Object.fromEntries(response.headers), body };
}

function byWebSocket(errand: Errand, signal: AbortSignal): Promise<Brought> {
  const socket = new WebSocket(errand.url, { headers: { ...errand.headers } });
  const { promise, resolve, reject } = Promise.withResolvers<Brought>();
  signal.addEventListener("abort", () => reject(signal.reason));
  socket.on("open", () => socket.send(errand.body ?? ""));
  socket.on("message", (data) => resolve({ status: 101, headers: {}, body: data.toString() }));
  socket.on("error", reject);
  socket.on("close", (code) => reject(new Error(`closed with ${code}`)));
  return promise.finally(() => socket.close());
}

function byTcp(errand: Errand, signal: AbortSignal): Promise<Brought> {
  const { hostname, port } = new URL(errand.url);
  const { promise, resolve, reject } = Promise.withResolvers<Brought>();
  const parts: Buffer[] = [];
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true }, () =>
    socket.end(errand.body ?? ""),
  );
  signal.addEventListener("abort", () => reject(signal.reason));
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("end", () => resolve({ status: 0, headers: {}, body: Buffer.concat(parts).toString() }));
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("closed without an end")));
  return promise.finally(() => socket.destroy());
}

async function run(errand: Errand): Promise<Outcome> {
  const { id, url, timeoutMs = TIMEOUT_DEFAULT_MS } = errand;
  const startMs = performance.now();
  const by = url.startsWith("ws:") ? byWebSocket : url.startsWith("tcp:") ? byTcp : byHttp;
  try {
    const brought = await by(errand, AbortSignal.timeout(timeoutMs));
    return { id, ...brought, tookMs: performance.now() - startMs };
  } catch (error) {
    return { id, error: String(error) };
  }
}

console.log("ready");
for await (const line of console) {
  void run(JSON.parse(line) as Errand).then((outcome) => console.log(JSON.stringify(outcome)));
}
process.exit(0);
