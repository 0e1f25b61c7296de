import { copyOf } from "../../base/copy-bytes.ts";
import { giveBack, isWhole } from "../../base/given-memory.ts";
import { OWNER } from "../../wire/hpack/encoder.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import { SENT } from "../../wire/http2/send.ts";
import type { Http2Stream } from "../../wire/http2/stream.ts";
import type { MessageSink } from "../message-sink.ts";
import {
  PIECE_BYTES_MIN,
  QUANTUM_BYTES,
  SLIM_SHARE,
  STREAM_QUEUE_BYTES_LOW,
  STREAM_QUEUE_BYTES_MAX,
} from "./limits.ts";
import { type StreamLink, TURN } from "./stream-link.ts";

/** The error code of a stream whose connection is gone: no code of the protocol. */
export const LINK_LOST = -1;

/** What one stream of a connection tells whoever has it. Nothing is told after `LinkStream.leave` or `reset`. */
export interface StreamOwner {
  /** Clients: a head of the answer, interim ones too; it stands in `link.host.heads.response` during the call. */
  onStreamHead(stream: LinkStream, isEnd: boolean): void;
  /** Content, which may be kept; `credit` it when the next hop has it. `isEnd`: the message ends, possibly without any. */
  onStreamData(stream: LinkStream, bytes: Buffer, isEnd: boolean): void;
  /** The message ends with the lines `bytes[start, end)`, without an empty line; they hold during the call. */
  onStreamTrailers(stream: LinkStream, bytes: Buffer, start: number, end: number): void;
  /**
   * It is over before its end: reset by the peer, by us for what the peer sent (`isLocal`), or LINK_LOST. REFUSED_STREAM: the
   * peer did not look at it.
   */
  onStreamReset(stream: LinkStream, errorCode: number, isLocal: boolean): void;
  /** There is room again, or everything has left. */
  onStreamDrained(stream: LinkStream): void;
}

const NOTHING = new Uint8Array(0);

interface HeldHead {
  readonly bytes: Uint8Array;
  readonly isEnd: boolean;
  readonly isUpgrade: boolean;
}

/**
 * One stream of a connection, from our side: what is written to it waits here until it is its turn, at most
 * STREAM_QUEUE_BYTES_MAX and one piece. Made by its link, for one message each way.
 */
export class LinkStream implements MessageSink {
  readonly link: StreamLink<LinkStream>;
  /** `null` on a client until the head has left. */
  stream: Http2Stream<LinkStream> | null;
  owner: StreamOwner | null = null;
  isFramed = true;
  queuedBytes = 0;
  /** Whose credentials its heads carry, for HPACK: a number from 1, or one of OWNER. */
  credentialOwner: number = OWNER.NOBODY;
  /** On a shared connection, key of the workload that reads what comes; `null`: the mesh itself. */
  debtor: string | null = null;
  /** When the next hop took something last, on the host's clock; these three are for the backlog only. */
  movedMs: number;
  /** Bytes that it took since the window grew. */
  passedBytes = 0;
  /** What the window has grown by. */
  wideBytes = 0;
  /** It stands among those that wait for their turn. For the link only. */
  isReady = false;
  /** Its slot among those whose head has not left, or -1. For the link only. */
  unsentSlot = -1;
  /** Reset, or lost with its connection. */
  isOver = false;
  /** `null` until something had to wait: most messages leave next to their heads. */
  #chunks: Uint8Array[] | null = null;
  /** Bytes of the first chunk that have left. */
  #at = 0;
  /** Memory of chunks that nobody else refers to. */
  #given: Set<ArrayBufferLike> | null = null;
  #held: HeldHead | null = null;
  #trailers: Uint8Array | null = null;
  #isEnding = false;
  #wantsDrain = false;
  #hasSlim = false;

  constructor(link: StreamLink<LinkStream>, stream: Http2Stream<LinkStream> | null) {
    this.link = link;
    this.stream = stream;
    this.movedMs = link.host.now;
  }

  get isFull(): boolean {
    return this.queuedBytes > STREAM_QUEUE_BYTES_MAX;
  }

  /** Our side has ended, and nothing waits. */
  get hasEnded(): boolean {
    return this.isOver || this.stream?.isLocalEnd === true;
  }

  /** Our side has ended, or will once everything queued has left. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** The peer's side has ended. */
  get isRemoteEnd(): boolean {
    return this.stream?.isRemoteEnd === true;
  }

  becomeRaw(): void {
    this.isFramed = false;
  }

  head(bytes: Buffer, start: number, end: number, isEnd: boolean, isUpgrade: boolean): void {
    if (this.isOver) return;
    if (!this.isFramed) {
      this.write(bytes, start, end, true);
      return;
    }
    if (isEnd) this.#isEnding = true;
    const sent = this.#held === null ? this.#sendHead(bytes, start, end, isEnd, isUpgrade) : SENT.NO_ROOM;
    if (sent === SENT.NO_ROOM) this.#holdHead(bytes, start, end, isEnd, isUpgrade);
  }

  #holdHead(bytes: Buffer, start: number, end: number, isEnd: boolean, isUpgrade: boolean): void {
    // Of several, interim ones are what a peer that does not read can do without.
    if (this.#held !== null) this.queuedBytes -= this.#held.bytes.length;
    this.#held = { bytes: copyOf(bytes, start, end), isEnd, isUpgrade };
    this.queuedBytes += end - start;
    this.#wantsDrain ||= isEnd;
    this.link.ready(this);
  }

  #sendHead(bytes: Uint8Array, start: number, end: number, isEnd: boolean, isUpgrade: boolean): number {
    const { link } = this;
    if (this.stream === null && !link.open(this, bytes, start, end, isUpgrade)) {
      return this.isOver ? SENT.OVER : SENT.NO_ROOM;
    }
    const sent = link.connection.sendHead(this.stream!, bytes, start, end, isEnd, this.credentialOwner);
    if (sent === SENT.OK) link.dirty();
    else if (sent === SENT.BAD_HEAD) this.#failLocally(ERROR_CODE.INTERNAL_ERROR);
    return sent;
  }

  write(bytes: Uint8Array, start: number, end: number, isShared: boolean): boolean {
    if (this.isOver || start === end) return true;
    const isWhole = start === 0 && end === bytes.length;
    const chunk = isShared ? copyOf(bytes, start, end) : isWhole ? bytes : bytes.subarray(start, end);
    if (this.#chunks === null) this.#chunks = [chunk];
    else this.#chunks.push(chunk);
    if (chunk.length * SLIM_SHARE < chunk.buffer.byteLength) this.#hasSlim = true;
    this.queuedBytes += chunk.length;
    // Without messages there is no end by which whoever waits for all to have left would be told.
    if (!this.isFramed) this.#wantsDrain = true;
    this.link.ready(this);
    if (!this.isFull) return true;
    this.link.flushQuietly();
    if (!this.isFull) return true;
    this.#wantsDrain = true;
    return false;
  }

  give(bytes: Uint8Array): boolean {
    // The content of a message may be kept, to be sent elsewhere once more (`KeptBody`).
    if (!this.isFramed && isWhole(bytes) && !this.isOver) {
      this.#given ??= new Set();
      this.#given.add(bytes.buffer);
    }
    return this.write(bytes, 0, bytes.length, false);
  }

  last(bytes: Uint8Array, start: number, end: number): void {
    if (this.isOver || this.#sendLast(bytes, start, end)) return;
    this.write(bytes, start, end, false);
    this.finish();
  }

  trailers(bytes: Uint8Array, start: number, end: number): void {
    if (this.isOver) return;
    this.#trailers = copyOf(bytes, start, end);
    this.finish();
  }

  finish(): void {
    if (this.isFramed) this.end();
  }

  end(): void {
    if (this.isOver || this.#isEnding) return;
    this.#isEnding = true;
    if (this.queuedBytes === 0 && this.stream?.hasSentHead === true && this.#sendEnd() === TURN.DONE) {
      this.link.dirty();
      return;
    }
    this.#wantsDrain = true;
    this.link.ready(this);
  }

  cork(): void {
    // Everything is put together until the turn ends.
  }

  uncork(): boolean {
    return !this.isFull;
  }

  /** The next hop has `bytes` more of what the peer sent. */
  credit(bytes: number): void {
    const { stream } = this;
    if (bytes === 0 || stream === null) return;
    this.link.backlog?.moved(this, this.link.connection, stream, bytes);
    this.link.connection.credit(stream, bytes);
    if (this.link.connection.output.length > 0) this.link.dirty();
  }

  /** Ends both directions now, unless both have ended. The owner is told nothing more. */
  reset(errorCode: number): void {
    this.owner = null;
    this.#drop();
    if (this.stream !== null) this.link.connection.resetStream(this.stream, errorCode);
    this.link.dirty();
  }

  /** The owner has no more to do with it: what came and was not credited is dropped, what is queued still leaves. */
  leave(): void {
    this.owner = null;
    if (this.wideBytes > 0) this.link.backlog?.narrow(this);
    if (this.stream !== null) this.credit(this.stream.heldBytes);
  }

  /** Ends both directions now, and tells the owner as if the peer had. */
  abandon(errorCode: number): void {
    const { owner } = this;
    this.reset(errorCode);
    owner?.onStreamReset(this, errorCode, true);
  }

  /** For the link: it is over before its end. */
  lost(errorCode: number, isLocal: boolean): void {
    const { owner } = this;
    this.#drop();
    this.owner = null;
    owner?.onStreamReset(this, errorCode, isLocal);
  }

  /** For the link: sends at most `quantumBytes` of content; answers one of TURN. */
  turn(quantumBytes: number): number {
    if (this.isOver) return TURN.DONE;
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      const sent = this.#sendHead(held.bytes, 0, held.bytes.length, held.isEnd, held.isUpgrade);
      if (sent === SENT.NO_ROOM) this.#held = held;
      else if (sent === SENT.OK) this.queuedBytes -= held.bytes.length;
      if (sent !== SENT.OK) return sent === SENT.NO_ROOM ? TURN.NO_ROOM : TURN.DONE;
    }
    const content = this.#sendContent(quantumBytes);
    if (content !== TURN.DONE || !this.#isEnding || this.isOver) return content;
    return this.#sendEnd();
  }

  /** For the link, behind a flush: tells the owner if it waits for room that is there now. */
  tellDrained(): void {
    if (!this.#wantsDrain || this.queuedBytes > STREAM_QUEUE_BYTES_LOW) return;
    const isWaiting = this.#isEnding && !this.hasEnded;
    if (isWaiting) return;
    this.#wantsDrain = false;
    this.owner?.onStreamDrained(this);
  }

  /** For the link, behind a flush: small pieces that have to wait let go of the large memory they stand in. */
  settle(): void {
    const chunks = this.#chunks;
    if (!this.#hasSlim || chunks === null) return;
    this.#hasSlim = false;
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i]!;
      if (chunk.length * SLIM_SHARE < chunk.buffer.byteLength) chunks[i] = copyOf(chunk);
    }
  }

  /** Sends it now, next to its head, where that takes nobody's turn; false: nothing was sent. */
  #sendLast(bytes: Uint8Array, start: number, end: number): boolean {
    const { stream, link } = this;
    const length = end - start;
    if (length > QUANTUM_BYTES || this.queuedBytes > 0 || this.#isEnding || !this.isFramed || !link.isQuiet)
      return false;
    if (stream === null || !stream.hasSentHead || stream.isLocalEnd || stream.isDead) return false;
    const { connection, contentRoom } = link;
    if (length > contentRoom || length > Math.min(stream.sendWindow, connection.sendWindow)) return false;
    if (length > connection.peer.frameBytesMax) return false;
    if (connection.sendData(stream, bytes, start, end, true) !== length) return false;
    this.#isEnding = true;
    link.dirty();
    return true;
  }

  #sendContent(quantumBytes: number): number {
    const chunks = this.#chunks;
    if (chunks === null) return TURN.DONE;
    const { connection } = this.link;
    let left = quantumBytes;
    while (chunks.length > 0) {
      const chunk = chunks[0]!;
      const wanted = chunk.length - this.#at;
      const room = this.link.contentRoom;
      const isFull = room < Math.min(wanted, PIECE_BYTES_MIN) || room <= 0;
      if (left <= 0 || (isFull && left < quantumBytes)) return TURN.MORE;
      if (isFull) return TURN.NO_ROOM;
      const to = this.#at + Math.min(wanted, left, room, connection.peer.frameBytesMax);
      const isLast = this.#isEnding && this.#trailers === null && chunks.length === 1 && to === chunk.length;
      const sent = connection.sendData(this.stream!, chunk, this.#at, to, isLast);
      if (sent < 0) {
        // The peer has ended the stream for its part, or the connection is over: that is told separately.
        this.#forget();
        return TURN.DONE;
      }
      this.queuedBytes -= sent;
      left -= sent;
      const isShort = this.#at + sent < to;
      this.#at += sent;
      if (this.#at === chunk.length) {
        chunks.shift();
        this.#at = 0;
        if (this.#given?.delete(chunk.buffer)) giveBack(chunk.buffer);
      }
      if (isShort) return TURN.STALLED;
    }
    return TURN.DONE;
  }

  #sendEnd(): number {
    const { link, stream } = this;
    if (stream!.isLocalEnd) return TURN.DONE;
    const lines = this.#trailers;
    if (lines === null) link.connection.sendData(stream!, NOTHING, 0, 0, true);
    else {
      const sent = link.connection.sendTrailers(stream!, lines, 0, lines.length);
      if (sent === SENT.BAD_HEAD) {
        this.#failLocally(ERROR_CODE.INTERNAL_ERROR);
        return TURN.DONE;
      }
    }
    if (!stream!.isLocalEnd) return TURN.NO_ROOM;
    this.#trailers = null;
    return TURN.DONE;
  }

  /** What was to be sent is none that HTTP/2 can carry: for the owner as if the peer had reset. */
  #failLocally(errorCode: number): void {
    const { owner, stream } = this;
    this.#drop();
    if (stream !== null) this.link.connection.resetStream(stream, errorCode);
    this.link.dirty();
    if (!owner) return;
    queueMicrotask(() => {
      // Unless it was given up meanwhile.
      if (this.owner !== owner) return;
      this.owner = null;
      owner.onStreamReset(this, errorCode, true);
    });
  }

  #forget(): void {
    this.#chunks = null;
    this.#given = null;
    this.#at = 0;
    this.queuedBytes = 0;
    this.#held = null;
    this.#trailers = null;
  }

  #drop(): void {
    this.isOver = true;
    this.#forget();
    if (this.wideBytes > 0) this.link.backlog?.narrow(this);
    this.link.dropped(this);
  }
}
