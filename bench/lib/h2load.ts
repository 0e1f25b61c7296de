/** The closed-loop generator for HTTP/2: h2load, here for gRPC's unary calls by prior knowledge. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CORE_OF_OTHERS, GENERATOR_UID, runToEnd } from "./processes.ts";
import type { Scratch } from "./scratch.ts";
import type { ClosedLoopResult } from "./wrk.ts";

export interface GrpcLoad {
  readonly port: number;
  readonly authority: string;
  readonly connections: number;
  /** Calls under way on each. */
  readonly streams: number;
  readonly seconds: number;
}

/** Bytes of the message that is sent and answered. */
const MESSAGE_BYTES = 100;

/** Reads what h2load prints. Throws where it printed something else. @param answerBytes content of an answer that is right. */
export function parseH2load(text: string, answerBytes: number): ClosedLoopResult {
  const rate = /finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(text)?.[1];
  const done = /requests: .*? (\d+) done, (\d+) succeeded/.exec(text);
  const content = /\((\d+)\) data$/m.exec(text)?.[1];
  if (rate === undefined || done === null || content === undefined)
    throw new Error(`h2load printed no summary:\n${text}`);
  const [requests, succeeded] = [Number(done[1]), Number(done[2])];
  // A refusal in gRPC's words is a success for h2load, but has no content.
  const right = Math.min(succeeded, Math.floor(Number(content) / answerBytes));
  return { requests, requestsPerSecond: Number(rate), errors: requests - right };
}

/** Calls for some seconds. */
export async function grpcCalls(scratch: Scratch, load: GrpcLoad): Promise<ClosedLoopResult> {
  const body = join(scratch.generators, "message");
  const message = Buffer.alloc(5 + MESSAGE_BYTES, "m");
  message.writeUInt8(0, 0);
  message.writeUInt32BE(MESSAGE_BYTES, 1);
  writeFileSync(body, message);
  const headers = [
    "content-type: application/grpc",
    "te: trailers",
    "user-agent: grpc-bench/1",
    `:authority: ${load.authority}`,
  ];
  const text = await runToEnd(
    [
      "h2load",
      ...[
        "-t",
        "1",
        "-c",
        String(load.connections),
        "-m",
        String(load.streams),
        "-D",
        String(load.seconds),
        "-d",
        body,
      ],
      ...headers.flatMap((line) => ["-H", line]),
      `http://127.0.0.1:${load.port}/bench.Greeter/Greet`,
    ],
    { core: CORE_OF_OTHERS, uid: GENERATOR_UID },
  );
  return parseH2load(text, message.length);
}
