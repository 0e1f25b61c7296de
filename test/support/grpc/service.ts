/** gRPC's interop service on grpc-js. */
import {
  Metadata,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { EchoStatus, InputRequest, OutputRequest, UnaryRequest, WantedResponse } from "./messages.ts";

/** What a server counted. */
export interface Served {
  readonly calls: number;
  /** Calls that their caller gave up. */
  readonly cancelled: number;
}

const ECHO_INITIAL = "x-grpc-test-echo-initial";
const ECHO_TRAILING = "x-grpc-test-echo-trailing-bin";
/** Metadata that asks for an answer after so many milliseconds. */
export const DELAY = "x-delay-ms";
/** Metadata of answers: who gave them. */
export const SERVER_NAME = "x-server";
/** Metadata of answers: the deadline that arrived, in milliseconds from then; absent where there was none. */
export const DEADLINE_MS = "x-deadline-ms";

interface AnyCall {
  readonly metadata: Metadata;
  sendMetadata(metadata: Metadata): void;
  getDeadline(): Date | number;
  on(event: "cancelled", listener: () => void): unknown;
}

/** The interop service under a name; `served` is kept up to date. */
export class InteropService {
  readonly #name: string;
  #calls = 0;
  #cancelled = 0;

  constructor(name: string) {
    this.#name = name;
  }

  get served(): Served {
    return { calls: this.#calls, cancelled: this.#cancelled };
  }

  /** For `Server.addService`. */
  implementation(): UntypedServiceImplementation {
    return {
      EmptyCall: (call: ServerUnaryCall<object, object>, answer: sendUnaryData<object>) => {
        const trailers = this.#begin(call);
        const delayMs = Number(call.metadata.get(DELAY)[0] ?? 0);
        if (delayMs === 0) answer(null, {}, trailers);
        else setTimeout(() => answer(null, {}, trailers), delayMs);
      },
      UnaryCall: (call: ServerUnaryCall<UnaryRequest, Uint8Array>, answer: sendUnaryData<Uint8Array>) => {
        const trailers = this.#begin(call);
        const { status: wanted, responseSize } = call.request;
        if (wanted !== undefined && wanted.code !== 0) answer(failure(wanted, trailers));
        else answer(null, Buffer.alloc(responseSize ?? 0), trailers);
      },
      StreamingInputCall: (call: ServerReadableStream<InputRequest, number>, answer: sendUnaryData<number>) => {
        const trailers = this.#begin(call);
        let sum = 0;
        call.on("data", ({ body }: InputRequest) => {
          sum += body.length;
        });
        call.on("end", () => answer(null, sum, trailers));
      },
      StreamingOutputCall: async (call: ServerWritableStream<OutputRequest, Uint8Array>) => {
        const trailers = this.#begin(call);
        await sendAll(call, call.request.responses);
        call.end(trailers);
      },
      FullDuplexCall: (call: ServerDuplexStream<OutputRequest, Uint8Array>) => this.#converse(call),
    };
  }

  #converse(call: ServerDuplexStream<OutputRequest, Uint8Array>): void {
    const trailers = this.#begin(call);
    let isFailed = false;
    let sent = Promise.resolve();
    call.on("data", ({ responses, status: wanted }: OutputRequest) => {
      if (wanted !== undefined && wanted.code !== 0) {
        isFailed = true;
        call.emit("error", failure(wanted, trailers));
      } else sent = sent.then(() => sendAll(call, responses));
    });
    call.on("end", async () => {
      await sent;
      if (!isFailed) call.end(trailers);
    });
  }

  /** Sends the initial metadata; gives the trailing. */
  #begin(call: AnyCall): Metadata {
    this.#calls++;
    call.on("cancelled", () => {
      this.#cancelled++;
    });
    const initial = new Metadata();
    initial.set(SERVER_NAME, this.#name);
    const deadline = call.getDeadline();
    const deadlineMs = typeof deadline === "number" ? deadline : deadline.getTime();
    if (Number.isFinite(deadlineMs)) initial.set(DEADLINE_MS, String(Math.round(deadlineMs - Date.now())));
    for (const value of call.metadata.get(ECHO_INITIAL)) initial.add(ECHO_INITIAL, value);
    call.sendMetadata(initial);
    const trailing = new Metadata();
    for (const value of call.metadata.get(ECHO_TRAILING)) trailing.add(ECHO_TRAILING, value);
    return trailing;
  }
}

function failure({ code, message }: EchoStatus, metadata: Metadata) {
  return { name: "asked for", message, details: message, code: code as (typeof status)["UNKNOWN"], metadata };
}

async function sendAll(call: { write(body: Uint8Array): boolean }, wanted: readonly WantedResponse[]): Promise<void> {
  for (const { size, intervalUs } of wanted) {
    if (intervalUs !== undefined && intervalUs > 0) await new Promise((done) => setTimeout(done, intervalUs / 1000));
    call.write(Buffer.alloc(size));
  }
}
