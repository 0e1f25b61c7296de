/**
 * One HTTP/2 connection (RFC 9113) as a value: bytes and calls in, events and bytes out. No socket, no clock. The owner feeds
 * what arrives, takes events until there are none, and writes `output` to the socket when a loop turn ends.
 */
import { METHOD } from "../http1/head.ts";
import { type ConnectionOptions, ConnectionState, type HeadScratch, PHASE, ROLE } from "./connection-state.ts";
import { dropStream, failConnection, hasControlRoom, outcome, spend, writeStreamReset } from "./endings.ts";
import { EVENT } from "./event.ts";
import { READ } from "./frame-reader.ts";
import { writeGoAway, writePing, writeSettings, writeWindowUpdate } from "./frame-writer.ts";
import { BUDGET } from "./limits.ts";
import type { OutputBuffer } from "./output-buffer.ts";
import { ERROR_CODE, FRAME, PREFACE, SETTING, STREAM_ID_MAX, WINDOW_BYTES_DEFAULT } from "./protocol.ts";
import {
  nextRefused,
  receiveGoAway,
  receivePing,
  receivePriority,
  receiveReset,
  receiveSettings,
  receiveWindowUpdate,
} from "./receive-control.ts";
import { receiveDataEnd, receiveDataHead, receiveDataPiece } from "./receive-data.ts";
import { receiveContinuation, receiveHeaders } from "./receive-headers.ts";
import { credit, sendData, sendHead, sendTrailers, widen } from "./send.ts";
import { Http2Stream } from "./stream.ts";

/** The owner's view. Fields of events are those of `ConnectionState`; they hold until the next call of `next`. */
export class Connection<T> extends ConnectionState<T> {
  #fed: Uint8Array = new Uint8Array(0);
  #fedAt = 0;
  #fedEnd = 0;

  /** Says what our side has to say first: preface and settings. @param nowMs any monotonic clock. */
  constructor(options: ConnectionOptions, scratch: HeadScratch, output: OutputBuffer, nowMs: number) {
    if (options.streamWindowBytes < WINDOW_BYTES_DEFAULT || options.connectionWindowBytes < WINDOW_BYTES_DEFAULT) {
      throw new RangeError("a receive window is smaller than a peer may assume");
    }
    super(options, scratch, output, nowMs);
    this.#open();
  }

  /** Hands in bytes that arrived; they must stay as they are until `next` has answered NONE. */
  feed(buf: Uint8Array, start: number, end: number, nowMs: number): void {
    this.nowMs = nowMs;
    this.#fed = buf;
    this.#fedAt = start;
    this.#fedEnd = end;
    if (this.phase === PHASE.PREFACE) return;
    this.reader.feed(buf, start, end);
  }

  /** The next EVENT. */
  next(): number {
    if (this.phase === PHASE.PREFACE) {
      const event = this.#readPreface();
      if (event !== EVENT.NONE || this.phase === PHASE.PREFACE) return event;
    }
    for (;;) {
      if (this.phase === PHASE.OVER) return EVENT.NONE;
      if (this.refusedAbove >= 0) {
        const event = nextRefused(this);
        if (event !== EVENT.NONE) return event;
      }
      const read = this.reader.next();
      if (read === READ.NEED_MORE) return EVENT.NONE;
      const event = this.#receive(read);
      if (event !== EVENT.NONE) return event;
    }
  }

  /** True once the peer's settings have come: the connection is up. */
  get isUp(): boolean {
    return this.phase === PHASE.OPEN;
  }

  /** True when nothing of it is left to do: it was announced to end, and no stream is open. */
  get isDrained(): boolean {
    return (this.isGoing || this.isPeerGoing) && this.streams.size === 0;
  }

  /**
   * Clients: a new stream for a request with this METHOD, or `undefined` where the peer takes none (now, or ever:
   * `isPeerGoing`). The next thing on it is its head.
   */
  openStream(method: number, isWebsocket: boolean, owner: T): Http2Stream<T> | undefined {
    const isTaken = this.phase === PHASE.SETTINGS || this.phase === PHASE.OPEN;
    if (this.options.role !== ROLE.CLIENT || !isTaken || this.isPeerGoing || this.isGoing) return undefined;
    if (this.streams.size >= this.peer.streamsMax || this.nextId > STREAM_ID_MAX) return undefined;
    if (isWebsocket && !this.peer.allowsExtendedConnect) return undefined;
    const stream = new Http2Stream<T>(this.nextId, method, this.peer.windowBytes, this.options.streamWindowBytes);
    stream.isWebsocket = isWebsocket && method === METHOD.GET;
    stream.owner = owner;
    this.nextId += 2;
    this.streams.add(stream);
    return stream;
  }

  /** See `sendHead`: one of SENT. */
  sendHead(stream: Http2Stream<T>, buf: Uint8Array, start: number, end: number, isEnd: boolean, owner: number): number {
    return sendHead(this, stream, buf, start, end, isEnd, owner);
  }

  /** See `sendData`: how many bytes were taken, or SENT.OVER. */
  sendData(stream: Http2Stream<T>, buf: Uint8Array, start: number, end: number, isEnd: boolean): number {
    return sendData(this, stream, buf, start, end, isEnd);
  }

  /** See `sendTrailers`: one of SENT. */
  sendTrailers(stream: Http2Stream<T>, buf: Uint8Array, start: number, end: number): number {
    return sendTrailers(this, stream, buf, start, end);
  }

  /** `bytes` of content that came on `stream` went on to the next hop. */
  credit(stream: Http2Stream<T>, bytes: number): void {
    credit(this, stream, bytes);
  }

  /** Content of the stream that counts as held, because its frame has begun, and has not come. */
  missingBytes(stream: Http2Stream<T>): number {
    return this.dataStream === stream ? this.reader.contentLeft : 0;
  }

  /** Lets the peer send `bytes` more on a stream at once, from the next credit on; a window never gets smaller again. */
  widen(stream: Http2Stream<T>, bytes: number): void {
    widen(stream, bytes);
  }

  /**
   * Ends a stream early, for reasons of our own; content that was not credited yet counts as dropped. A client's stream that
   * never sent its head just goes. On a stream that has ended only the content is given back.
   */
  resetStream(stream: Http2Stream<T>, errorCode: number): void {
    const wasDead = stream.isDead;
    dropStream(this, stream);
    if (wasDead || this.phase === PHASE.OVER) return;
    const isUnknownToPeer = this.options.role === ROLE.CLIENT && !stream.hasSentHead;
    if (!isUnknownToPeer) writeStreamReset(this, stream.id, errorCode);
    else this.noteReset(stream.id);
  }

  /** Asks the peer for a sign of life; PONG brings the numbers back. */
  ping(high: number, low: number): void {
    if (this.phase === PHASE.OVER || !hasControlRoom(this)) return;
    this.output.length = writePing(this.output.bytes, this.output.length, high, low, false);
  }

  /**
   * Says that no new streams are wanted. With `isFinal` false streams that are under way already are still served; call
   * again with true a round trip later (RFC 9113 6.8).
   */
  drain(isFinal: boolean): void {
    if (this.phase === PHASE.OVER || !hasControlRoom(this)) return;
    this.isGoing = true;
    const lastStreamId = isFinal ? this.lastPeerId : STREAM_ID_MAX;
    if (isFinal) this.servedUpTo = Math.min(this.servedUpTo, lastStreamId);
    this.output.length = writeGoAway(this.output.bytes, this.output.length, lastStreamId, ERROR_CODE.NO_ERROR);
  }

  /** Ends the connection for a reason of our own; flush and close afterwards. */
  close(errorCode: number, reason: string): void {
    failConnection(this, errorCode, reason);
  }

  #open(): void {
    const { options, output } = this;
    output.reserveControl(256);
    if (options.role === ROLE.CLIENT) {
      for (let i = 0; i < PREFACE.length; i++) output.bytes[output.length++] = PREFACE.charCodeAt(i);
    }
    const settings = [
      SETTING.HEADER_TABLE_SIZE,
      options.tableBytes,
      SETTING.MAX_CONCURRENT_STREAMS,
      options.streamsMax,
      SETTING.INITIAL_WINDOW_SIZE,
      options.streamWindowBytes,
      SETTING.MAX_HEADER_LIST_SIZE,
      (options.listBounds ?? this.fields.ownBounds).listBytes,
    ];
    const { dataFrameBytesMax } = options;
    if (dataFrameBytesMax !== undefined) settings.push(SETTING.MAX_FRAME_SIZE, dataFrameBytesMax);
    if (options.role === ROLE.CLIENT) settings.push(SETTING.ENABLE_PUSH, 0);
    else if (options.allowsWebsocket) settings.push(SETTING.ENABLE_CONNECT_PROTOCOL, 1);
    output.length = writeSettings(output.bytes, output.length, settings);
    this.unackedSettings = 1;
    const more = options.connectionWindowBytes - WINDOW_BYTES_DEFAULT;
    if (more > 0) output.length = writeWindowUpdate(output.bytes, output.length, 0, more);
    this.receiveWindow += more;
  }

  #readPreface(): number {
    while (this.prefaceBytes < PREFACE.length) {
      if (this.#fedAt >= this.#fedEnd) return EVENT.NONE;
      if (this.#fed[this.#fedAt++]! !== PREFACE.charCodeAt(this.prefaceBytes++)) {
        return failConnection(this, ERROR_CODE.PROTOCOL_ERROR, "preface");
      }
    }
    this.phase = PHASE.SETTINGS;
    this.reader.feed(this.#fed, this.#fedAt, this.#fedEnd);
    return EVENT.NONE;
  }

  #receive(read: number): number {
    const { reader } = this;
    if (read === READ.ERROR) return failConnection(this, reader.error, "frame");
    if (read === READ.DATA_PIECE) return receiveDataPiece(this);
    if (read === READ.DATA_END) return receiveDataEnd(this);
    if (this.phase === PHASE.SETTINGS && (reader.type !== FRAME.SETTINGS || (reader.flags & 1) !== 0)) {
      return failConnection(this, ERROR_CODE.PROTOCOL_ERROR, "no-settings");
    }
    if (this.continuedId !== 0) {
      const isNext = reader.type === FRAME.CONTINUATION && reader.streamId === this.continuedId;
      return isNext ? receiveContinuation(this) : failConnection(this, ERROR_CODE.PROTOCOL_ERROR, "block-broken-off");
    }
    return read === READ.DATA_HEAD ? receiveDataHead(this) : this.#receiveFrame();
  }

  #receiveFrame(): number {
    switch (this.reader.type) {
      case FRAME.HEADERS:
        return receiveHeaders(this);
      case FRAME.PRIORITY:
        return receivePriority(this);
      case FRAME.RST_STREAM:
        return receiveReset(this);
      case FRAME.SETTINGS:
        return receiveSettings(this);
      case FRAME.PING:
        return receivePing(this);
      case FRAME.GOAWAY:
        return receiveGoAway(this);
      case FRAME.WINDOW_UPDATE:
        return receiveWindowUpdate(this);
      case FRAME.PUSH_PROMISE:
        return failConnection(this, ERROR_CODE.PROTOCOL_ERROR, "push");
      case FRAME.CONTINUATION:
        return failConnection(this, ERROR_CODE.PROTOCOL_ERROR, "continuation-of-nothing");
      default:
        // RFC 9113 4.1: unknown types are ignored.
        spend(this, BUDGET.IGNORED_FRAMES);
        return outcome(this, EVENT.NONE);
    }
  }
}
