/** A connection of ours under test, fed by hand: what it told and what it wrote, as text that can be compared. */

import { reasonOfParseError } from "../../src/wire/http1/error-status.ts";
import { Connection } from "../../src/wire/http2/connection.ts";
import type { ConnectionOptions } from "../../src/wire/http2/connection-state.ts";
import { EVENT } from "../../src/wire/http2/event.ts";
import { OutputBuffer } from "../../src/wire/http2/output-buffer.ts";
import type { Http2Stream } from "../../src/wire/http2/stream.ts";
import {
  type Bytes,
  codeName,
  FRAME,
  PREFACE,
  parseFrames,
  type SeenFrame,
  settings,
  settingsAck,
  text,
} from "./http2-frames.ts";
import { headScratch, SERVER_OPTIONS } from "./http2-scratch.ts";

const latin1 = (bytes: Uint8Array, start: number, end: number) =>
  Buffer.from(bytes.subarray(start, end)).toString("latin1");
const FRAME_NAMES: readonly string[] = Object.keys(FRAME);

export class Http2Peer {
  readonly connection: Connection<undefined>;
  readonly scratch = headScratch();
  /** One line for each event. */
  readonly events: string[] = [];
  /** Frames written so far, after our first ones. */
  readonly written: SeenFrame[] = [];
  /** Streams by number, as the events brought them. */
  readonly streams = new Map<number, Http2Stream<undefined>>();
  /** Content by stream. */
  readonly content = new Map<number, string>();
  creditsAll = true;
  nowMs = 1000;

  constructor(options: Partial<ConnectionOptions> = {}) {
    this.connection = new Connection<undefined>(
      { ...SERVER_OPTIONS, ...options },
      this.scratch,
      new OutputBuffer(),
      this.nowMs,
    );
  }

  /** What our side says first. */
  flushOpening(): SeenFrame[] {
    const { output } = this.connection;
    const bytes = output.bytes.slice(0, output.length);
    output.consume(output.length);
    return parseFrames(bytes, latin1(bytes, 0, PREFACE.length) === PREFACE ? PREFACE.length : 0);
  }

  /** Preface, settings and the acknowledgement of ours. */
  start(): this {
    this.flushOpening();
    this.feed([...text(PREFACE), ...settings(), ...settingsAck()]);
    this.events.length = 0;
    this.written.length = 0;
    return this;
  }

  feed(bytes: Bytes): this {
    return this.feedBytes(Uint8Array.from(bytes));
  }

  feedBytes(bytes: Uint8Array): this {
    const { connection } = this;
    connection.feed(bytes, 0, bytes.length, this.nowMs);
    for (let event = connection.next(); event !== EVENT.NONE; event = connection.next())
      this.events.push(this.tell(event));
    this.flush();
    return this;
  }

  flush(): void {
    const { output } = this.connection;
    this.written.push(...parseFrames(output.bytes.slice(0, output.length)));
    output.consume(output.length);
  }

  /** `connection CODE`, `stream ID CODE` for the first reset, or `fine`. */
  verdict(): string {
    const error = this.events.findLast((event) => event.startsWith("error"));
    if (error !== undefined) return `connection ${error.split(" ")[1]}`;
    const reset = this.written.find((frame) => frame.type === FRAME.RST_STREAM);
    return reset === undefined ? "fine" : `stream ${reset.streamId} ${codeName(reset.payload[3]!)}`;
  }

  /** Written frames as `TYPE stream`. */
  frames(): string[] {
    return this.written.map((frame) => `${FRAME_NAMES[frame.type]} ${frame.streamId}`);
  }

  /** Sends an answer without content. */
  answer(id: number, head = "HTTP/1.1 200 OK\r\n\r\n", isEnd = true): number {
    const bytes = Uint8Array.from(text(head));
    const answer = this.connection.sendHead(this.streams.get(id)!, bytes, 0, bytes.length, isEnd, 0);
    this.flush();
    return answer;
  }

  private tell(event: number): string {
    const { connection } = this;
    const id = connection.streamId;
    const end = connection.isEnd ? " end" : "";
    switch (event) {
      case EVENT.HEAD:
        this.streams.set(id, connection.stream!);
        return `head ${id} ${this.firstLine()}${end}`;
      case EVENT.DATA:
        this.content.set(
          id,
          (this.content.get(id) ?? "") + latin1(connection.data, connection.dataStart, connection.dataEnd),
        );
        if (this.creditsAll) connection.credit(connection.stream!, connection.dataEnd - connection.dataStart);
        return `data ${id} ${connection.dataEnd - connection.dataStart}${end}`;
      case EVENT.TRAILERS:
        return `trailers ${id} ${latin1(connection.fields.bytes, 0, connection.fields.length).trimEnd()}`;
      case EVENT.RESET: {
        const refusal = connection.refusal === 0 ? "" : ` ${reasonOfParseError(connection.refusal)}`;
        return `reset ${id} ${codeName(connection.errorCode)} ${connection.isLocal ? "local" : "remote"}${refusal}`;
      }
      case EVENT.REFUSED:
        return `refused ${id} ${reasonOfParseError(connection.refusal)}`;
      case EVENT.WRITABLE:
        return `writable ${connection.stream?.id ?? "all"}`;
      case EVENT.SETTINGS:
        return "settings";
      case EVENT.GOAWAY:
        return `goaway ${connection.lastStreamId} ${codeName(connection.errorCode)}`;
      case EVENT.PONG:
        return `pong ${connection.pongHigh} ${connection.pongLow}`;
      default:
        return `error ${codeName(connection.errorCode)} ${connection.reason}`;
    }
  }

  private firstLine(): string {
    const { request, requestFields, response } = this.scratch;
    if (this.connection.options.role === 0) return `${response.status}`;
    const method = latin1(requestFields.bytes, request.methodStart, request.methodEnd);
    return `${method} ${latin1(requestFields.bytes, request.targetStart, request.targetEnd)}`;
  }
}
