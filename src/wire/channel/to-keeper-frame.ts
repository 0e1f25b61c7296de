import { ChannelError, FrameWriter, PayloadReader } from "./codec.ts";
import { PEER_DOORS, PEER_MESSAGE_BYTES_MAX, TO_KEEPER, TUNNEL_DIRECTIONS } from "./frames.ts";

/** Longest text a worker may send in one field. Reason: these are shown to people; a longer one is an attack. */
export const REPORT_TEXT_BYTES_MAX = 4096;

/** What a worker knows of an endpoint; the order is that of the wire. */
export const ENDPOINT_STATES = ["up", "down", "listener_mismatch"] as const;
export type EndpointState = (typeof ENDPOINT_STATES)[number];

/** The order is that of the wire. */
export const ATTEST_SIDES = ["caller", "listener"] as const;
export type AttestSide = (typeof ATTEST_SIDES)[number];

/** A frame from worker to keeper, decoded. */
export type ToKeeperFrame =
  | { readonly type: typeof TO_KEEPER.HELLO; readonly protocol: number; readonly pid: number }
  | { readonly type: typeof TO_KEEPER.ACK; readonly generation: number }
  | { readonly type: typeof TO_KEEPER.NACK; readonly generation: number; readonly reason: string }
  | {
      readonly type: typeof TO_KEEPER.ATTEST;
      readonly requestId: number;
      readonly side: AttestSide;
      readonly uid: number;
      readonly inode: bigint;
      readonly cgroupId: bigint;
    }
  | { readonly type: typeof TO_KEEPER.METRICS; readonly requestId: number }
  | { readonly type: typeof TO_KEEPER.METRICS_MORE; readonly requestId: number; readonly isCancelled: boolean }
  | {
      readonly type: typeof TO_KEEPER.LISTENING;
      readonly listener: string;
      /** 0 = failed; then `errno` and `message` say why. */
      readonly port: number;
      readonly errno: number;
      readonly message: string;
    }
  | { readonly type: typeof TO_KEEPER.READY; readonly generation: number }
  | { readonly type: typeof TO_KEEPER.DRAINED; readonly streamsCut: number }
  | {
      readonly type: typeof TO_KEEPER.ENDPOINT;
      /** `workload key|address` */
      readonly endpoint: string;
      readonly state: EndpointState;
      readonly reason: string;
    }
  | { readonly type: typeof TO_KEEPER.TRUST_TAKEN; readonly version: number }
  | {
      readonly type: typeof TO_KEEPER.PEER_REQUEST;
      readonly requestId: number;
      readonly door: PeerDoor;
      /** Proven by its certificate; `""` at the join door. */
      readonly node: string;
      readonly address: string;
      readonly kind: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: typeof TO_KEEPER.PEER_REPLY;
      readonly requestId: number;
      readonly status: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: typeof TO_KEEPER.TUNNEL;
      readonly node: string;
      readonly direction: TunnelDirection;
      readonly isUp: boolean;
      readonly address: string;
      readonly reason: string;
    }
  | {
      readonly type: typeof TO_KEEPER.REFUSED;
      readonly node: string;
      readonly address: string;
      readonly reason: string;
      readonly detail: string;
    };

/** The door a message from elsewhere came through. */
export type PeerDoor = (typeof PEER_DOORS)[number];

/** This node's end of a tunnel: who dialed is the dialer. */
export type TunnelDirection = (typeof TUNNEL_DIRECTIONS)[number];

/** One whole frame, header included. Throws RangeError where a value does not fit its field; long texts are cut. */
export function encodeToKeeper(frame: ToKeeperFrame): Uint8Array {
  const writer = new FrameWriter(frame.type);
  switch (frame.type) {
    case TO_KEEPER.HELLO:
      return writer.u32(frame.protocol).u32(frame.pid).end();
    case TO_KEEPER.ACK:
    case TO_KEEPER.READY:
      return writer.u64(frame.generation).end();
    case TO_KEEPER.NACK:
      return writer.u64(frame.generation).string(cut(frame.reason)).end();
    case TO_KEEPER.ATTEST:
      return writer
        .u32(frame.requestId)
        .u8(ATTEST_SIDES.indexOf(frame.side))
        .u32(frame.uid)
        .big64(frame.inode)
        .big64(frame.cgroupId)
        .end();
    case TO_KEEPER.METRICS:
      return writer.u32(frame.requestId).end();
    case TO_KEEPER.METRICS_MORE:
      return writer
        .u32(frame.requestId)
        .u8(frame.isCancelled ? 1 : 0)
        .end();
    case TO_KEEPER.LISTENING:
      return writer.string(frame.listener).u32(frame.port).u32(frame.errno).string(cut(frame.message)).end();
    case TO_KEEPER.DRAINED:
      return writer.u32(frame.streamsCut).end();
    case TO_KEEPER.ENDPOINT:
      return writer.string(frame.endpoint).u8(ENDPOINT_STATES.indexOf(frame.state)).string(cut(frame.reason)).end();
    case TO_KEEPER.TRUST_TAKEN:
      return writer.u64(frame.version).end();
    case TO_KEEPER.PEER_REQUEST:
      return writer
        .u32(frame.requestId)
        .u8(PEER_DOORS.indexOf(frame.door))
        .string(cut(frame.node))
        .string(cut(frame.address))
        .u32(frame.kind)
        .block(message(frame.bytes))
        .end();
    case TO_KEEPER.PEER_REPLY:
      return writer.u32(frame.requestId).u32(frame.status).block(message(frame.bytes)).end();
    case TO_KEEPER.TUNNEL:
      return writer
        .string(cut(frame.node))
        .u8(TUNNEL_DIRECTIONS.indexOf(frame.direction))
        .u8(frame.isUp ? 1 : 0)
        .string(cut(frame.address))
        .string(cut(frame.reason))
        .end();
    case TO_KEEPER.REFUSED:
      return writer
        .string(cut(frame.node))
        .string(cut(frame.address))
        .string(cut(frame.reason))
        .string(cut(frame.detail))
        .end();
  }
}

function message(bytes: Uint8Array): Uint8Array {
  if (bytes.length > PEER_MESSAGE_BYTES_MAX) throw new RangeError(`a message of ${bytes.length} bytes is too long`);
  return bytes;
}

// Four bytes of UTF-8 at most for each code unit pair: a quarter of the bound always fits, whatever the text.
function cut(text: string): string {
  return text.length > REPORT_TEXT_BYTES_MAX / 4 ? text.slice(0, REPORT_TEXT_BYTES_MAX / 4) : text;
}

/** Throws ChannelError for a type that is not listed, and for a payload that is not exactly its fields. */
export function decodeToKeeper(type: number, payload: Uint8Array): ToKeeperFrame {
  const fields = new PayloadReader(payload);
  const frame = readFields(type, fields);
  fields.end();
  return frame;
}

function readFields(type: number, fields: PayloadReader): ToKeeperFrame {
  switch (type) {
    case TO_KEEPER.HELLO:
      return { type, protocol: fields.u32(), pid: fields.u32() };
    case TO_KEEPER.ACK:
    case TO_KEEPER.READY:
      return { type, generation: fields.u64() };
    case TO_KEEPER.NACK:
      return { type, generation: fields.u64(), reason: fields.string(REPORT_TEXT_BYTES_MAX) };
    case TO_KEEPER.ATTEST:
      return readAttest(fields);
    case TO_KEEPER.METRICS:
      return { type, requestId: fields.u32() };
    case TO_KEEPER.METRICS_MORE:
      return { type, requestId: fields.u32(), isCancelled: fields.u8(1) === 1 };
    case TO_KEEPER.LISTENING:
      return readListening(fields);
    case TO_KEEPER.DRAINED:
      return { type, streamsCut: fields.u32() };
    case TO_KEEPER.ENDPOINT:
      return readEndpoint(fields);
    case TO_KEEPER.TRUST_TAKEN:
      return { type, version: fields.u64() };
    case TO_KEEPER.PEER_REQUEST:
      return readPeerRequest(fields);
    case TO_KEEPER.PEER_REPLY:
      return { type, requestId: fields.u32(), status: fields.u32(), bytes: peerBytes(fields) };
    case TO_KEEPER.TUNNEL:
      return readTunnel(fields);
    case TO_KEEPER.REFUSED:
      return {
        type,
        node: fields.string(REPORT_TEXT_BYTES_MAX),
        address: fields.string(REPORT_TEXT_BYTES_MAX),
        reason: fields.string(REPORT_TEXT_BYTES_MAX),
        detail: fields.string(REPORT_TEXT_BYTES_MAX),
      };
    default:
      throw new ChannelError(`frame type ${type} is not one for the keeper`);
  }
}

function readAttest(fields: PayloadReader): ToKeeperFrame {
  const requestId = fields.u32();
  const side = ATTEST_SIDES[fields.u8(ATTEST_SIDES.length - 1)] ?? "caller";
  const uid = fields.u32();
  return { type: TO_KEEPER.ATTEST, requestId, side, uid, inode: fields.big64(), cgroupId: fields.big64() };
}

function readListening(fields: PayloadReader): ToKeeperFrame {
  const listener = fields.string(REPORT_TEXT_BYTES_MAX);
  const port = fields.u32();
  if (port > 0xffff) throw new ChannelError(`port ${port}`);
  return {
    type: TO_KEEPER.LISTENING,
    listener,
    port,
    errno: fields.u32(),
    message: fields.string(REPORT_TEXT_BYTES_MAX),
  };
}

function readEndpoint(fields: PayloadReader): ToKeeperFrame {
  const endpoint = fields.string(REPORT_TEXT_BYTES_MAX);
  const state = ENDPOINT_STATES[fields.u8(ENDPOINT_STATES.length - 1)] ?? "down";
  return { type: TO_KEEPER.ENDPOINT, endpoint, state, reason: fields.string(REPORT_TEXT_BYTES_MAX) };
}

function readPeerRequest(fields: PayloadReader): ToKeeperFrame {
  const requestId = fields.u32();
  const door = PEER_DOORS[fields.u8(PEER_DOORS.length - 1)] ?? "join";
  const node = fields.string(REPORT_TEXT_BYTES_MAX);
  // A name at the join door would pass for a proven one.
  if ((door === "join") !== (node === "")) throw new ChannelError("door and node disagree");
  const address = fields.string(REPORT_TEXT_BYTES_MAX);
  return { type: TO_KEEPER.PEER_REQUEST, requestId, door, node, address, kind: fields.u32(), bytes: peerBytes(fields) };
}

function readTunnel(fields: PayloadReader): ToKeeperFrame {
  const node = fields.string(REPORT_TEXT_BYTES_MAX);
  const direction = TUNNEL_DIRECTIONS[fields.u8(TUNNEL_DIRECTIONS.length - 1)] ?? "dialer";
  const isUp = fields.u8(1) === 1;
  const address = fields.string(REPORT_TEXT_BYTES_MAX);
  return { type: TO_KEEPER.TUNNEL, node, direction, isUp, address, reason: fields.string(REPORT_TEXT_BYTES_MAX) };
}

function peerBytes(fields: PayloadReader): Uint8Array {
  const bytes = fields.block();
  if (bytes.length > PEER_MESSAGE_BYTES_MAX) throw new ChannelError(`a message of ${bytes.length} bytes`);
  return bytes;
}
