import { asciiBytes } from "../../wire/http1/byte-classes.ts";
import { ChunkedDecoder } from "../../wire/http1/chunked.ts";
import { BODY } from "../../wire/http1/head.ts";
import { copyBytes, writeAscii, writeHexChunkSize } from "../../wire/http1/write-head.ts";
import { copyRun } from "../bytes.ts";
import type { MessageSink } from "../message-sink.ts";
import type { ExchangeClient } from "./exchange-client.ts";

const CRLF = asciiBytes("\r\n");
const LAST_CHUNK = asciiBytes("0\r\n");
const END = asciiBytes("0\r\n\r\n");

/** Bytes of framing around a chunk: eight digits and two line ends. */
const CHUNK_FRAME_BYTES = 16;

/** Largest chunk that is copied to leave with its framing in one write; larger ones are written in place. */
const COPIED_CHUNK_BYTES_MAX = 16 * 1024;

/**
 * Passes one body on, decoded from one framing and written in another, without holding any of it. What has not left is in the
 * sink; the feeder stops when that is full.
 */
export class BodyWriter {
  /** Payload bytes passed on, without framing. */
  bodyBytes = 0;
  isDone = true;
  /** Trailers were passed on behind the body. */
  hasTrailers = false;
  #body: number = BODY.NONE;
  #left = 0;
  #writesChunks = false;
  /** It arrives as content whose end is told (HTTP/2), not as bytes that tell it themselves. */
  #isFramed = false;
  /** Made with the first chunked body: most connections never see one, and it weighs a kilobyte. */
  #decoder: ChunkedDecoder | null = null;

  /**
   * @param body how it arrives, one of BODY. @param writesChunks how it leaves where the sink is not framed: in chunks, or as it
   * is. @param isFramed it comes as content alone, and `end` or `endWith` tells where it ends.
   */
  begin(body: number, contentLength: number, writesChunks: boolean, isFramed: boolean): void {
    this.bodyBytes = 0;
    this.hasTrailers = false;
    this.#body = body;
    this.#left = body === BODY.LENGTH ? contentLength : 0;
    this.#writesChunks = writesChunks;
    this.#isFramed = isFramed;
    this.isDone = body === BODY.NONE || (body === BODY.LENGTH && contentLength === 0 && !isFramed);
    if (body !== BODY.CHUNKED || isFramed) return;
    this.#decoder ??= new ChunkedDecoder();
    this.#decoder.reset();
  }

  /** The same for the body of a request, which leaves framed as it came where it needs framing. */
  beginRequest({ head, out }: Pick<ExchangeClient, "head" | "out">): void {
    this.begin(head.body, head.contentLength, head.body === BODY.CHUNKED, out.isFramed);
  }

  /** Bytes of a body of known length were passed on by somebody else. */
  skip(bytes: number): void {
    this.bodyBytes += bytes;
    this.#left -= bytes;
    if (this.#left === 0) this.isDone = true;
  }

  /**
   * Takes what belongs to the body from `bytes[start, end)`, which may be kept; answers the offset after it, or a PARSE_ERROR.
   * It takes everything it can: a full socket is for the feeder to see. A chunk that is all body is empty afterwards.
   */
  write(bytes: Buffer, start: number, end: number, out: MessageSink, scratch: Buffer): number {
    if (this.#isFramed) {
      this.#pass(bytes, start, end, out, scratch);
      return end;
    }
    if (this.#body === BODY.LENGTH) {
      const taken = Math.min(this.#left, end - start);
      if (taken === this.#left && out.isFramed) out.last(bytes, start, start + taken);
      else if (start === 0 && taken === bytes.length && end === taken) out.give(bytes);
      else if (taken > 0) out.write(bytes, start, start + taken, false);
      this.skip(taken);
      return start + taken;
    }
    if (this.#body === BODY.UNTIL_CLOSE) {
      this.#pass(bytes, start, end, out, scratch);
      return end;
    }
    return this.#writeChunked(bytes, start, end, out, scratch);
  }

  /** A body whose end does not stand in its bytes has ended. */
  end(out: MessageSink): void {
    if (out.isFramed) out.finish();
    else if (this.#writesChunks) out.write(END, 0, END.length, false);
    this.isDone = true;
  }

  /** The same with trailers: the lines `bytes[start, end)`, without an empty line. */
  endWith(bytes: Uint8Array, start: number, end: number, out: MessageSink, scratch: Buffer): void {
    if (end === start || !(out.isFramed || this.#writesChunks)) this.end(out);
    else {
      this.#writeTrailers(bytes, start, end, out, scratch);
      this.isDone = true;
    }
  }

  #writeChunked(bytes: Buffer, start: number, end: number, out: MessageSink, scratch: Buffer): number {
    const decoder = this.#decoder!;
    let at = start;
    while (at < end && !decoder.isDone) {
      const consumed = decoder.feed(bytes, at, end);
      if (consumed < 0) return consumed;
      const { ranges, rangeCount } = decoder;
      const endsFramed = rangeCount > 0 && out.isFramed && decoder.isDone && decoder.trailerLength === 0;
      const passed = endsFramed ? rangeCount - 1 : rangeCount;
      for (let i = 0; i < passed; i++) this.#pass(bytes, ranges[i * 2]!, ranges[i * 2 + 1]!, out, scratch);
      at = consumed;
      if (endsFramed) {
        this.#endFramed(bytes, ranges[passed * 2]!, ranges[passed * 2 + 1]!, out);
        return at;
      }
    }
    if (decoder.isDone) {
      this.isDone = true;
      const { trailerBytes, trailerLength } = decoder;
      if (trailerLength === 0) this.end(out);
      else this.endWith(trailerBytes, 0, trailerLength, out, scratch);
    }
    return at;
  }

  /** The last of the content leaves together with its end. */
  #endFramed(bytes: Buffer, start: number, end: number, out: MessageSink): void {
    this.bodyBytes += end - start;
    this.isDone = true;
    out.last(bytes, start, end);
  }

  #pass(bytes: Buffer, start: number, end: number, out: MessageSink, scratch: Buffer): void {
    const length = end - start;
    if (length === 0) return;
    this.bodyBytes += length;
    if (!this.#writesChunks || out.isFramed) {
      out.write(bytes, start, end, false);
      return;
    }
    if (length <= COPIED_CHUNK_BYTES_MAX) {
      let to = writeHexChunkSize(scratch, 0, length);
      to = copyRun(scratch, to, bytes, start, end);
      to = writeAscii(scratch, to, CRLF);
      out.write(scratch, 0, to, true);
      return;
    }
    const to = writeHexChunkSize(scratch, 0, length);
    out.write(scratch, 0, to, true);
    out.write(bytes, start, end, false);
    out.write(CRLF, 0, CRLF.length, false);
  }

  #writeTrailers(bytes: Uint8Array, start: number, end: number, out: MessageSink, scratch: Buffer): void {
    if (LAST_CHUNK.length + end - start + CHUNK_FRAME_BYTES > scratch.length) {
      this.end(out);
      return;
    }
    this.hasTrailers = true;
    let to = out.isFramed ? 0 : writeAscii(scratch, 0, LAST_CHUNK);
    to = copyBytes(scratch, to, bytes, start, end);
    to = writeAscii(scratch, to, CRLF);
    if (out.isFramed) out.trailers(scratch, 0, to);
    else out.write(scratch, 0, to, true);
  }
}
