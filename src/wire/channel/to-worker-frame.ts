import { ChannelError, FrameWriter, PayloadReader } from "./codec.ts";
import { STRENGTHS, TO_WORKER } from "./frames.ts";

/** How sure the keeper is of an answer about a socket's owner; one of STRENGTHS. */
export type Strength = (typeof STRENGTHS)[number];

/** A frame from keeper to worker, decoded. Byte fields are views into the payload: copy what is kept. */
export type ToWorkerFrame =
  | {
      readonly type: typeof TO_WORKER.SNAPSHOT_BEGIN;
      readonly generation: number;
      readonly mode: "full" | "delta";
      /** Mode delta: the generation the worker must be on; 0 for full. */
      readonly base: number;
      /** Lines that follow before SNAPSHOT_END. */
      readonly records: number;
    }
  | { readonly type: typeof TO_WORKER.SNAPSHOT_LINES; readonly bytes: Uint8Array }
  | { readonly type: typeof TO_WORKER.SNAPSHOT_END; readonly generation: number }
  | {
      readonly type: typeof TO_WORKER.ATTEST_REPLY;
      readonly requestId: number;
      readonly strength: Strength;
      /** Key of the WorkloadRecord, `""` = no identity. */
      readonly workload: string;
    }
  | {
      readonly type: typeof TO_WORKER.METRICS_CHUNK;
      readonly requestId: number;
      readonly isLast: boolean;
      readonly bytes: Uint8Array;
    }
  | { readonly type: typeof TO_WORKER.DRAIN; readonly graceMs: number }
  | { readonly type: typeof TO_WORKER.RUNS; readonly count: number }
  | { readonly type: typeof TO_WORKER.TAP; readonly isOn: boolean };

/** One whole frame, header included. Throws RangeError where a value does not fit its field. */
export function encodeToWorker(frame: ToWorkerFrame): Uint8Array {
  switch (frame.type) {
    case TO_WORKER.SNAPSHOT_BEGIN:
      return new FrameWriter(frame.type)
        .u64(frame.generation)
        .u8(frame.mode === "full" ? 0 : 1)
        .u64(frame.base)
        .u32(frame.records)
        .end();
    case TO_WORKER.SNAPSHOT_LINES:
      return new FrameWriter(frame.type, frame.bytes.length).bytes(frame.bytes).end();
    case TO_WORKER.SNAPSHOT_END:
      return new FrameWriter(frame.type).u64(frame.generation).end();
    case TO_WORKER.ATTEST_REPLY:
      return new FrameWriter(frame.type)
        .u32(frame.requestId)
        .u8(STRENGTHS.indexOf(frame.strength))
        .string(frame.workload)
        .end();
    case TO_WORKER.METRICS_CHUNK:
      return new FrameWriter(frame.type, frame.bytes.length + 5)
        .u32(frame.requestId)
        .u8(frame.isLast ? 1 : 0)
        .bytes(frame.bytes)
        .end();
    case TO_WORKER.DRAIN:
      return new FrameWriter(frame.type).u32(frame.graceMs).end();
    case TO_WORKER.RUNS:
      return new FrameWriter(frame.type).u32(frame.count).end();
    case TO_WORKER.TAP:
      return new FrameWriter(frame.type).u8(frame.isOn ? 1 : 0).end();
  }
}

/** Throws ChannelError for a type that is not listed, and for a payload that is not exactly its fields. */
export function decodeToWorker(type: number, payload: Uint8Array): ToWorkerFrame {
  const fields = new PayloadReader(payload);
  const frame = readFields(type, fields);
  fields.end();
  return frame;
}

function readFields(type: number, fields: PayloadReader): ToWorkerFrame {
  switch (type) {
    case TO_WORKER.SNAPSHOT_BEGIN:
      return readSnapshotBegin(fields);
    case TO_WORKER.SNAPSHOT_LINES:
      return { type, bytes: fields.rest() };
    case TO_WORKER.SNAPSHOT_END:
      return { type, generation: fields.u64() };
    case TO_WORKER.ATTEST_REPLY:
      return readAttestReply(fields);
    case TO_WORKER.METRICS_CHUNK:
      return { type, requestId: fields.u32(), isLast: fields.u8(1) === 1, bytes: fields.rest() };
    case TO_WORKER.DRAIN:
      return { type, graceMs: fields.u32() };
    case TO_WORKER.RUNS:
      return { type, count: fields.u32() };
    case TO_WORKER.TAP:
      return { type, isOn: fields.u8(1) === 1 };
    default:
      throw new ChannelError(`frame type ${type} is not one for a worker`);
  }
}

function readSnapshotBegin(fields: PayloadReader): ToWorkerFrame {
  const generation = fields.u64();
  const mode = fields.u8(1) === 0 ? "full" : "delta";
  const base = fields.u64();
  if (mode === "full" && base !== 0) throw new ChannelError("a full snapshot has no base generation");
  return { type: TO_WORKER.SNAPSHOT_BEGIN, generation, mode, base, records: fields.u32() };
}

function readAttestReply(fields: PayloadReader): ToWorkerFrame {
  const requestId = fields.u32();
  const strength = STRENGTHS[fields.u8(STRENGTHS.length - 1)] ?? "none";
  const workload = fields.string();
  // A name without strength, or the other way round, would be half an identity.
  if ((strength === "none") !== (workload === "")) throw new ChannelError("strength and workload disagree");
  return { type: TO_WORKER.ATTEST_REPLY, requestId, strength, workload };
}
