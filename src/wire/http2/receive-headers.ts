/** HEADERS and CONTINUATION (RFC 9113 6.2, 6.10, 8.1). */
import { HEADER_BLOCK_BYTES_MAX } from "../hpack/limits.ts";
import { asciiBytes } from "../http1/byte-classes.ts";
import { BODY, METHOD, PARSE_ERROR } from "../http1/head.ts";
import { readRequestFields } from "../translation/read-request.ts";
import { readResponseFields } from "../translation/read-response.ts";
import { readTrailerFields } from "../translation/read-trailers.ts";
import { type ConnectionState, ROLE } from "./connection-state.ts";
import {
  dropIfEnded,
  failConnection,
  failStream,
  isUnserved,
  judgeAbsent,
  outcome,
  spend,
  writeStreamReset,
} from "./endings.ts";
import { EVENT } from "./event.ts";
import { BUDGET, CONTINUATIONS_MAX, INTERIM_ANSWERS_MAX } from "./limits.ts";
import { ERROR_CODE, FLAG } from "./protocol.ts";
import { SENT, sendHead } from "./send.ts";
import { readUint32 } from "./settings.ts";
import { Http2Stream, NO_LENGTH } from "./stream.ts";

const PRIORITY_BYTES = 5;
const NONE = new Uint8Array(0);
/** First size of an assembled block. */
const BLOCK_BYTES_MIN = 1024;
/** The answer to a head that is too large (RFC 6585 5). */
const TOO_LARGE = asciiBytes("HTTP/1.1 431 \r\ncontent-length: 0\r\n\r\n");

/** The frame in `state.reader` is HEADERS. */
export function receiveHeaders<T>(state: ConnectionState<T>): number {
  const { reader } = state;
  const { buf, flags, streamId } = reader;
  let at = reader.start;
  let end = reader.end;
  if (streamId === 0) return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "headers-on-stream-0");
  let padding = 0;
  if ((flags & FLAG.PADDED) !== 0) {
    if (at >= end) return failConnection(state, ERROR_CODE.FRAME_SIZE_ERROR, "headers-size");
    padding = buf[at++]!;
  }
  if ((flags & FLAG.PRIORITY) !== 0) {
    if (end - at < PRIORITY_BYTES) return failConnection(state, ERROR_CODE.FRAME_SIZE_ERROR, "headers-size");
    if ((readUint32(buf, at) & 0x7fff_ffff) === streamId) {
      // No client does this; answering with a reset would let it make us reset.
      return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "self-dependency");
    }
    at += PRIORITY_BYTES;
  }
  if (padding > end - at) return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "headers-padding");
  end -= padding;
  if (at === end && !spend(state, BUDGET.EMPTY_HEADERS)) return EVENT.ERROR;
  if ((flags & FLAG.END_HEADERS) !== 0) return receiveBlock(state, streamId, flags, buf, at, end);
  state.continuedId = streamId;
  state.continuedFlags = flags;
  state.continuations = 0;
  return append(state, buf, at, end);
}

/** The frame in `state.reader` is CONTINUATION; that it belongs to the block under way was checked. */
export function receiveContinuation<T>(state: ConnectionState<T>): number {
  const { reader } = state;
  if (++state.continuations > CONTINUATIONS_MAX) {
    return failConnection(state, ERROR_CODE.ENHANCE_YOUR_CALM, "continuations");
  }
  if (reader.start === reader.end && !spend(state, BUDGET.EMPTY_HEADERS)) return EVENT.ERROR;
  const event = append(state, reader.buf, reader.start, reader.end);
  if (event !== EVENT.NONE || (reader.flags & FLAG.END_HEADERS) === 0) return event;
  const { block, blockLength, continuedId } = state;
  state.block = NONE;
  state.blockLength = 0;
  state.continuedId = 0;
  return receiveBlock(state, continuedId, state.continuedFlags, block, 0, blockLength);
}

function append<T>(state: ConnectionState<T>, buf: Uint8Array, start: number, end: number): number {
  const needed = state.blockLength + end - start;
  if (needed > HEADER_BLOCK_BYTES_MAX) return failConnection(state, ERROR_CODE.ENHANCE_YOUR_CALM, "header-block-bytes");
  if (needed > state.block.length) {
    const grown = new Uint8Array(Math.min(HEADER_BLOCK_BYTES_MAX, Math.max(needed * 2, BLOCK_BYTES_MIN)));
    grown.set(state.block.subarray(0, state.blockLength));
    state.block = grown;
  }
  state.block.set(buf.subarray(start, end), state.blockLength);
  state.blockLength = needed;
  return EVENT.NONE;
}

/** A complete block. It is decoded whatever becomes of it: the table must follow. */
function receiveBlock<T>(
  state: ConnectionState<T>,
  streamId: number,
  flags: number,
  buf: Uint8Array,
  start: number,
  end: number,
): number {
  const isServer = state.options.role === ROLE.SERVER;
  const stream = state.streams.get(streamId);
  const isNew = isServer && stream === undefined && (streamId & 1) === 1 && streamId > state.lastPeerId;
  if (stream === undefined && !isNew) {
    const event = judgeAbsent(state, streamId);
    if (event !== EVENT.NONE) return event;
  }
  const { fields } = state;
  const error = state.decoder.decode(buf, start, end, fields);
  if (error < 0) return failConnection(state, ERROR_CODE.COMPRESSION_ERROR, "header-block");
  if (fields.isOversized && !spend(state, BUDGET.OVERSIZED_HEADS)) return EVENT.ERROR;
  state.budgets.noteUsefulFrame();
  state.streamId = streamId;
  state.isEnd = (flags & FLAG.END_STREAM) !== 0;
  if (isNew) return receiveRequest(state, streamId);
  if (stream === undefined) return EVENT.NONE;
  state.stream = stream;
  if (stream.isRemoteEnd) return failStream(state, stream, ERROR_CODE.STREAM_CLOSED, 0);
  if (stream.hasHead) return receiveTrailers(state, stream);
  return receiveResponse(state, stream);
}

function receiveRequest<T>(state: ConnectionState<T>, streamId: number): number {
  state.noteOpened(streamId);
  if (isUnserved(state, streamId)) return EVENT.NONE;
  if (state.streams.size >= state.options.streamsMax) {
    writeStreamReset(state, streamId, ERROR_CODE.REFUSED_STREAM);
    spend(state, BUDGET.REFUSED_STREAMS);
    return outcome(state, EVENT.NONE);
  }
  const { request } = state.scratch;
  const { fields } = state;
  const stream = new Http2Stream<T>(streamId, METHOD.OTHER, state.peer.windowBytes, state.options.streamWindowBytes);
  const refusal = readRequestFields(fields, request, state.isEnd, state.options.allowsWebsocket);
  if (refusal !== 0) return refuseRequest(state, stream, refusal);
  stream.method = request.method;
  stream.isWebsocket = request.upgradeLine >= 0;
  stream.hasHead = true;
  stream.isRemoteEnd = state.isEnd;
  stream.bodyLeft = bodyBytes(request.body, request.contentLength, stream);
  state.streams.add(stream);
  state.stream = stream;
  return EVENT.HEAD;
}

function isTunnel<T>(stream: Http2Stream<T>): boolean {
  return stream.isWebsocket || stream.method === METHOD.CONNECT;
}

function bodyBytes<T>(body: number, contentLength: number, stream: Http2Stream<T>): number {
  if (body === BODY.LENGTH) return contentLength;
  return body === BODY.NONE && !isTunnel(stream) ? 0 : NO_LENGTH;
}

/** RFC 9113 8.1.1: a malformed request is a stream error. A head that is merely too large gets an answer it can read. */
function refuseRequest<T>(state: ConnectionState<T>, stream: Http2Stream<T>, refusal: number): number {
  state.stream = undefined;
  state.refusal = refusal;
  if (refusal === PARSE_ERROR.HEAD_TOO_LARGE || refusal === PARSE_ERROR.TARGET_TOO_LONG) {
    stream.isRemoteEnd = state.isEnd;
    const isSent = sendHead(state, stream, TOO_LARGE, 0, TOO_LARGE.length, true, 0) === SENT.OK;
    if (!isSent) writeStreamReset(state, stream.id, ERROR_CODE.ENHANCE_YOUR_CALM);
    else if (!state.isEnd) writeStreamReset(state, stream.id, ERROR_CODE.NO_ERROR);
  } else {
    writeStreamReset(state, stream.id, ERROR_CODE.PROTOCOL_ERROR);
    spend(state, BUDGET.RESETS_CAUSED);
  }
  return outcome(state, EVENT.REFUSED);
}

function receiveResponse<T>(state: ConnectionState<T>, stream: Http2Stream<T>): number {
  const { response } = state.scratch;
  const refusal = readResponseFields(state.fields, response, stream, state.isEnd);
  if (refusal !== 0) return failStream(state, stream, ERROR_CODE.PROTOCOL_ERROR, refusal);
  if (response.status < 200 && response.upgradeLine < 0) {
    if (++stream.interimAnswers > INTERIM_ANSWERS_MAX)
      return failStream(state, stream, ERROR_CODE.ENHANCE_YOUR_CALM, 0);
    return EVENT.HEAD;
  }
  stream.hasHead = true;
  stream.bodyLeft =
    isTunnel(stream) && response.status < 300 ? NO_LENGTH : bodyBytes(response.body, response.contentLength, stream);
  if (state.isEnd) endRemote(state, stream);
  return EVENT.HEAD;
}

function receiveTrailers<T>(state: ConnectionState<T>, stream: Http2Stream<T>): number {
  if (!state.isEnd) return failStream(state, stream, ERROR_CODE.PROTOCOL_ERROR, PARSE_ERROR.BAD_TRAILER);
  // RFC 9113 8.5: a tunnel carries DATA alone.
  if (isTunnel(stream)) return failStream(state, stream, ERROR_CODE.PROTOCOL_ERROR, PARSE_ERROR.BAD_TRAILER);
  const refusal = readTrailerFields(state.fields);
  if (refusal !== 0) return failStream(state, stream, ERROR_CODE.PROTOCOL_ERROR, refusal);
  if (stream.bodyLeft > 0) return failStream(state, stream, ERROR_CODE.PROTOCOL_ERROR, PARSE_ERROR.LENGTH_MISMATCH);
  endRemote(state, stream);
  return EVENT.TRAILERS;
}

function endRemote<T>(state: ConnectionState<T>, stream: Http2Stream<T>): void {
  stream.isRemoteEnd = true;
  dropIfEnded(state, stream);
}
