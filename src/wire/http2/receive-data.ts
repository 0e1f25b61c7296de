/** DATA, in the pieces it comes in (RFC 9113 6.1, 6.9). */
import { PARSE_ERROR } from "../http1/head.ts";
import type { ConnectionState } from "./connection-state.ts";
import {
  creditConnection,
  creditStream,
  dropIfEnded,
  failConnection,
  failStream,
  judgeAbsent,
  outcome,
  spend,
} from "./endings.ts";
import { EVENT } from "./event.ts";
import { BUDGET } from "./limits.ts";
import { ERROR_CODE, FLAG } from "./protocol.ts";
import { type Http2Stream, NO_LENGTH } from "./stream.ts";

/** A DATA frame begins; its length and padding stand in `state.reader`. */
export function receiveDataHead<T>(state: ConnectionState<T>): number {
  const { reader } = state;
  const { streamId, length } = reader;
  state.dataStream = undefined;
  state.isDataEnd = (reader.flags & FLAG.END_STREAM) !== 0;
  if (streamId === 0) return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "data-on-stream-0");
  state.receiveWindow -= length;
  if (state.receiveWindow < 0) return failConnection(state, ERROR_CODE.FLOW_CONTROL_ERROR, "connection-window");
  const content = length - reader.paddingBytes;
  if (content > 0) state.budgets.noteUsefulFrame();
  else if (!state.isDataEnd && !spend(state, BUDGET.EMPTY_DATA)) return EVENT.ERROR;
  const stream = state.streams.get(streamId);
  if (stream === undefined) {
    const event = judgeAbsent(state, streamId);
    if (event === EVENT.NONE) creditConnection(state, length);
    return outcome(state, event);
  }
  const error = admit(stream, length, content);
  if (error !== 0) {
    creditConnection(state, length);
    return failStream(state, stream, error, error === ERROR_CODE.PROTOCOL_ERROR ? PARSE_ERROR.LENGTH_MISMATCH : 0);
  }
  state.dataStream = stream;
  stream.heldBytes += content;
  state.heldBytes += content;
  creditStream(state, stream, reader.paddingBytes);
  creditConnection(state, state.options.creditsOnReceipt === true ? length : reader.paddingBytes);
  return outcome(state, EVENT.NONE);
}

/** Takes the frame off the window and the announced length; 0 or the error code for the stream. */
function admit<T>(stream: Http2Stream<T>, length: number, content: number): number {
  if (stream.isRemoteEnd) return ERROR_CODE.STREAM_CLOSED;
  if (!stream.hasHead) return ERROR_CODE.PROTOCOL_ERROR;
  stream.receiveWindow -= length;
  if (stream.receiveWindow < 0) return ERROR_CODE.FLOW_CONTROL_ERROR;
  if (stream.bodyLeft === NO_LENGTH) return 0;
  if (content > stream.bodyLeft) return ERROR_CODE.PROTOCOL_ERROR;
  stream.bodyLeft -= content;
  return 0;
}

/** A piece of its content. Nobody wants it where the stream is dead by now; dropping it gave the window back. */
export function receiveDataPiece<T>(state: ConnectionState<T>): number {
  const stream = state.dataStream;
  if (stream === undefined || stream.isDead) return EVENT.NONE;
  const { reader } = state;
  state.stream = stream;
  state.streamId = stream.id;
  state.data = reader.buf;
  state.dataStart = reader.start;
  state.dataEnd = reader.end;
  state.isEnd = false;
  return reader.isLastPiece && state.isDataEnd && stream.bodyLeft <= 0 ? end(state, stream) : EVENT.DATA;
}

/** The frame is complete. Its end was told with the last piece, unless there was none or the message is short. */
export function receiveDataEnd<T>(state: ConnectionState<T>): number {
  const stream = state.dataStream;
  state.dataStream = undefined;
  if (stream === undefined || stream.isDead || !state.isDataEnd || stream.isRemoteEnd) return EVENT.NONE;
  if (stream.bodyLeft > 0) {
    return failStream(state, stream, ERROR_CODE.PROTOCOL_ERROR, PARSE_ERROR.LENGTH_MISMATCH);
  }
  state.stream = stream;
  state.streamId = stream.id;
  state.dataStart = 0;
  state.dataEnd = 0;
  return end(state, stream);
}

function end<T>(state: ConnectionState<T>, stream: Http2Stream<T>): number {
  state.isEnd = true;
  stream.isRemoteEnd = true;
  dropIfEnded(state, stream);
  return EVENT.DATA;
}
