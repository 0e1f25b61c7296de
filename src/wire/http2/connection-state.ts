/** Everything that is known of one connection. Only the files of this folder change it; its owner reads the fields of events. */
import type { EqualBytes } from "../hpack/bytes.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import type { FieldList } from "../hpack/field-list.ts";
import type { ListBounds } from "../hpack/list-bounds.ts";
import type { RequestHead, ResponseHead } from "../http1/head.ts";
import { HeadEncoder } from "../translation/encode-head.ts";
import { Budgets } from "./budgets.ts";
import { FrameReader } from "./frame-reader.ts";
import { GAPS_MAX, RECENT_RESETS_MAX } from "./limits.ts";
import type { OutputBuffer } from "./output-buffer.ts";
import { WINDOW_BYTES_DEFAULT } from "./protocol.ts";
import { Settings } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

export const ROLE = { CLIENT: 0, SERVER: 1 } as const;

/** Sizes in bytes; defaults stand in `limits.ts`. */
export interface ConnectionOptions {
  /** One of ROLE. */
  readonly role: number;
  /** Streams that the peer may have open at once. */
  readonly streamsMax: number;
  /** Receive windows; at least WINDOW_BYTES_DEFAULT, because a peer may use that much before it knows of less. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Largest payload of DATA that is read, which the setting is raised to; absent: FRAME_BYTES_MAX, as for all other frames. */
  readonly dataFrameBytesMax?: number;
  /** Dynamic tables, ours for reading and at most for writing. */
  readonly tableBytes: number;
  /** Servers: WebSockets by extended CONNECT are taken (RFC 8441). */
  readonly allowsWebsocket: boolean;
  /** How many ordinary peers this one stands for, in budgets; absent: 1. A tunnel carries the callers of a whole node. */
  readonly budgetFactor?: number;
  /** Budgets that are never used up: what they count is the doing of those whom the connection serves. Absent: none. */
  readonly unlimited?: readonly number[];
  /**
   * The connection's window is opened as content comes, not when it was passed on, so that no stream can hold up the others; what is
   * held is bounded by the windows of the streams, and by the owner, who has `heldBytes`. Absent: false.
   */
  readonly creditsOnReceipt?: boolean;
  /** Header lists that are taken; absent: what the scratch takes. */
  readonly listBounds?: ListBounds;
  /** Compares long ranges; absent: without help of the runtime. */
  readonly equal?: EqualBytes;
}

/** What connections of a worker share, because each uses it only from one `next` to the next. */
export interface HeadScratch {
  readonly request: RequestHead;
  /** Indexes into `request.lines`. */
  readonly requestFields: FieldList;
  readonly response: ResponseHead;
  /** Indexes into `response.lines`. */
  readonly responseFields: FieldList;
}

export const PHASE = { PREFACE: 0, SETTINGS: 1, OPEN: 2, OVER: 3 } as const;

const NONE = new Uint8Array(0);
const NO_NUMBERS = new Int32Array(0);

export class ConnectionState<T> {
  readonly options: ConnectionOptions;
  readonly scratch: HeadScratch;
  readonly output: OutputBuffer;
  readonly reader: FrameReader;
  readonly decoder: HpackDecoder;
  #encoder: HeadEncoder | undefined = undefined;
  readonly budgets: Budgets;
  /** What the peer has announced. */
  readonly peer = new Settings();
  readonly streams = new StreamTable<T>();
  nowMs: number;
  phase: number;
  /** Bytes of the preface that have come. */
  prefaceBytes = 0;
  unackedSettings = 0;

  /** Highest stream that the peer has opened, and the next of ours. */
  lastPeerId = 0;
  nextId = 1;
  /** Streams that we reset, newest overwriting oldest. */
  recentResets = NONE as Uint8Array | Int32Array;
  recentResetCount = 0;
  /** Highest stream whose reset was overwritten: which of those below were reset is not known any more. */
  forgottenResets = 0;
  /** First and last identifier of jumps, in turn. */
  gaps = NO_NUMBERS;
  gapCount = 0;

  sendWindow = WINDOW_BYTES_DEFAULT;
  receiveWindow = WINDOW_BYTES_DEFAULT;
  creditBytes = 0;
  /** Content of all streams that came and was not passed on yet. */
  heldBytes = 0;
  isBlocked = false;

  /** Stream whose block goes on in CONTINUATION frames; 0 for none. */
  continuedId = 0;
  continuedFlags = 0;
  continuations = 0;
  block = NONE;
  blockLength = 0;

  /** Stream of the DATA frame under way; `undefined` where nobody wants it. */
  dataStream: Http2Stream<T> | undefined = undefined;
  isDataEnd = false;

  /** No new streams of ours: the peer said so. */
  isPeerGoing = false;
  /** Streams of ours above this were not looked at; -1 for none to report. */
  refusedAbove = -1;
  /** Highest stream of the peer's that is still served; set by the last GOAWAY. */
  servedUpTo = 0x7fff_ffff;
  isGoing = false;

  /** Of the head that is being encoded. */
  readonly sending = { owner: 0, isWebsocket: false };

  /** Fields of events. */
  stream: Http2Stream<T> | undefined = undefined;
  streamId = 0;
  isEnd = false;
  data: Uint8Array = NONE;
  dataStart = 0;
  dataEnd = 0;
  errorCode = 0;
  isLocal = false;
  refusal = 0;
  lastStreamId = 0;
  pongHigh = 0;
  pongLow = 0;
  /** A few words about the error of a connection. */
  reason = "";

  constructor(options: ConnectionOptions, scratch: HeadScratch, output: OutputBuffer, nowMs: number) {
    this.options = options;
    this.reader = new FrameReader(options.dataFrameBytesMax);
    this.scratch = scratch;
    this.output = output;
    this.nowMs = nowMs;
    this.decoder = new HpackDecoder(options.tableBytes, options.listBounds);
    this.budgets = new Budgets(nowMs, options.budgetFactor, options.unlimited);
    this.phase = options.role === ROLE.SERVER ? PHASE.PREFACE : PHASE.SETTINGS;
  }

  /** Made when the first head is sent: it takes a dozen kilobytes that an idle connection need not have. */
  get encoder(): HeadEncoder {
    if (this.#encoder !== undefined) return this.#encoder;
    this.#encoder = new HeadEncoder(this.options.tableBytes, this.options.equal);
    this.followPeerTable();
    return this.#encoder;
  }

  /** The peer's settings for header tables have changed. */
  followPeerTable(): void {
    if (this.#encoder === undefined) return;
    this.#encoder.hpack.setPeerLimit(this.peer.tableBytesLowest);
    this.#encoder.hpack.setPeerLimit(this.peer.tableBytes);
    this.peer.tableBytesLowest = this.peer.tableBytes;
  }

  /** Where heads of this side's peer are read into. */
  get fields(): FieldList {
    return this.options.role === ROLE.SERVER ? this.scratch.requestFields : this.scratch.responseFields;
  }

  noteReset(streamId: number): void {
    if (this.recentResets.length === 0) {
      // All streams that there may be can be reset at once.
      this.recentResets = new Int32Array(Math.max(RECENT_RESETS_MAX, this.options.streamsMax));
    }
    const at = this.recentResetCount++ % this.recentResets.length;
    this.forgottenResets = Math.max(this.forgottenResets, this.recentResets[at]!);
    this.recentResets[at] = streamId;
  }

  /** Frames of this stream may be under way although it is closed. */
  wasReset(streamId: number): boolean {
    return streamId <= this.forgottenResets || this.recentResets.includes(streamId);
  }

  /** The peer opened `streamId`, above all before: those it skipped can never be opened (RFC 9113 5.1.1). */
  noteOpened(streamId: number): void {
    const expected = this.lastPeerId === 0 ? 1 : this.lastPeerId + 2;
    if (streamId > expected) {
      const at = (this.gapCount++ % GAPS_MAX) * 2;
      if (this.gaps.length === 0) this.gaps = new Int32Array(GAPS_MAX * 2);
      this.gaps[at] = expected;
      this.gaps[at + 1] = streamId - 2;
    }
    this.lastPeerId = streamId;
  }

  wasSkipped(streamId: number): boolean {
    for (let i = 0; i < Math.min(this.gapCount, GAPS_MAX); i++) {
      if (streamId >= this.gaps[i * 2]! && streamId <= this.gaps[i * 2 + 1]!) return true;
    }
    return false;
  }

  /** Neither side has opened it yet. */
  isIdle(streamId: number): boolean {
    const isClients = (streamId & 1) === 1;
    if (this.options.role === ROLE.SERVER) return isClients ? streamId > this.lastPeerId : true;
    return isClients ? streamId >= this.nextId : true;
  }
}
