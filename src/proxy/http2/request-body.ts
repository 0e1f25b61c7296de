import type { Exchange } from "../exchange/exchange.ts";
import { HeldContent } from "./held-content.ts";
import type { LinkStream } from "./link-stream.ts";

const EMPTY = Buffer.alloc(0);

/** Content of the request on one stream, on its way to an exchange as fast as that takes it. Used again for other streams. */
export class RequestBody {
  /** Content that cannot go on yet. */
  readonly held = new HeldContent();
  /** The caller has sent everything. */
  hasEnded = false;
  readonly #exchange: Exchange;
  /** Trailers, if it sent any. */
  #trailers = EMPTY;
  /** Bytes that were handed on and may not have left. */
  #uncredited = 0;
  /** `null` between two of them; never the same one again. */
  #stream: LinkStream | null = null;
  #isPumping = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Another stream begins. */
  begin(stream: LinkStream): void {
    this.#stream = stream;
    this.hasEnded = stream.isRemoteEnd;
    this.#trailers = EMPTY;
    this.#uncredited = 0;
  }

  /** The stream is done with: nothing of it is held any more. */
  end(): void {
    this.#stream = null;
    this.#trailers = EMPTY;
    this.held.clear();
  }

  /** The message ends with these lines, which are copied. */
  endWith(bytes: Buffer, start: number, end: number): void {
    this.#trailers = Buffer.from(bytes.subarray(start, end));
    this.hasEnded = true;
  }

  /** Bytes that were handed on, and are credited later. */
  passedOn(bytes: number): void {
    this.#uncredited += bytes;
  }

  /** The next hop has all that was handed on. */
  credit(): void {
    const credited = this.#uncredited;
    this.#uncredited = 0;
    if (credited > 0) this.#stream?.credit(credited);
  }

  /** Hands on what has come, as far as it is taken. */
  pump(): void {
    const exchange = this.#exchange;
    const stream = this.#stream;
    if (this.#isPumping || stream === null || !exchange.isActive) return;
    this.#isPumping = true;
    while (this.#canFeed(stream) && this.held.bytes > 0) {
      this.credit();
      const piece = this.held.shift()!;
      this.#uncredited += piece.length;
      exchange.feed(piece, 0, piece.length);
    }
    this.#isPumping = false;
    if (this.#canFeed(stream)) {
      this.credit();
      if (this.hasEnded) exchange.endRequest(this.#trailers, 0, this.#trailers.length);
    }
    if (this.#stream === stream) exchange.flushRequest();
  }

  /** What is done for one stream may end it. */
  #canFeed(stream: LinkStream): boolean {
    const exchange = this.#exchange;
    return this.#stream === stream && exchange.isActive && !exchange.isRequestComplete && exchange.canTakeBody;
  }
}
