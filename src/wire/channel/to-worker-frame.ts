import { ChannelError, FrameWriter, PayloadReader } from "./codec.ts";
import { PEER_MESSAGE_BYTES_MAX, STRENGTHS, TO_WORKER } from "./frames.ts";

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
  | { readonly type: typeof TO_WORKER.TAP; readonly isOn: boolean }
  | {
      readonly type: typeof TO_WORKER.TRUST;
      readonly version: number;
      readonly nowMs: number;
      readonly bundle: Uint8Array;
      readonly bans: Uint8Array;
    }
  | {
      readonly type: typeof TO_WORKER.KEYS;
      /** Key of the WorkloadRecord; `""` = the node itself. */
      readonly workload: string;
      /** DER, leaf first; empty: the identity is taken away. */
      readonly chain: readonly Uint8Array[];
      /** PKCS #8. */
      readonly key: Uint8Array;
    }
  | {
      readonly type: typeof TO_WORKER.PEER_SEND;
      readonly requestId: number;
      readonly node: string;
      readonly kind: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: typeof TO_WORKER.PEER_ANSWER;
      readonly requestId: number;
      readonly status: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: typeof TO_WORKER.JOIN_DOOR; readonly isOpen: boolean };

/** Most certificates in KEYS. Reason: leaf, issuer, root. */
export const KEYS_CERTIFICATES_MAX = 3;

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
    case TO_WORKER.TRUST:
      return new FrameWriter(frame.type, frame.bundle.length + frame.bans.length + 20)
        .u64(frame.version)
        .u64(frame.nowMs)
        .block(frame.bundle)
        .block(frame.bans)
        .end();
    case TO_WORKER.KEYS:
      return encodeKeys(frame);
    case TO_WORKER.PEER_SEND:
      return new FrameWriter(frame.type, frame.bytes.length + 64)
        .u32(frame.requestId)
        .string(frame.node)
        .u32(frame.kind)
        .block(message(frame.bytes))
        .end();
    case TO_WORKER.PEER_ANSWER:
      return new FrameWriter(frame.type, frame.bytes.length + 8)
        .u32(frame.requestId)
        .u32(frame.status)
        .block(message(frame.bytes))
        .end();
    case TO_WORKER.JOIN_DOOR:
      return new FrameWriter(frame.type).u8(frame.isOpen ? 1 : 0).end();
  }
}

function encodeKeys(frame: Extract<ToWorkerFrame, { type: typeof TO_WORKER.KEYS }>): Uint8Array {
  if (frame.chain.length > KEYS_CERTIFICATES_MAX) throw new RangeError("too many certificates");
  const writer = new FrameWriter(frame.type, 4096).string(frame.workload).u8(frame.chain.length);
  for (const der of frame.chain) writer.block(der);
  return writer.block(frame.key).end();
}

function message(bytes: Uint8Array): Uint8Array {
  if (bytes.length > PEER_MESSAGE_BYTES_MAX) throw new RangeError(`a message of ${bytes.length} bytes is too long`);
  return bytes;
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
    case TO_WORKER.TRUST:
      return { type, version: fields.u64(), nowMs: fields.u64(), bundle: fields.block(), bans: fields.block() };
    case TO_WORKER.KEYS:
      return readKeys(fields);
    case TO_WORKER.PEER_SEND:
      return { type, requestId: fields.u32(), node: fields.string(), kind: fields.u32(), bytes: fields.block() };
    case TO_WORKER.PEER_ANSWER:
      return { type, requestId: fields.u32(), status: fields.u32(), bytes: fields.block() };
    case TO_WORKER.JOIN_DOOR:
      return { type, isOpen: fields.u8(1) === 1 };
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

function readKeys(fields: PayloadReader): ToWorkerFrame {
  const workload = fields.string();
  const chain = Array.from({ length: fields.u8(KEYS_CERTIFICATES_MAX) }, () => fields.block());
  const key = fields.block();
  // A chain without its key, or the other way round, would be half an identity.
  if ((chain.length === 0) !== (key.length === 0)) throw new ChannelError("chain and key disagree");
  return { type: TO_WORKER.KEYS, workload, chain, key };
}

function readAttestReply(fields: PayloadReader): ToWorkerFrame {
  const requestId = fields.u32();
  const strength = STRENGTHS[fields.u8(STRENGTHS.length - 1)] ?? "none";
  const workload = fields.string();
  // A name without strength, or the other way round, would be half an identity.
  if ((strength === "none") !== (workload === "")) throw new ChannelError("strength and workload disagree");
  return { type: TO_WORKER.ATTEST_REPLY, requestId, strength, workload };
}
