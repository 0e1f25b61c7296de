import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { Upstream, UpstreamOwner } from "../upstream/upstream.ts";
import type { LinkStream, StreamOwner } from "./link-stream.ts";

/** With these the codec resets a stream for what came on it; with others we do, for reasons of our own. */
const BLAMED_ON_PEER: ReadonlySet<number> = new Set([
  ERROR_CODE.PROTOCOL_ERROR,
  ERROR_CODE.FLOW_CONTROL_ERROR,
  ERROR_CODE.STREAM_CLOSED,
  ERROR_CODE.FRAME_SIZE_ERROR,
  ERROR_CODE.ENHANCE_YOUR_CALM,
]);

/** One stream to an endpoint, for one request or one relay: to exchange and relay what a socket is. */
export abstract class StreamUpstream implements Upstream, StreamOwner {
  abstract uses: number;
  abstract readonly takesUpgrades: boolean;
  announcedIdleMs = 0;
  isUntouched = false;
  isMalformed = false;
  #stream: LinkStream | null = null;
  #isOver = false;
  #owner: UpstreamOwner | null = null;
  #isPaused = false;
  /** Content that the owner has, while it takes no more. */
  #uncredited = 0;

  /** It is no longer in use, however it ended; called once. */
  protected abstract released(): void;

  /** A reset says that what came on the stream is no answer of HTTP. */
  protected saysMalformed(errorCode: number, isLocal: boolean): boolean {
    return isLocal && BLAMED_ON_PEER.has(errorCode);
  }

  /** The stream is there; its head has not been sent. */
  protected attach(stream: LinkStream): void {
    this.#stream = stream;
  }

  get out(): LinkStream {
    return this.#stream!;
  }

  lend(owner: UpstreamOwner): void {
    this.#owner = owner;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const credited = this.#uncredited;
    this.#uncredited = 0;
    if (!this.#isOver) this.#stream?.credit(credited);
  }

  release(): void {
    this.close(true);
  }

  close(isFinished = false): void {
    if (this.#isOver) return;
    const stream = this.out;
    this.#forget();
    // The end of ours may still wait for its turn.
    if (isFinished && stream.isRemoteEnd && stream.isEnding && !stream.isOver) stream.leave();
    else stream.reset(ERROR_CODE.CANCEL);
  }

  onStreamHead(stream: LinkStream, isEnd: boolean): void {
    const { response, responseBytes } = stream.link.host.heads;
    this.#owner?.onUpstreamHead(this, response, responseBytes, isEnd);
  }

  onStreamData(stream: LinkStream, bytes: Buffer, isEnd: boolean): void {
    const { length } = bytes;
    if (length > 0) {
      this.#owner?.onUpstreamData(this, bytes);
      if (this.#isPaused) this.#uncredited += length;
      else stream.credit(length);
    }
    if (isEnd) this.#owner?.onUpstreamEnded(this);
  }

  onStreamTrailers(_stream: LinkStream, bytes: Buffer, start: number, end: number): void {
    this.#owner?.onUpstreamTrailers(this, bytes, start, end);
  }

  onStreamReset(_stream: LinkStream, errorCode: number, isLocal: boolean): void {
    this.isUntouched = errorCode === ERROR_CODE.REFUSED_STREAM;
    // Its answer was malformed, or the request was: neither gets better. And who is asked for calm does not ask again.
    if (isLocal || errorCode === ERROR_CODE.ENHANCE_YOUR_CALM) this.uses = 0;
    this.isMalformed = this.saysMalformed(errorCode, isLocal);
    const owner = this.#owner;
    this.#forget();
    owner?.onUpstreamClosed(this);
  }

  onStreamDrained(): void {
    this.#owner?.onUpstreamDrained(this);
  }

  #forget(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner = null;
    this.released();
  }
}
