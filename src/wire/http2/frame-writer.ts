/**
 * Frames into a buffer that is there already. Each function writes at `at` and answers the offset behind the frame; the
 * caller made sure of the room: FRAME_HEADER_BYTES and the payload.
 */
import { FLAG, FRAME, FRAME_HEADER_BYTES } from "./protocol.ts";

/** Writes a frame header (RFC 9113 4.1); the payload of `length` bytes follows it. */
export function writeFrameHeader(
  into: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  into[at] = length >>> 16;
  into[at + 1] = length >>> 8;
  into[at + 2] = length;
  into[at + 3] = type;
  into[at + 4] = flags;
  writeUint32(into, at + 5, streamId);
  return at + FRAME_HEADER_BYTES;
}

export function writeReset(into: Uint8Array, at: number, streamId: number, errorCode: number): number {
  return writeUint32(into, writeFrameHeader(into, at, 4, FRAME.RST_STREAM, 0, streamId), errorCode);
}

/** @param increment 1 to 2^31 - 1; `streamId` 0 is the connection. */
export function writeWindowUpdate(into: Uint8Array, at: number, streamId: number, increment: number): number {
  return writeUint32(into, writeFrameHeader(into, at, 4, FRAME.WINDOW_UPDATE, 0, streamId), increment);
}

export function writeGoAway(into: Uint8Array, at: number, lastStreamId: number, errorCode: number): number {
  const to = writeUint32(into, writeFrameHeader(into, at, 8, FRAME.GOAWAY, 0, 0), lastStreamId);
  return writeUint32(into, to, errorCode);
}

/** The eight bytes of a PING as two numbers, high and low. */
export function writePing(into: Uint8Array, at: number, high: number, low: number, isAck: boolean): number {
  const to = writeFrameHeader(into, at, 8, FRAME.PING, isAck ? FLAG.ACK : 0, 0);
  return writeUint32(into, writeUint32(into, to, high), low);
}

export function writeSettingsAck(into: Uint8Array, at: number): number {
  return writeFrameHeader(into, at, 0, FRAME.SETTINGS, FLAG.ACK, 0);
}

/** @param entries setting and value in turn. */
export function writeSettings(into: Uint8Array, at: number, entries: readonly number[]): number {
  let to = writeFrameHeader(into, at, entries.length * 3, FRAME.SETTINGS, 0, 0);
  for (let i = 0; i < entries.length; i += 2) {
    into[to] = entries[i]! >>> 8;
    into[to + 1] = entries[i]!;
    to = writeUint32(into, to + 2, entries[i + 1]!);
  }
  return to;
}

/** Writes a number of 32 bits, high byte first; answers the offset behind it. */
export function writeUint32(into: Uint8Array, at: number, value: number): number {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
  return at + 4;
}
