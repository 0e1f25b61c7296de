import { Slots } from "../../base/slots.ts";
import { methodOf } from "../../wire/http1/request-line.ts";
import { Connection } from "../../wire/http2/connection.ts";
import { type ConnectionOptions, PHASE, ROLE } from "../../wire/http2/connection-state.ts";
import { EVENT } from "../../wire/http2/event.ts";
import { OutputBuffer } from "../../wire/http2/output-buffer.ts";
import { ERROR_CODE, FRAME_HEADER_BYTES } from "../../wire/http2/protocol.ts";
import { uncorkAny } from "../output.ts";
import type { Backlog, SharedLink } from "./backlog.ts";
import type { FlushQueue } from "./flush-queue.ts";
import { BACKLOG_UNWATCHED_BYTES, OUTPUT_CONTENT_BYTES_MAX } from "./limits.ts";
import type { LinkHandler } from "./link-handler.ts";
import { LINK_LOST, LinkStream, type StreamOwner } from "./link-stream.ts";
import { SendingOrder } from "./sending-order.ts";
import type { SharedHeads } from "./shared-heads.ts";
import { type StreamLink, TURN } from "./stream-link.ts";

/** The socket under a link; plain or TLS. */
export interface LinkSocket {
  /** Answers how many bytes were taken; negative: the socket is gone. */
  write(bytes: Uint8Array, start: number, length: number): number;
}

/** What a link needs of the worker. */
export interface LinkHost {
  /** When the event that is being handled came in, milliseconds. */
  readonly now: number;
  readonly flushQueue: FlushQueue;
  readonly heads: SharedHeads;
  readonly backlog: Backlog;
}

/** Room in the output for the frames of one block, whatever stands in it. */
const BLOCK_ROOM_BYTES = 2048;

/**
 * One HTTP/2 connection over one socket. The owner hands in what the socket says (`opened`, `received`, `drained`, `gone`) and
 * closes it; the link writes to it, once per turn of the loop, streams in turn.
 */
export class Http2Link implements StreamLink<LinkStream>, SharedLink {
  readonly connection: Connection<LinkStream>;
  readonly host: LinkHost;
  readonly backlog: Backlog | null;
  /** When something came last, on the host's clock. */
  lastReadMs: number;
  readonly #handler: LinkHandler;
  readonly #output = new OutputBuffer();
  #socket: LinkSocket | null = null;
  /** Streams with something to send; those that wait for a window are not among them. */
  readonly #order = new SendingOrder<LinkStream>();
  readonly #stalled = new Set<LinkStream>();
  /** Those that had a turn since the owners were told last. */
  #served: LinkStream[] = [];
  /** Clients: streams whose head has not left. */
  readonly #unsent = new Slots<LinkStream>();
  #streams = 0;
  #isDirty = false;
  #isFlushing = false;
  #isBlocked = false;
  #isOver = false;

  constructor(options: ConnectionOptions, host: LinkHost, handler: LinkHandler) {
    this.host = host;
    this.#handler = handler;
    this.lastReadMs = host.now;
    this.backlog = options.creditsOnReceipt === true ? host.backlog : null;
    this.connection = new Connection<LinkStream>(options, host.heads, this.#output, host.now);
  }

  /** The connection has ended, or failed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Streams that are open, or are about to be. */
  get streamCount(): number {
    return this.connection.streams.size + this.#unsent.size;
  }

  /** Clients: whether another stream may be opened now. */
  get hasRoom(): boolean {
    const { connection } = this;
    if (this.#isOver || !connection.isUp || connection.isPeerGoing || connection.isGoing) return false;
    return this.streamCount < connection.peer.streamsMax;
  }

  /** Clients: no stream will ever be opened any more, though those that are open may go on. */
  get isGoing(): boolean {
    return this.#isOver || this.connection.isPeerGoing || this.connection.isGoing;
  }

  /** Clients: WebSockets may be asked for (RFC 8441 3). */
  get takesUpgrades(): boolean {
    return this.connection.peer.allowsExtendedConnect;
  }

  get contentRoom(): number {
    return OUTPUT_CONTENT_BYTES_MAX - FRAME_HEADER_BYTES - this.#output.length;
  }

  get isQuiet(): boolean {
    return this.#order.isEmpty && !this.#isBlocked;
  }

  /** Bytes that the socket has not taken. */
  get queuedBytes(): number {
    return this.#output.length;
  }

  *streams(): Iterable<LinkStream> {
    for (const { owner } of this.connection.streams.all()) if (owner) yield owner;
  }

  /** The socket is there: preface and settings leave. */
  opened(socket: LinkSocket): void {
    this.#socket = socket;
    this.backlog?.add(this);
    this.dirty();
  }

  /** Takes what has arrived; the bytes may be kept. */
  received(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#takeAll(bytes);
    // Heads that waited for content that did not come.
    uncorkAny();
  }

  #takeAll(bytes: Buffer): void {
    const { connection } = this;
    this.lastReadMs = this.host.now;
    connection.feed(bytes, 0, bytes.length, this.host.now);
    for (let event = connection.next(); event !== EVENT.NONE; event = connection.next()) {
      this.#take(event);
      if (this.#isOver) return;
    }
    if (this.connection.heldBytes > BACKLOG_UNWATCHED_BYTES) this.backlog?.relieve();
    if (this.#output.length > 0) this.dirty();
    this.#noteEndings();
  }

  /** The socket takes bytes again. */
  drained(): void {
    this.#isBlocked = false;
    this.flush();
  }

  /** The socket is gone: every stream is told LINK_LOST, the handler nothing. */
  gone(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket = null;
    this.#loseAll(LINK_LOST);
  }

  /** Clients: a stream for one request, or `null` where there is no room. It is opened with its head. */
  openStream(owner: StreamOwner | null): LinkStream | null {
    if (!this.hasRoom) return null;
    const stream = new LinkStream(this, null);
    stream.owner = owner;
    stream.unsentSlot = this.#unsent.add(stream);
    if (this.#streams < this.streamCount) this.#streams = this.streamCount;
    return stream;
  }

  /** Asks the peer for a sign of life; `onPong` brings the numbers back. */
  ping(high: number, low: number): void {
    this.connection.ping(high, low);
    this.dirty();
  }

  /** Announces the end: streams that are open go on. Twice, a round trip apart; `isFinal` the second time (RFC 9113 6.8). */
  drain(isFinal: boolean): void {
    if (this.#isOver) return;
    this.connection.drain(isFinal);
    this.dirty();
  }

  /** Ends the connection now, telling the peer why; ends in `onFailed`. @param code one of ERROR_CODE. */
  close(code: number, reason: string): void {
    if (this.#isOver) return;
    this.connection.close(code, reason);
    this.#fail(code, reason);
  }

  /** Asks for a flush at the end of this turn. */
  dirty(): void {
    if (this.#isDirty || this.#isOver) return;
    this.#isDirty = true;
    this.host.flushQueue.add(this);
  }

  ready(stream: LinkStream): void {
    if (!stream.isReady && !this.#stalled.has(stream)) {
      stream.isReady = true;
      this.#order.add(stream);
    }
    this.dirty();
  }

  open(stream: LinkStream, bytes: Uint8Array, start: number, end: number, isUpgrade: boolean): boolean {
    const { connection } = this;
    if (this.#output.room < end - start + BLOCK_ROOM_BYTES) return false;
    const opened = connection.openStream(methodOf(bytes, start, bytes.indexOf(32, start)), isUpgrade, stream);
    if (opened === undefined) {
      stream.lost(ERROR_CODE.REFUSED_STREAM, true);
      return false;
    }
    this.#leaveUnsent(stream);
    stream.stream = opened;
    return true;
  }

  dropped(stream: LinkStream): void {
    this.#stalled.delete(stream);
    if (this.#leaveUnsent(stream)) this.dirty();
  }

  /** False: it was not among them. */
  #leaveUnsent(stream: LinkStream): boolean {
    if (stream.unsentSlot < 0) return false;
    this.#unsent.delete(stream.unsentSlot);
    stream.unsentSlot = -1;
    return true;
  }

  /** At the end of a turn: writes what there is, and tells whoever waited for room. */
  flush(): void {
    this.#isDirty = false;
    if (this.#isOver) return;
    this.flushQuietly();
    const served = this.#served;
    if (served.length > 0) {
      this.#served = [];
      for (const stream of served) stream.tellDrained();
    }
    this.#noteEndings();
  }

  flushQuietly(): void {
    if (this.#isFlushing || this.#isBlocked || !this.#socket) return;
    this.#isFlushing = true;
    for (;;) {
      this.#serve();
      if (this.#output.length === 0 || !this.#write()) break;
    }
    this.#isFlushing = false;
    if (!this.#order.isEmpty) for (const stream of this.#order) stream.settle();
    for (const stream of this.#stalled) stream.settle();
  }

  /** Gives each stream that has something to send a turn, until the output is full or nobody has. */
  #serve(): void {
    const order = this.#order;
    for (let stream = order.next(); stream !== undefined; stream = order.next()) {
      const before = this.#output.length;
      const came = stream.turn(order.quantumBytes);
      if (came === TURN.NO_ROOM) return;
      order.took(this.#output.length - before);
      this.#served.push(stream);
      stream.isReady = came === TURN.MORE;
      if (came === TURN.MORE) order.add(stream);
      else if (came === TURN.STALLED) this.#stalled.add(stream);
    }
  }

  /** False when the socket took less than there is. */
  #write(): boolean {
    const output = this.#output;
    const sent = this.#socket!.write(output.bytes, 0, output.length);
    if (sent < 0) {
      // Whoever has the socket learns that it is closed by itself.
      this.#isBlocked = true;
      return false;
    }
    output.consume(sent);
    if (output.length === 0) return true;
    this.#isBlocked = true;
    return false;
  }

  #take(event: number): void {
    const { connection } = this;
    switch (event) {
      case EVENT.HEAD:
        this.#takeHead();
        return;
      case EVENT.DATA:
        this.#takeData();
        return;
      case EVENT.TRAILERS: {
        const { heads } = this.host;
        const isServer = connection.options.role === ROLE.SERVER;
        const bytes = isServer ? heads.requestBytes : heads.responseBytes;
        const stream = connection.stream!.owner;
        stream?.owner?.onStreamTrailers(stream, bytes, 0, connection.fields.length);
        return;
      }
      case EVENT.RESET:
        connection.stream!.owner?.lost(connection.errorCode, connection.isLocal);
        return;
      case EVENT.REFUSED:
        this.#handler.onRefused(connection.refusal);
        return;
      case EVENT.WRITABLE:
        this.#unblock(connection.stream?.owner);
        return;
      case EVENT.SETTINGS:
        this.#unblock(undefined);
        this.#handler.onSettings();
        return;
      case EVENT.GOAWAY:
        this.#handler.onGoAway(connection.errorCode);
        return;
      case EVENT.PONG:
        this.#handler.onPong(connection.pongHigh, connection.pongLow);
        return;
      default:
        this.#fail(connection.errorCode, connection.reason);
    }
  }

  #takeHead(): void {
    const { connection } = this;
    const { isEnd } = connection;
    const opened = connection.stream!;
    if (connection.options.role === ROLE.CLIENT) {
      const stream = opened.owner;
      stream?.owner?.onStreamHead(stream, isEnd);
      return;
    }
    const stream = new LinkStream(this, opened);
    opened.owner = stream;
    this.#handler.onRequest(stream, isEnd);
  }

  #takeData(): void {
    const { connection } = this;
    const { data, dataStart, dataEnd, isEnd } = connection;
    const opened = connection.stream!;
    const stream = opened.owner;
    if (stream?.owner) stream.owner.onStreamData(stream, (data as Buffer).subarray(dataStart, dataEnd), isEnd);
    else connection.credit(opened, dataEnd - dataStart);
  }

  /** Windows have grown: of one stream, or perhaps of all. */
  #unblock(stream: LinkStream | undefined): void {
    if (stream) {
      if (this.#stalled.delete(stream)) this.ready(stream);
      return;
    }
    const stalled = [...this.#stalled];
    this.#stalled.clear();
    for (const one of stalled) this.ready(one);
  }

  #fail(code: number, reason: string): void {
    if (this.#isOver) return;
    if (this.#socket && !this.#isBlocked) this.#write();
    this.#isOver = true;
    this.#socket = null;
    this.#loseAll(LINK_LOST);
    this.#handler.onFailed(code, reason);
  }

  #loseAll(errorCode: number): void {
    this.backlog?.delete(this);
    const unsent = this.#unsent.all();
    const streams = [...unsent, ...this.streams()];
    // Those that have ended are none of the connection's any more, and nobody else tells them.
    for (const stream of this.#served) if (stream.hasEnded) stream.tellDrained();
    this.#served = [];
    for (const stream of unsent) this.#leaveUnsent(stream);
    this.#stalled.clear();
    this.#order.clear();
    for (const stream of streams) stream.lost(errorCode, false);
  }

  /** Streams may have ended, or the connection: for want of room for what it had to say. */
  #noteEndings(): void {
    const { phase, errorCode, reason } = this.connection;
    if (phase === PHASE.OVER) this.#fail(errorCode, reason);
    const count = this.streamCount;
    const before = this.#streams;
    this.#streams = count;
    if (count < before && !this.#isOver) this.#handler.onStreamOver();
  }
}
