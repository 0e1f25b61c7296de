/** How streams and connections end before their time. */
import type { ConnectionState } from "./connection-state.ts";
import { PHASE, ROLE } from "./connection-state.ts";
import { EVENT } from "./event.ts";
import { writeGoAway, writeReset, writeWindowUpdate } from "./frame-writer.ts";
import { BUDGET, BUDGETS, CREDIT_SHARE } from "./limits.ts";
import { ERROR_CODE, FRAME_HEADER_BYTES } from "./protocol.ts";
import type { Http2Stream } from "./stream.ts";

/** Bytes of the longest control frame without a list: GOAWAY and PING. */
const CONTROL_FRAME_BYTES = FRAME_HEADER_BYTES + 8;

/** Ends the connection: GOAWAY with the code, and the event for the owner. Nothing is read afterwards. */
export function failConnection<T>(state: ConnectionState<T>, errorCode: number, reason: string): number {
  if (state.phase === PHASE.OVER) return EVENT.NONE;
  state.phase = PHASE.OVER;
  state.errorCode = errorCode;
  state.reason = reason;
  const { output } = state;
  if (output.reserveControl(CONTROL_FRAME_BYTES)) {
    output.length = writeGoAway(output.bytes, output.length, state.lastPeerId, errorCode);
  }
  return EVENT.ERROR;
}

/** Takes one from a budget; ends the connection and answers false when there is none left. */
export function spend<T>(state: ConnectionState<T>, budget: number): boolean {
  if (state.budgets.spend(budget, state.nowMs)) return true;
  failConnection(state, ERROR_CODE.ENHANCE_YOUR_CALM, BUDGETS[budget]!.name);
  return false;
}

/** Makes sure of room for one control frame; ends the connection and answers false where the peer does not read. */
export function hasControlRoom<T>(state: ConnectionState<T>): boolean {
  if (state.output.reserveControl(CONTROL_FRAME_BYTES)) return true;
  failConnection(state, ERROR_CODE.ENHANCE_YOUR_CALM, "replies-not-read");
  return false;
}

/** The answer of a handler after `spend` or `hasControlRoom` may have ended the connection. */
export function outcome<T>(state: ConnectionState<T>, event: number): number {
  return state.phase === PHASE.OVER ? EVENT.ERROR : event;
}

/** Writes RST_STREAM and remembers the stream as reset. */
export function writeStreamReset<T>(state: ConnectionState<T>, streamId: number, errorCode: number): void {
  state.noteReset(streamId);
  if (!hasControlRoom(state)) return;
  const { output } = state;
  output.length = writeReset(output.bytes, output.length, streamId, errorCode);
}

/** Takes a stream out of the connection, if it is not already, and gives back the window that its content held. */
export function dropStream<T>(state: ConnectionState<T>, stream: Http2Stream<T>): void {
  stream.isDead = true;
  state.streams.delete(stream.id);
  const held = stream.heldBytes;
  stream.heldBytes = 0;
  passedOn(state, held);
}

/** Takes the stream out of the connection if both sides have ended it. What its owner still holds is his to credit. */
export function dropIfEnded<T>(state: ConnectionState<T>, stream: Http2Stream<T>): void {
  if (!stream.isLocalEnd || !stream.isRemoteEnd) return;
  stream.isDead = true;
  state.streams.delete(stream.id);
}

/** Resets a stream for what the peer sent. Every such reset counts: making us reset is an attack of its own. */
export function failStream<T>(
  state: ConnectionState<T>,
  stream: Http2Stream<T>,
  errorCode: number,
  refusal: number,
): number {
  // First: a stream that is among those of the connection ends with it, one that was dropped has to be told of by itself.
  if (!spend(state, BUDGET.RESETS_CAUSED)) return EVENT.ERROR;
  dropStream(state, stream);
  writeStreamReset(state, stream.id, errorCode);
  return tellReset(state, stream, errorCode, true, refusal);
}

/** The event of a stream that was dropped. */
export function tellReset<T>(
  state: ConnectionState<T>,
  stream: Http2Stream<T>,
  errorCode: number,
  isLocal: boolean,
  refusal: number,
): number {
  state.stream = stream;
  state.streamId = stream.id;
  state.isLocal = isLocal;
  state.refusal = refusal;
  state.errorCode = errorCode;
  return EVENT.RESET;
}

/** A frame for a stream that is not there. Answers 0 where it has to be ignored, else the event of the error. */
export function judgeAbsent<T>(state: ConnectionState<T>, streamId: number): number {
  if (state.isIdle(streamId)) return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "idle-stream");
  if (state.wasReset(streamId) || isUnserved(state, streamId)) return EVENT.NONE;
  if (state.wasSkipped(streamId)) return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "skipped-stream");
  return failConnection(state, ERROR_CODE.STREAM_CLOSED, "closed-stream");
}

/** A stream that came after the last GOAWAY (RFC 9113 6.8): its frames are read and not acted on. */
export function isUnserved<T>(state: ConnectionState<T>, streamId: number): boolean {
  return state.options.role === ROLE.SERVER && streamId > state.servedUpTo;
}

/** Content of a stream was passed on, or is not wanted by anybody any more. */
export function passedOn<T>(state: ConnectionState<T>, bytes: number): void {
  state.heldBytes -= bytes;
  if (state.options.creditsOnReceipt !== true) creditConnection(state, bytes);
}

/** Nobody holds these bytes: opens the window of the connection when enough has come together. */
export function creditConnection<T>(state: ConnectionState<T>, bytes: number): void {
  state.creditBytes += bytes;
  if (state.creditBytes * CREDIT_SHARE < state.options.connectionWindowBytes || state.phase === PHASE.OVER) return;
  if (!hasControlRoom(state)) return;
  const { output } = state;
  output.length = writeWindowUpdate(output.bytes, output.length, 0, state.creditBytes);
  state.receiveWindow += state.creditBytes;
  state.creditBytes = 0;
}

/** The same for a stream, which needs no window once the peer has ended it. */
export function creditStream<T>(state: ConnectionState<T>, stream: Http2Stream<T>, bytes: number): void {
  if (stream.isDead || stream.isRemoteEnd) return;
  stream.creditBytes += bytes;
  if (stream.creditBytes * CREDIT_SHARE < stream.windowBytes || !hasControlRoom(state)) return;
  const { output } = state;
  output.length = writeWindowUpdate(output.bytes, output.length, stream.id, stream.creditBytes);
  stream.receiveWindow += stream.creditBytes;
  stream.creditBytes = 0;
}
