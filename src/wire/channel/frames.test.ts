import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ChannelError, FrameReader } from "./codec.ts";
import { STRENGTHS, TO_KEEPER, TO_WORKER } from "./frames.ts";
import { LINE_BYTES_MAX, LineAssembler } from "./line-assembler.ts";
import { SEND_QUEUE_BYTES_MAX, SendQueue } from "./send-queue.ts";
import {
  decodeToKeeper,
  ENDPOINT_STATES,
  encodeToKeeper,
  REPORT_TEXT_BYTES_MAX,
  type ToKeeperFrame,
} from "./to-keeper-frame.ts";
import { decodeToWorker, encodeToWorker, type ToWorkerFrame } from "./to-worker-frame.ts";

const bytes = Uint8Array.of(1, 2, 3);

const toWorker: ToWorkerFrame[] = [
  { type: TO_WORKER.SNAPSHOT_BEGIN, generation: 9, mode: "full", base: 0, records: 3 },
  { type: TO_WORKER.SNAPSHOT_BEGIN, generation: 10, mode: "delta", base: 9, records: 1 },
  { type: TO_WORKER.SNAPSHOT_LINES, bytes },
  { type: TO_WORKER.SNAPSHOT_END, generation: 10 },
  { type: TO_WORKER.ATTEST_REPLY, requestId: 7, strength: "tree", workload: "workload/prod/web" },
  { type: TO_WORKER.ATTEST_REPLY, requestId: 7, strength: "none", workload: "" },
  { type: TO_WORKER.METRICS_CHUNK, requestId: 1, isLast: true, bytes },
  { type: TO_WORKER.DRAIN, graceMs: 10_000 },
  { type: TO_WORKER.RUNS, count: 2 },
  { type: TO_WORKER.TAP, isOn: true },
  { type: TO_WORKER.TRUST, version: 3, nowMs: 1_800_000_000_000, bundle: bytes, bans: Uint8Array.of(9) },
  { type: TO_WORKER.KEYS, workload: "workload/prod/web", chain: [bytes, bytes], key: Uint8Array.of(7) },
  { type: TO_WORKER.KEYS, workload: "", chain: [], key: new Uint8Array(0) },
  { type: TO_WORKER.PEER_SEND, requestId: 1, node: "till-2", kind: 4, bytes },
  { type: TO_WORKER.PEER_ANSWER, requestId: 1, status: 200, bytes: new Uint8Array(0) },
  { type: TO_WORKER.JOIN_DOOR, isOpen: true },
];

const toKeeper: ToKeeperFrame[] = [
  { type: TO_KEEPER.HELLO, protocol: 1, pid: 42 },
  { type: TO_KEEPER.ACK, generation: 9 },
  { type: TO_KEEPER.NACK, generation: 10, reason: "record 3: no kind" },
  { type: TO_KEEPER.ATTEST, requestId: 5, side: "listener", uid: 1000, inode: 2n ** 63n, cgroupId: 7n },
  { type: TO_KEEPER.METRICS, requestId: 3 },
  { type: TO_KEEPER.METRICS_MORE, requestId: 3, isCancelled: true },
  { type: TO_KEEPER.LISTENING, listener: "listener/outbound/127.0.0.1:0", port: 0, errno: 98, message: "in use" },
  { type: TO_KEEPER.READY, generation: 9 },
  { type: TO_KEEPER.DRAINED, streamsCut: 4 },
  { type: TO_KEEPER.TRUST_TAKEN, version: 3 },
  { type: TO_KEEPER.PEER_REQUEST, requestId: 2, door: "tunnel", node: "till-2", address: "10.0.0.2", kind: 1, bytes },
  { type: TO_KEEPER.PEER_REQUEST, requestId: 2, door: "join", node: "", address: "10.0.0.2", kind: 1, bytes },
  { type: TO_KEEPER.PEER_REPLY, requestId: 2, status: 1, bytes: new Uint8Array(0) },
  {
    type: TO_KEEPER.TUNNEL,
    node: "till-2",
    direction: "dialer",
    isUp: false,
    address: "10.0.0.2:15008",
    reason: "gone",
  },
  { type: TO_KEEPER.REFUSED, node: "", address: "10.0.0.2", reason: "banned", detail: "key 12" },
  ...ENDPOINT_STATES.map(
    (state) => ({ type: TO_KEEPER.ENDPOINT, endpoint: "workload/prod/web|127.0.0.1:80", state, reason: "r" }) as const,
  ),
];

/** The payload of one whole frame. */
function payloadOf(frame: Uint8Array): Uint8Array {
  let payload: Uint8Array | undefined;
  new FrameReader((_type, view) => {
    payload = view.slice();
  }).feed(frame);
  if (payload === undefined) throw new Error("the frame is not whole");
  return payload;
}

describe("typed frames", () => {
  test("survive the way to the worker, and every type has a sample", () => {
    for (const frame of toWorker) expect(decodeToWorker(frame.type, payloadOf(encodeToWorker(frame)))).toEqual(frame);
    expect(new Set(toWorker.map((frame) => frame.type))).toEqual(new Set(Object.values(TO_WORKER)));
  });

  test("survive the way to the keeper, and every type has a sample", () => {
    for (const frame of toKeeper) expect(decodeToKeeper(frame.type, payloadOf(encodeToKeeper(frame)))).toEqual(frame);
    expect(new Set(toKeeper.map((frame) => frame.type))).toEqual(new Set(Object.values(TO_KEEPER)));
  });

  test("are refused when a byte is missing or one is too many", () => {
    for (const frame of toKeeper) {
      const payload = payloadOf(encodeToKeeper(frame));
      expect(() => decodeToKeeper(frame.type, payload.subarray(0, -1))).toThrow(ChannelError);
      expect(() => decodeToKeeper(frame.type, Buffer.concat([payload, Uint8Array.of(0)]))).toThrow(ChannelError);
    }
  });

  test("are refused by the side they are not meant for", () => {
    expect(() => decodeToKeeper(TO_WORKER.DRAIN, new Uint8Array(4))).toThrow(ChannelError);
    expect(() => decodeToWorker(TO_KEEPER.ACK, new Uint8Array(8))).toThrow(ChannelError);
  });

  test("never carry half an identity", () => {
    const frame = encodeToWorker({ type: TO_WORKER.ATTEST_REPLY, requestId: 1, strength: "uid", workload: "" });
    expect(() => decodeToWorker(TO_WORKER.ATTEST_REPLY, payloadOf(frame))).toThrow("disagree");
    expect(STRENGTHS[0]).toBe("none");
  });

  test("cut a reason that is too long to send, and refuse one that was not cut", () => {
    const nack = encodeToKeeper({ type: TO_KEEPER.NACK, generation: 1, reason: "€".repeat(10_000) });
    const decoded = decodeToKeeper(TO_KEEPER.NACK, payloadOf(nack));
    expect(decoded.type === TO_KEEPER.NACK && decoded.reason.length).toBe(REPORT_TEXT_BYTES_MAX / 4);
  });

  test("of random bytes are either decoded or refused with a ChannelError", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 64 }), (type, payload) => {
        for (const decode of [decodeToKeeper, decodeToWorker]) {
          try {
            expect(decode(type, payload).type).toBe(type as never);
          } catch (error) {
            expect(error).toBeInstanceOf(ChannelError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("LineAssembler", () => {
  test("gives the same lines however they are cut into frames", () => {
    const lines = ["{}", "x".repeat(1000), '{"key":"é"}'];
    const stream = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
    for (const step of [1, 2, 7, 500, 5000]) {
      const seen: string[] = [];
      const assembler = new LineAssembler();
      for (let at = 0; at < stream.length; at += step) {
        assembler.push(stream.subarray(at, at + step), (line) => seen.push(new TextDecoder().decode(line)));
      }
      expect(seen).toEqual(lines);
      expect(assembler.isBetweenLines).toBe(true);
    }
  });

  test("knows an unfinished line and bounds it", () => {
    const assembler = new LineAssembler();
    const part = new Uint8Array(LINE_BYTES_MAX / 2).fill(97);
    assembler.push(part, () => {});
    expect(assembler.isBetweenLines).toBe(false);
    assembler.push(part, () => {});
    expect(() => assembler.push(Uint8Array.of(97), () => {})).toThrow(ChannelError);
  });

  test("refuses an empty line", () => {
    expect(() => new LineAssembler().push(Uint8Array.of(10), () => {})).toThrow(ChannelError);
  });
});

describe("SendQueue", () => {
  test("keeps the order when the socket takes bytes in pieces", () => {
    const taken: number[] = [];
    let room = 0;
    const queue = new SendQueue((frame) => {
      const part = frame.subarray(0, room);
      taken.push(...part);
      room -= part.length;
      return part.length;
    });
    const frames = [Uint8Array.of(1, 2, 3), Uint8Array.of(4), Uint8Array.of(5, 6)];
    for (const frame of frames) expect(queue.send(frame)).toBe(true);
    for (let turn = 0; turn < 6; turn++) {
      room = 1;
      queue.flush();
    }
    expect(taken).toEqual([1, 2, 3, 4, 5, 6]);
    expect(queue.waitingBytes).toBe(0);
    expect(queue.flush()).toBe(true);
  });

  test("refuses more than its bound, and everything once the socket is closed", () => {
    const full = new SendQueue(() => 0);
    expect(full.send(new Uint8Array(SEND_QUEUE_BYTES_MAX))).toBe(true);
    expect(full.send(Uint8Array.of(1))).toBe(false);
    const closed = new SendQueue(() => -1);
    expect(closed.send(Uint8Array.of(1))).toBe(false);
    expect(closed.send(Uint8Array.of(1))).toBe(false);
  });
});
