/** Messages to the peer (RFC 9113 8.1), as windows and room allow. */

import { copyBytes } from "../http1/write-head.ts";
import { BLOCK_EXCESS_BYTES_MAX } from "../translation/encode-head.ts";
import { type ConnectionState, PHASE, ROLE } from "./connection-state.ts";
import { creditStream, dropIfEnded, passedOn } from "./endings.ts";
import { writeFrameHeader } from "./frame-writer.ts";
import { FRAME_BYTES_MAX } from "./limits.ts";
import { FLAG, FRAME, FRAME_HEADER_BYTES } from "./protocol.ts";
import type { Http2Stream } from "./stream.ts";

/** Answers of the functions here. */
export const SENT = {
  OK: 0,
  /** Flush the output first, then try again. */
  NO_ROOM: -1,
  /** The head is none that HTTP/2 can carry; nothing was sent. */
  BAD_HEAD: -2,
  /** The stream or the connection is over, or the side has ended already. */
  OVER: -3,
} as const;

/** Bytes of frame headers around a block: one frame of the smallest allowed size for all there is, and one more. */
const BLOCK_FRAMES_BYTES = 8 * FRAME_HEADER_BYTES;

/**
 * Sends the HTTP/1.1 head `buf[start, end)`, as our writers make it: a request on a client's stream, an answer on a
 * server's. An interim answer (1xx) does not end the head. @param owner of credentials, as in HpackEncoder.writeField.
 */
export function sendHead<T>(
  state: ConnectionState<T>,
  stream: Http2Stream<T>,
  buf: Uint8Array,
  start: number,
  end: number,
  isEnd: boolean,
  owner: number,
): number {
  if (!canSend(state, stream) || stream.hasSentHead) return SENT.OVER;
  const isClient = state.options.role === ROLE.CLIENT;
  const isFinal = isClient || !isInterim(buf, start);
  // RFC 9113 8.1: an interim answer does not end a stream. Judged first: a block that was made must be sent.
  if (isEnd && !isFinal) return SENT.BAD_HEAD;
  const blockStart = reserveBlock(state, end - start);
  if (blockStart < 0) return SENT.NO_ROOM;
  const { encoder, output } = state;
  // A WebSocket that is not granted has an answer like any other.
  const isWebsocket = stream.isWebsocket && (isClient || isSwitch(buf, start));
  const context = state.sending;
  context.owner = owner;
  context.isWebsocket = isWebsocket;
  const blockEnd = isClient
    ? encoder.encodeRequest(buf, start, end, output.bytes, blockStart, context)
    : encoder.encodeResponse(buf, start, end, output.bytes, blockStart, context);
  if (blockEnd < 0) return SENT.BAD_HEAD;
  stream.hasSentHead = isFinal;
  finishBlock(state, stream, blockStart, blockEnd, isEnd);
  return SENT.OK;
}

/** Sends trailers, the lines `buf[start, end)` with their empty line, and ends our side. */
export function sendTrailers<T>(
  state: ConnectionState<T>,
  stream: Http2Stream<T>,
  buf: Uint8Array,
  start: number,
  end: number,
): number {
  if (!canSend(state, stream) || !stream.hasSentHead) return SENT.OVER;
  const blockStart = reserveBlock(state, end - start);
  if (blockStart < 0) return SENT.NO_ROOM;
  const blockEnd = state.encoder.encodeTrailers(buf, start, end, state.output.bytes, blockStart);
  if (blockEnd < 0) return SENT.BAD_HEAD;
  finishBlock(state, stream, blockStart, blockEnd, true);
  return SENT.OK;
}

/**
 * Sends content: as many bytes from `start` on as the windows, the largest frame and the output take, in one frame. Answers
 * how many, or OVER. Where it is fewer for want of a window, WRITABLE follows; for want of room, flush. The end is sent only
 * with the last byte; with `start` = `end` and `isEnd`, an empty frame ends the message (0 then; see `stream.isLocalEnd`).
 */
export function sendData<T>(
  state: ConnectionState<T>,
  stream: Http2Stream<T>,
  buf: Uint8Array,
  start: number,
  end: number,
  isEnd: boolean,
): number {
  if (!canSend(state, stream) || !stream.hasSentHead) return SENT.OVER;
  const { output } = state;
  const count = sendable(state, stream, end - start);
  if (count === 0 && (end > start || !isEnd)) return 0;
  if (!output.reserve(FRAME_HEADER_BYTES + count)) return 0;
  const isLast = isEnd && start + count === end;
  const at = writeFrameHeader(output.bytes, output.length, count, FRAME.DATA, isLast ? FLAG.END_STREAM : 0, stream.id);
  output.length = copyBytes(output.bytes, at, buf, start, start + count);
  stream.sendWindow -= count;
  state.sendWindow -= count;
  if (count > 0) state.budgets.noteUsefulFrame();
  if (isLast) endLocal(state, stream);
  return count;
}

/** Bytes of content, up to `wanted`, that may be sent now. Notes where a window is what is missing. */
function sendable<T>(state: ConnectionState<T>, stream: Http2Stream<T>, wanted: number): number {
  const byWindow = Math.min(wanted, stream.sendWindow, state.sendWindow);
  if (byWindow < wanted) {
    if (stream.sendWindow <= byWindow) stream.isBlocked = true;
    if (state.sendWindow <= byWindow) state.isBlocked = true;
  }
  return Math.max(0, Math.min(byWindow, state.peer.frameBytesMax, state.output.room - FRAME_HEADER_BYTES));
}

/** The owner has passed `bytes` of the stream's content on: the peer may send as many more. Due for all content, also after the end of the stream. */
export function credit<T>(state: ConnectionState<T>, stream: Http2Stream<T>, bytes: number): void {
  const credited = Math.min(bytes, stream.heldBytes);
  stream.heldBytes -= credited;
  creditStream(state, stream, credited);
  passedOn(state, credited);
}

/** The peer may send `bytes` more on the stream than it may hold by now: told with the next credit. */
export function widen<T>(stream: Http2Stream<T>, bytes: number): void {
  stream.windowBytes += bytes;
  stream.creditBytes += bytes;
}

function canSend<T>(state: ConnectionState<T>, stream: Http2Stream<T>): boolean {
  return state.phase !== PHASE.OVER && !stream.isDead && !stream.isLocalEnd;
}

/** Offset at which a block may be written, behind room for the header of its frame; -1 where there is none. */
function reserveBlock<T>(state: ConnectionState<T>, headBytes: number): number {
  const { output } = state;
  const isRoom = output.reserve(headBytes + BLOCK_EXCESS_BYTES_MAX + BLOCK_FRAMES_BYTES);
  return isRoom ? output.length + FRAME_HEADER_BYTES : -1;
}

function finishBlock<T>(
  state: ConnectionState<T>,
  stream: Http2Stream<T>,
  blockStart: number,
  blockEnd: number,
  isEnd: boolean,
): void {
  const { output } = state;
  const length = blockEnd - blockStart;
  const endStream = isEnd ? FLAG.END_STREAM : 0;
  const frames = Math.max(1, Math.ceil(length / FRAME_BYTES_MAX));
  // From the last to the first, so that no part is overwritten before it has moved.
  for (let i = frames - 1; i > 0; i--) {
    const from = blockStart + i * FRAME_BYTES_MAX;
    const to = Math.min(blockEnd, from + FRAME_BYTES_MAX);
    const at = from + (i - 1) * FRAME_HEADER_BYTES;
    output.bytes.copyWithin(at + FRAME_HEADER_BYTES, from, to);
    const flags = i === frames - 1 ? FLAG.END_HEADERS : 0;
    writeFrameHeader(output.bytes, at, to - from, FRAME.CONTINUATION, flags, stream.id);
  }
  const firstBytes = Math.min(length, FRAME_BYTES_MAX);
  const flags = endStream | (frames === 1 ? FLAG.END_HEADERS : 0);
  writeFrameHeader(output.bytes, output.length, firstBytes, FRAME.HEADERS, flags, stream.id);
  output.length = blockEnd + (frames - 1) * FRAME_HEADER_BYTES;
  state.budgets.noteUsefulFrame();
  if (isEnd) endLocal(state, stream);
}

function endLocal<T>(state: ConnectionState<T>, stream: Http2Stream<T>): void {
  stream.isLocalEnd = true;
  dropIfEnded(state, stream);
}

/** The status of an answer's head begins with 1; `101` stands for a WebSocket that was granted. */
function isInterim(buf: Uint8Array, start: number): boolean {
  return buf[start + 9] === 0x31 && !isSwitch(buf, start);
}

/** The status of an answer's head is 101. */
function isSwitch(buf: Uint8Array, start: number): boolean {
  return buf[start + 9] === 0x31 && buf[start + 10] === 0x30 && buf[start + 11] === 0x31;
}
