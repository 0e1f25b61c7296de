import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { Upstream, UpstreamOwner } from "../upstream/upstream.ts";
import type { Http2Link } from "./link.ts";
import type { LinkStream, StreamOwner } from "./link-stream.ts";

/** Where a stream belongs: the connection it is on. */
export interface ClientStreamHome {
  /** The stream is done with, however it ended; called once. */
  onStreamReleased(stream: ClientStream): void;
}

/** One stream to an endpoint, for one request. */
export class ClientStream implements Upstream, StreamOwner {
  readonly out: LinkStream;
  uses: number;
  readonly takesUpgrades: boolean;
  announcedIdleMs = 0;
  isUntouched = false;
  readonly #home: ClientStreamHome;
  #owner: UpstreamOwner | null = null;
  #isPaused = false;
  #isOver = false;
  /** Content that the owner has, while it takes no more. */
  #uncredited = 0;

  private constructor(link: Http2Link, out: LinkStream, home: ClientStreamHome, uses: number) {
    this.out = out;
    this.uses = uses;
    this.takesUpgrades = link.takesUpgrades;
    this.#home = home;
    out.owner = this;
  }

  /** A stream on `link`, or `null` where there is no room. @param uses how many it has had, this one included. */
  static open(link: Http2Link, home: ClientStreamHome, uses: number): ClientStream | null {
    const out = link.openStream(null);
    return out === null ? null : new ClientStream(link, out, home, uses);
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
    this.out.credit(credited);
  }

  release(): void {
    this.close(true);
  }

  close(isFinished = false): void {
    if (this.#isOver) return;
    const { out } = this;
    // The end of ours may still wait for its turn.
    if (isFinished && out.isRemoteEnd && out.isEnding && !out.isOver) out.leave();
    else out.reset(ERROR_CODE.CANCEL);
    this.#forget();
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
    // Its answer was malformed, or the request was: neither gets better.
    if (isLocal) this.uses = 0;
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
    this.#home.onStreamReleased(this);
  }
}
