/** gRPC's interop cases that need no cloud account, by the name that its public list gives them; one rejects where it fails. */
import { strict as assert } from "node:assert";
import { Metadata, status } from "@grpc/grpc-js";
import { Caller, type Outcome, type Target } from "./caller.ts";
import { COMPRESSION_CASES } from "./compression-cases.ts";
import { METHODS, type Method, type OutputRequest, SERVICE, UNIMPLEMENTED_SERVICE } from "./messages.ts";

const LARGE_REQUEST = 271_828;
const LARGE_ANSWER = 314_159;
const REQUESTS = [27_182, 8, 1828, 45_904] as const;
const ANSWERS = [31_415, 9, 2653, 58_979] as const;
const ECHO = { initial: "x-grpc-test-echo-initial", trailing: "x-grpc-test-echo-trailing-bin" } as const;

const zeros = (size: number) => Buffer.alloc(size);
const sizes = (outcome: Outcome<Uint8Array>) => outcome.messages.map((message) => message.length);

export function endedWith(outcome: Outcome<unknown>, code: number, details?: string): void {
  assert.equal(outcome.status.code, code, outcome.status.details);
  if (details !== undefined) assert.equal(outcome.status.details, details);
}

const turn = (step: number): OutputRequest => ({
  responses: [{ size: ANSWERS[step] ?? 0 }],
  body: zeros(REQUESTS[step] ?? 0),
});

async function echoesStatus(caller: Caller, code: number, message: string): Promise<void> {
  const wanted = { code, message };
  endedWith(await caller.unary(METHODS.UnaryCall, { status: wanted }), code, message);
  const talk = (call: { write(request: OutputRequest): void; end(): void }, answer: number) => {
    if (answer >= 0) return;
    call.write({ responses: [], status: wanted });
    call.end();
  };
  endedWith(await caller.duplex(METHODS.FullDuplexCall, talk), code, message);
}

function echoes(outcome: Outcome<unknown>): void {
  endedWith(outcome, status.OK);
  assert.deepEqual(outcome.initial.get(ECHO.initial), ["test_initial_metadata_value"]);
  assert.deepEqual(outcome.status.metadata.get(ECHO.trailing), [Buffer.from("ababab", "hex")]);
}

const nowhere = (path: string): Method<object, object> => ({ ...METHODS.EmptyCall, path });

const PLAIN_CASES: Readonly<Record<string, (caller: Caller) => Promise<void>>> = {
  async empty_unary(caller) {
    const outcome = await caller.unary(METHODS.EmptyCall, {});
    endedWith(outcome, status.OK);
    assert.equal(outcome.messages.length, 1);
  },

  async large_unary(caller) {
    const request = { responseSize: LARGE_ANSWER, body: zeros(LARGE_REQUEST) };
    const outcome = await caller.unary(METHODS.UnaryCall, request);
    endedWith(outcome, status.OK);
    assert.deepEqual(sizes(outcome), [LARGE_ANSWER]);
  },

  async client_streaming(caller) {
    const outcome = await caller.input(METHODS.StreamingInputCall, (call) => {
      for (const size of REQUESTS) call.write({ body: zeros(size) });
      call.end();
    });
    endedWith(outcome, status.OK);
    assert.deepEqual(outcome.messages, [74_922]);
  },

  async server_streaming(caller) {
    const responses = ANSWERS.map((size) => ({ size }));
    const outcome = await caller.output(METHODS.StreamingOutputCall, { responses });
    endedWith(outcome, status.OK);
    assert.deepEqual(sizes(outcome), [...ANSWERS]);
  },

  async ping_pong(caller) {
    const outcome = await caller.duplex(METHODS.FullDuplexCall, (call, answer) => {
      if (answer + 1 < ANSWERS.length) call.write(turn(answer + 1));
      else call.end();
    });
    endedWith(outcome, status.OK);
    assert.deepEqual(sizes(outcome), [...ANSWERS]);
  },

  async empty_stream(caller) {
    const outcome = await caller.duplex(METHODS.FullDuplexCall, (call) => call.end());
    endedWith(outcome, status.OK);
    assert.equal(outcome.messages.length, 0);
  },

  async custom_metadata(caller) {
    const metadata = new Metadata();
    metadata.set(ECHO.initial, "test_initial_metadata_value");
    metadata.set(ECHO.trailing, Buffer.from("ababab", "hex"));
    const request = { responseSize: LARGE_ANSWER, body: zeros(LARGE_REQUEST) };
    echoes(await caller.unary(METHODS.UnaryCall, request, metadata));
    const talk = (call: { write(request: OutputRequest): void; end(): void }, answer: number) => {
      if (answer < 0) call.write({ responses: [{ size: LARGE_ANSWER }], body: zeros(LARGE_REQUEST) });
      else call.end();
    };
    echoes(await caller.duplex(METHODS.FullDuplexCall, talk, metadata));
  },

  status_code_and_message: (caller) => echoesStatus(caller, status.UNKNOWN, "test status message"),

  special_status_message: (caller) =>
    echoesStatus(
      caller,
      status.UNKNOWN,
      "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n",
    ),

  async unimplemented_method(caller) {
    endedWith(await caller.unary(nowhere(`/${SERVICE}/UnimplementedCall`), {}), status.UNIMPLEMENTED);
  },

  async unimplemented_service(caller) {
    endedWith(await caller.unary(nowhere(`/${UNIMPLEMENTED_SERVICE}/UnimplementedCall`), {}), status.UNIMPLEMENTED);
  },

  async cancel_after_begin(caller) {
    const outcome = await caller.input(METHODS.StreamingInputCall, (call) => setImmediate(() => call.cancel()));
    endedWith(outcome, status.CANCELLED);
  },

  async cancel_after_first_response(caller) {
    const outcome = await caller.duplex(METHODS.FullDuplexCall, (call, answer) => {
      if (answer < 0) call.write(turn(0));
      else call.cancel();
    });
    endedWith(outcome, status.CANCELLED);
    assert.deepEqual(sizes(outcome), [ANSWERS[0]]);
  },

  async timeout_on_sleeping_server(caller) {
    const talk = (call: { write(request: OutputRequest): void }, answer: number) => {
      if (answer < 0) call.write({ responses: [], body: zeros(27_182) });
    };
    const deadline = Date.now() + 1;
    const outcome = await caller.duplex(METHODS.FullDuplexCall, talk, undefined, { deadline });
    endedWith(outcome, status.DEADLINE_EXCEEDED);
  },
};

/** Names of all cases: the 17 of the public list, and `special_status_message`. */
export const CASE_NAMES: readonly string[] = [...Object.keys(PLAIN_CASES), ...Object.keys(COMPRESSION_CASES)];

/** Where the two servers of a server program are. */
export interface Targets {
  readonly plain: Target;
  readonly compressing: Target;
}

/** A case that is not over by then has failed. Reason: none takes a tenth of it. */
const CASE_MS_MAX = 5000;

function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not over after ${timeoutMs} ms`)), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Runs a case on a connection of its own. */
export async function runCase(name: string, targets: Targets): Promise<void> {
  const plain = PLAIN_CASES[name];
  const compressing = COMPRESSION_CASES[name];
  if (plain === undefined && compressing === undefined) throw new Error(`no case ${name}`);
  const caller = plain === undefined ? new Caller(targets.compressing, true) : new Caller(targets.plain);
  try {
    await within(CASE_MS_MAX, (plain ?? compressing)?.(caller) ?? Promise.resolve());
  } finally {
    caller.close();
  }
}
