/** The messages and methods of gRPC's interop service (`grpc.testing`), with the field numbers of its public definition. */
import { encodeFields, Fields } from "./protobuf.ts";

export interface EchoStatus {
  readonly code: number;
  readonly message: string;
}

/** SimpleRequest. `undefined` for a flag: not asked for. */
export interface UnaryRequest {
  readonly responseSize?: number;
  readonly body?: Uint8Array;
  readonly responseCompressed?: boolean | undefined;
  readonly expectCompressed?: boolean | undefined;
  readonly status?: EchoStatus | undefined;
}

/** StreamingInputCallRequest. */
export interface InputRequest {
  readonly body: Uint8Array;
  readonly expectCompressed?: boolean | undefined;
}

/** ResponseParameters. */
export interface WantedResponse {
  readonly size: number;
  readonly intervalUs?: number;
  readonly compressed?: boolean | undefined;
}

/** StreamingOutputCallRequest. */
export interface OutputRequest {
  readonly responses: readonly WantedResponse[];
  readonly body?: Uint8Array;
  readonly status?: EchoStatus | undefined;
}

/** How a message is written and read. */
export interface Codec<T> {
  encode(value: T): Buffer;
  decode(bytes: Buffer): T;
}

const payload = (body: Uint8Array | undefined) => (body === undefined ? undefined : encodeFields([[2, body]]));
const bodyOf = (fields: Fields, field: number): Buffer => fields.messages(field)[0]?.bytes(2) ?? Buffer.alloc(0);
const flag = (value: boolean | undefined) => (value === undefined ? undefined : encodeFields([[1, value]]));
const flagOf = (fields: Fields, field: number): boolean | undefined => {
  const [message] = fields.messages(field);
  return message === undefined ? undefined : message.number(1) === 1;
};
const status = (value: EchoStatus | undefined) =>
  value === undefined
    ? undefined
    : encodeFields([
        [1, value.code],
        [2, value.message],
      ]);
const statusOf = (fields: Fields, field: number): EchoStatus | undefined => {
  const [message] = fields.messages(field);
  return message === undefined
    ? undefined
    : { code: message.number(1), message: message.bytes(2)?.toString("utf8") ?? "" };
};

export const EMPTY: Codec<object> = { encode: () => Buffer.alloc(0), decode: () => ({}) };

export const UNARY_REQUEST: Codec<UnaryRequest> = {
  encode: (value) =>
    encodeFields([
      [2, value.responseSize],
      [3, payload(value.body)],
      [6, flag(value.responseCompressed)],
      [7, status(value.status)],
      [8, flag(value.expectCompressed)],
    ]),
  decode(bytes) {
    const fields = new Fields(bytes);
    return {
      responseSize: fields.number(2),
      body: bodyOf(fields, 3),
      responseCompressed: flagOf(fields, 6),
      status: statusOf(fields, 7),
      expectCompressed: flagOf(fields, 8),
    };
  },
};

/** SimpleResponse, StreamingOutputCallResponse: their payload is field 1. */
export const CONTENT: Codec<Uint8Array> = {
  encode: (body) => encodeFields([[1, payload(body)]]),
  decode: (bytes) => bodyOf(new Fields(bytes), 1),
};

export const INPUT_REQUEST: Codec<InputRequest> = {
  encode: (value) =>
    encodeFields([
      [1, payload(value.body)],
      [2, flag(value.expectCompressed)],
    ]),
  decode(bytes) {
    const fields = new Fields(bytes);
    return { body: bodyOf(fields, 1), expectCompressed: flagOf(fields, 2) };
  },
};

/** StreamingInputCallResponse: the sum of the sizes. */
export const SUM: Codec<number> = {
  encode: (sum) => encodeFields([[1, sum]]),
  decode: (bytes) => new Fields(bytes).number(1),
};

export const OUTPUT_REQUEST: Codec<OutputRequest> = {
  encode: (value) =>
    encodeFields([
      ...value.responses.map(
        (wanted) =>
          [
            2,
            encodeFields([
              [1, wanted.size],
              [2, wanted.intervalUs],
              [3, flag(wanted.compressed)],
            ]),
          ] as const,
      ),
      [3, payload(value.body)],
      [7, status(value.status)],
    ]),
  decode(bytes) {
    const fields = new Fields(bytes);
    return {
      responses: fields.messages(2).map((wanted) => ({
        size: wanted.number(1),
        intervalUs: wanted.number(2),
        compressed: flagOf(wanted, 3),
      })),
      body: bodyOf(fields, 3),
      status: statusOf(fields, 7),
    };
  },
};

export const SERVICE = "grpc.testing.TestService";
export const UNIMPLEMENTED_SERVICE = "grpc.testing.UnimplementedService";

/** A method as grpc-js wants it described. */
export interface Method<Q, A> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: Q) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Q;
  readonly responseSerialize: (value: A) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => A;
}

function method<Q, A>(name: string, asks: Codec<Q>, answers: Codec<A>, streams = ""): Method<Q, A> {
  return {
    path: `/${SERVICE}/${name}`,
    requestStream: streams.includes("in"),
    responseStream: streams.includes("out"),
    requestSerialize: asks.encode,
    requestDeserialize: asks.decode,
    responseSerialize: answers.encode,
    responseDeserialize: answers.decode,
  };
}

/** What the server implements. */
export const METHODS = {
  EmptyCall: method("EmptyCall", EMPTY, EMPTY),
  UnaryCall: method("UnaryCall", UNARY_REQUEST, CONTENT),
  StreamingInputCall: method("StreamingInputCall", INPUT_REQUEST, SUM, "in"),
  StreamingOutputCall: method("StreamingOutputCall", OUTPUT_REQUEST, CONTENT, "out"),
  FullDuplexCall: method("FullDuplexCall", OUTPUT_REQUEST, CONTENT, "in out"),
} as const;
