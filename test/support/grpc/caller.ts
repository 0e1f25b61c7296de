/** Calls of the interop service with grpc-js, as promises. */
import {
  type CallOptions,
  Client,
  type ClientReadableStream,
  credentials,
  InterceptingCall,
  type Interceptor,
  Metadata,
  type StatusObject,
} from "@grpc/grpc-js";
import type { Method } from "./messages.ts";

/** Where a service is. */
export interface Target {
  /** `host:port` to connect to. */
  readonly address: string;
  /** The host it is called by; default: the address. */
  readonly authority?: string | undefined;
}

/** How a call ended, and what came. */
export interface Outcome<A> {
  readonly status: StatusObject;
  readonly messages: readonly A[];
  readonly initial: Metadata;
}

export type { CallOptions };

const NO_COMPRESS = 2;
const GZIP = 2;

/** A request that is not to be compressed, on a channel that compresses. */
export interface Plain {
  readonly isPlain?: boolean;
}

class Selective extends InterceptingCall {
  override sendMessageWithContext(
    context: Parameters<InterceptingCall["sendMessageWithContext"]>[0],
    message: Plain,
  ): void {
    const flags = message.isPlain === true ? NO_COMPRESS : 0;
    super.sendMessageWithContext({ ...context, flags: (context.flags ?? 0) | flags }, message);
  }
}

const selective: Interceptor = (options, nextCall) => new Selective(nextCall(options));

/** A client with a channel of its own. Close it. */
export class Caller {
  readonly client: Client;

  constructor(target: Target, compresses = false) {
    this.client = new Client(target.address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_http_proxy": 0,
      "grpc.enable_retries": 0,
      "grpc.max_receive_message_length": -1,
      ...(target.authority === undefined ? {} : { "grpc.default_authority": target.authority }),
      ...(compresses ? { "grpc.default_compression_algorithm": GZIP, interceptors: [selective] } : {}),
    });
  }

  close(): void {
    this.client.close();
  }

  /** A call with one request and one answer. */
  unary<Q, A>(
    method: Method<Q, A>,
    request: Q & Plain,
    metadata = new Metadata(),
    options: CallOptions = {},
  ): Promise<Outcome<A>> {
    return new Promise((resolve) => {
      const messages: A[] = [];
      const { path, requestSerialize, responseDeserialize } = method;
      const call = this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        (_, answer) => {
          if (answer !== undefined) messages.push(answer);
        },
      );
      settle(call, messages, resolve);
    });
  }

  /** A call with many requests and one answer. `send` writes and ends, or cancels. */
  input<Q, A>(
    method: Method<Q, A>,
    send: (call: { write(request: Q & Plain): void; end(): void; cancel(): void }) => void,
  ): Promise<Outcome<A>> {
    return new Promise((resolve) => {
      const messages: A[] = [];
      const { path, requestSerialize, responseDeserialize } = method;
      const call = this.client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        new Metadata(),
        (_, answer) => {
          if (answer !== undefined) messages.push(answer);
        },
      );
      call.on("error", () => {});
      settle(call, messages, resolve);
      send(call);
    });
  }

  /** A call with one request and many answers. */
  output<Q, A>(method: Method<Q, A>, request: Q & Plain): Promise<Outcome<A>> {
    return new Promise((resolve) => {
      const { path, requestSerialize, responseDeserialize } = method;
      const call = this.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
      settle(call, collected(call), resolve);
    });
  }

  /** A conversation. `talk` is called when it begins (-1), and with the number of each answer. */
  duplex<Q, A>(
    method: Method<Q, A>,
    talk: (call: { write(request: Q): void; end(): void; cancel(): void }, answer: number) => void,
    metadata = new Metadata(),
    options: CallOptions = {},
  ): Promise<Outcome<A>> {
    return new Promise((resolve) => {
      const { path, requestSerialize, responseDeserialize } = method;
      const call = this.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options);
      const messages = collected<A>(call, () => talk(call, messages.length - 1));
      settle(call, messages, resolve);
      talk(call, -1);
    });
  }
}

interface Settling {
  on(event: "metadata", listener: (metadata: Metadata) => void): unknown;
  on(event: "status", listener: (status: StatusObject) => void): unknown;
}

function settle<A>(call: Settling, messages: readonly A[], resolve: (outcome: Outcome<A>) => void): void {
  let initial = new Metadata();
  call.on("metadata", (metadata) => {
    initial = metadata;
  });
  // The answer of a unary call is handed over in the same turn as its status, after it.
  call.on("status", (status) => setImmediate(() => resolve({ status, messages, initial })));
}

function collected<A>(call: ClientReadableStream<A>, onMessage = () => {}): A[] {
  const messages: A[] = [];
  call.on("error", () => {});
  call.on("data", (message: A) => {
    messages.push(message);
    onMessage();
  });
  return messages;
}
