/** The closed-loop generator: wrk, which sends the next request when the last one was answered. */
import { CORE_OF_OTHERS, GENERATOR_UID, runToEnd } from "./processes.ts";

export interface ClosedLoop {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** A new connection for every request. */
  readonly isConnectionPerRequest?: boolean;
  readonly hostname?: string;
  /** A script for wrk that makes the requests. */
  readonly script?: string;
}

export interface ClosedLoopResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Socket errors, time-outs and answers other than 2xx and 3xx. */
  readonly errors: number;
}

/** The name every generator asks for. */
export const HOST = "orders.prod";

/** Reads what wrk prints. Throws where it printed something else. */
export function parseWrk(text: string): ClosedLoopResult {
  const requests = /^\s*(\d+) requests in /m.exec(text)?.[1];
  const rate = /^Requests\/sec:\s+([\d.]+)/m.exec(text)?.[1];
  if (requests === undefined || rate === undefined) throw new Error(`wrk printed no summary:\n${text}`);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0;
  const errors = sockets.reduce((sum, count) => sum + Number(count), Number(refused));
  return { requests: Number(requests), requestsPerSecond: Number(rate), errors };
}

/** Loads one program for some seconds. */
export async function closedLoop(load: ClosedLoop): Promise<ClosedLoopResult> {
  const command = [
    "wrk",
    "-t1",
    `-c${load.connections}`,
    `-d${load.seconds}s`,
    "--timeout=10s",
    "-H",
    `Host: ${HOST}`,
    ...(load.script === undefined ? [] : ["-s", load.script]),
    ...(load.isConnectionPerRequest === true ? ["-H", "Connection: close"] : []),
    `http://${load.hostname ?? "127.0.0.1"}:${load.port}${load.path}`,
  ];
  const text = await runToEnd(command, { core: CORE_OF_OTHERS, uid: GENERATOR_UID });
  const result = parseWrk(text);
  // wrk counts the end of a connection that it was told would end as a read error.
  return load.isConnectionPerRequest === true && result.requests > 0
    ? { ...result, errors: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0) }
    : result;
}
