/** The interop cases about compression, for a channel that compresses and a server that sees and makes flags. */
import { strict as assert } from "node:assert";
import { createHook } from "node:async_hooks";
import { status } from "@grpc/grpc-js";
import type { Caller, Plain } from "./caller.ts";
import { type InputRequest, METHODS, type UnaryRequest } from "./messages.ts";

const LARGE_REQUEST = 271_828;
const LARGE_ANSWER = 314_159;

// grpc-js tells nobody whether a message came compressed; but it takes a decompressor of the runtime for each that did.
// Requests of the cases that count are sent plain, since compressors are of the same kind.
let decompressed = 0;
createHook({
  init(_, type) {
    if (type === "ZLIB") decompressed++;
  },
}).enable();

/** Runs `call`; gives its result and how many messages came compressed. */
async function counted<T>(call: Promise<T>): Promise<{ result: T; compressed: number }> {
  const before = decompressed;
  const result = await call;
  return { result, compressed: decompressed - before };
}

const zeros = (size: number) => Buffer.alloc(size);

export const COMPRESSION_CASES: Readonly<Record<string, (caller: Caller) => Promise<void>>> = {
  async client_compressed_unary(caller) {
    const body = zeros(LARGE_REQUEST);
    const ask = (request: UnaryRequest & Plain) =>
      caller.unary(METHODS.UnaryCall, { responseSize: LARGE_ANSWER, body, ...request });
    const probe = await ask({ expectCompressed: true, isPlain: true });
    assert.equal(probe.status.code, status.INVALID_ARGUMENT);
    for (const isPlain of [false, true]) {
      const outcome = await ask({ expectCompressed: !isPlain, isPlain });
      assert.equal(outcome.status.code, status.OK, outcome.status.details);
      assert.equal(outcome.messages[0]?.length, LARGE_ANSWER);
    }
  },

  async server_compressed_unary(caller) {
    for (const responseCompressed of [true, false]) {
      const request = { isPlain: true, responseCompressed, responseSize: LARGE_ANSWER, body: zeros(LARGE_REQUEST) };
      const { result, compressed } = await counted(caller.unary(METHODS.UnaryCall, request));
      assert.equal(result.status.code, status.OK, result.status.details);
      assert.equal(result.messages[0]?.length, LARGE_ANSWER);
      assert.equal(compressed, responseCompressed ? 1 : 0);
    }
  },

  async client_compressed_streaming(caller) {
    const send = (requests: readonly (InputRequest & Plain)[]) =>
      caller.input(METHODS.StreamingInputCall, (call) => {
        for (const request of requests) call.write(request);
        call.end();
      });
    const probe = await send([{ body: zeros(27_182), expectCompressed: true, isPlain: true }]);
    assert.equal(probe.status.code, status.INVALID_ARGUMENT);
    const outcome = await send([
      { body: zeros(27_182), expectCompressed: true },
      { body: zeros(45_904), expectCompressed: false, isPlain: true },
    ]);
    assert.equal(outcome.status.code, status.OK, outcome.status.details);
    assert.deepEqual(outcome.messages, [73_086]);
  },

  async server_compressed_streaming(caller) {
    const responses = [
      { size: 31_415, compressed: true },
      { size: 92_653, compressed: false },
    ];
    const { result, compressed } = await counted(
      caller.output(METHODS.StreamingOutputCall, { responses, isPlain: true }),
    );
    assert.equal(result.status.code, status.OK, result.status.details);
    assert.deepEqual(
      result.messages.map((message) => message.length),
      [31_415, 92_653],
    );
    assert.equal(compressed, 1);
  },
};
