/** All frames but DATA and HEADERS (RFC 9113 6.3 to 6.9). */
import { type ConnectionState, PHASE, ROLE } from "./connection-state.ts";
import { dropStream, failConnection, failStream, hasControlRoom, outcome, spend, tellReset } from "./endings.ts";
import { EVENT } from "./event.ts";
import { writePing, writeSettingsAck } from "./frame-writer.ts";
import { BUDGET } from "./limits.ts";
import { ERROR_CODE, FLAG, WINDOW_BYTES_MAX } from "./protocol.ts";
import { readSettings, readUint32 } from "./settings.ts";

const ID_MASK = 0x7fff_ffff;

function failSize<T>(state: ConnectionState<T>): number {
  return failConnection(state, ERROR_CODE.FRAME_SIZE_ERROR, "frame-size");
}

function failStreamId<T>(state: ConnectionState<T>): number {
  return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "stream-of-frame");
}

export function receiveSettings<T>(state: ConnectionState<T>): number {
  const { reader, peer, options } = state;
  if (reader.streamId !== 0) return failStreamId(state);
  if ((reader.flags & FLAG.ACK) !== 0) return receiveSettingsAck(state);
  if (!spend(state, BUDGET.SETTINGS)) return EVENT.ERROR;
  const windowBefore = peer.windowBytes;
  const error = readSettings(reader.buf, reader.start, reader.end, peer, options.role === ROLE.CLIENT);
  if (error !== 0) return failConnection(state, error, "settings");
  state.followPeerTable();
  // RFC 9113 6.9.2: windows in use move by as much as the setting.
  const change = peer.windowBytes - windowBefore;
  if (change !== 0) {
    for (const stream of state.streams.all()) {
      stream.sendWindow += change;
      stream.isBlocked = false;
      if (stream.sendWindow > WINDOW_BYTES_MAX) {
        return failConnection(state, ERROR_CODE.FLOW_CONTROL_ERROR, "stream-window");
      }
    }
  }
  if (!hasControlRoom(state)) return EVENT.ERROR;
  state.output.length = writeSettingsAck(state.output.bytes, state.output.length);
  if (state.phase === PHASE.SETTINGS) state.phase = PHASE.OPEN;
  return EVENT.SETTINGS;
}

function receiveSettingsAck<T>(state: ConnectionState<T>): number {
  if (state.reader.length !== 0) return failSize(state);
  if (state.unackedSettings === 0) return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "settings-ack");
  state.unackedSettings--;
  state.decoder.announce(state.options.tableBytes);
  return EVENT.NONE;
}

export function receivePing<T>(state: ConnectionState<T>): number {
  const { reader, output } = state;
  if (reader.streamId !== 0) return failStreamId(state);
  if (reader.length !== 8) return failSize(state);
  const high = readUint32(reader.buf, reader.start);
  const low = readUint32(reader.buf, reader.start + 4);
  if (!spend(state, BUDGET.PINGS)) return EVENT.ERROR;
  if ((reader.flags & FLAG.ACK) !== 0) {
    state.pongHigh = high;
    state.pongLow = low;
    return EVENT.PONG;
  }
  if (!hasControlRoom(state)) return EVENT.ERROR;
  output.length = writePing(output.bytes, output.length, high, low, true);
  return EVENT.NONE;
}

/** RFC 9113 6.8. The last stream may only ever be lowered. */
export function receiveGoAway<T>(state: ConnectionState<T>): number {
  const { reader } = state;
  if (reader.streamId !== 0) return failStreamId(state);
  if (reader.length < 8) return failSize(state);
  if (!spend(state, BUDGET.SETTINGS)) return EVENT.ERROR;
  const lastStreamId = readUint32(reader.buf, reader.start) & ID_MASK;
  if (state.isPeerGoing && lastStreamId > state.lastStreamId) {
    return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "goaway-raised");
  }
  state.isPeerGoing = true;
  state.lastStreamId = lastStreamId;
  state.errorCode = readUint32(reader.buf, reader.start + 4);
  if (state.options.role === ROLE.CLIENT) state.refusedAbove = lastStreamId;
  return EVENT.GOAWAY;
}

/** One stream of ours that the peer's GOAWAY left out; NONE when there is no more. */
export function nextRefused<T>(state: ConnectionState<T>): number {
  for (const stream of state.streams.all()) {
    if (stream.id <= state.refusedAbove) continue;
    dropStream(state, stream);
    return tellReset(state, stream, ERROR_CODE.REFUSED_STREAM, false, 0);
  }
  state.refusedAbove = -1;
  return EVENT.NONE;
}

export function receiveReset<T>(state: ConnectionState<T>): number {
  const { reader } = state;
  if (reader.streamId === 0) return failStreamId(state);
  if (reader.length !== 4) return failSize(state);
  const stream = state.streams.get(reader.streamId);
  if (stream === undefined) {
    if (state.isIdle(reader.streamId)) return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "idle-stream");
    spend(state, BUDGET.IGNORED_FRAMES);
    return outcome(state, EVENT.NONE);
  }
  if (state.options.role === ROLE.SERVER && !spend(state, BUDGET.RESETS)) return EVENT.ERROR;
  dropStream(state, stream);
  return tellReset(state, stream, readUint32(reader.buf, reader.start), false, 0);
}

export function receiveWindowUpdate<T>(state: ConnectionState<T>): number {
  const { reader } = state;
  if (reader.length !== 4) return failSize(state);
  if (!spend(state, BUDGET.WINDOW_UPDATES)) return EVENT.ERROR;
  const increment = readUint32(reader.buf, reader.start) & ID_MASK;
  return reader.streamId === 0 ? openConnection(state, increment) : openStream(state, increment);
}

function openConnection<T>(state: ConnectionState<T>, increment: number): number {
  if (increment === 0) return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "window-update-of-0");
  state.sendWindow += increment;
  if (state.sendWindow > WINDOW_BYTES_MAX) {
    return failConnection(state, ERROR_CODE.FLOW_CONTROL_ERROR, "connection-window");
  }
  if (!state.isBlocked) return EVENT.NONE;
  state.isBlocked = false;
  state.stream = undefined;
  return EVENT.WRITABLE;
}

function openStream<T>(state: ConnectionState<T>, increment: number): number {
  const { streamId } = state.reader;
  const stream = state.streams.get(streamId);
  if (stream === undefined) {
    if (state.isIdle(streamId)) return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "idle-stream");
    return EVENT.NONE;
  }
  if (increment === 0) return failStream(state, stream, ERROR_CODE.PROTOCOL_ERROR, 0);
  stream.sendWindow += increment;
  if (stream.sendWindow > WINDOW_BYTES_MAX) return failStream(state, stream, ERROR_CODE.FLOW_CONTROL_ERROR, 0);
  if (!stream.isBlocked || stream.sendWindow <= 0) return EVENT.NONE;
  stream.isBlocked = false;
  state.stream = stream;
  state.streamId = streamId;
  return EVENT.WRITABLE;
}

/** Priorities are ignored (RFC 9113 5.3); a frame that is none at all is not. */
export function receivePriority<T>(state: ConnectionState<T>): number {
  const { reader } = state;
  if (reader.streamId === 0) return failStreamId(state);
  if (reader.length !== 5) {
    const stream = state.streams.get(reader.streamId);
    return stream === undefined ? failSize(state) : failStream(state, stream, ERROR_CODE.FRAME_SIZE_ERROR, 0);
  }
  if ((readUint32(reader.buf, reader.start) & ID_MASK) === reader.streamId) {
    return failConnection(state, ERROR_CODE.PROTOCOL_ERROR, "self-dependency");
  }
  spend(state, BUDGET.IGNORED_FRAMES);
  return outcome(state, EVENT.NONE);
}
