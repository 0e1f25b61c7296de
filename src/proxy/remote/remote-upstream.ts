import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { LinkStream, StreamOwner } from "../http2/link-stream.ts";
import type { TunnelLink } from "../tunnel/tunnel-link.ts";
import type { Upstream, UpstreamOwner } from "../upstream/upstream.ts";

/** A link has served others before: what was lost with it may never have been looked at, as on any connection that is reused. */
const USES_OF_A_LINK = 2;

/** A stream to an endpoint on another node. Made by its endpoint, for one request or one TCP stream. */
export class RemoteUpstream implements Upstream, StreamOwner {
  uses = USES_OF_A_LINK;
  announcedIdleMs = 0;
  isUntouched = false;
  /** Under which the caller speaks on this link. */
  handle = 0;
  readonly #over: (upstream: RemoteUpstream) => void;
  #stream: LinkStream | null = null;
  #link: TunnelLink | null = null;
  #owner: UpstreamOwner | null = null;
  #isPaused = false;
  /** Content that came and that the other node does not know to be taken. */
  #uncredited = 0;

  /** @param over called once, when it is no longer in use. */
  constructor(over: (upstream: RemoteUpstream) => void) {
    this.#over = over;
  }

  /** The stream is there; its head has not been sent. */
  opened(stream: LinkStream, handle: number, link: TunnelLink): void {
    this.#stream = stream;
    this.#link = link;
    this.handle = handle;
  }

  get out(): LinkStream {
    return this.#stream!;
  }

  get takesUpgrades(): boolean {
    return this.#link!.link.takesUpgrades;
  }

  lend(owner: UpstreamOwner): void {
    this.#owner = owner;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#credit();
  }

  release(): void {
    this.close(true);
  }

  close(isFinished = false): void {
    const stream = this.#stream;
    if (!stream) return;
    // The end of ours may still wait for its turn.
    const isWhole = isFinished && stream.isRemoteEnd && stream.isEnding && !stream.isOver;
    if (isWhole) {
      this.#credit();
      this.#forget();
      stream.leave();
    } else {
      this.#forget();
      stream.reset(ERROR_CODE.CANCEL);
    }
  }

  onStreamHead(stream: LinkStream, isEnd: boolean): void {
    const { heads } = stream.link.host;
    this.#owner?.onUpstreamHead(this, heads.response, heads.responseBytes, isEnd);
  }

  onStreamData(_stream: LinkStream, bytes: Buffer, isEnd: boolean): void {
    this.#uncredited += bytes.length;
    if (bytes.length > 0) this.#owner?.onUpstreamData(this, bytes);
    if (isEnd) this.#owner?.onUpstreamEnded(this);
    if (!this.#isPaused) this.#credit();
  }

  onStreamTrailers(_stream: LinkStream, bytes: Buffer, start: number, end: number): void {
    this.#owner?.onUpstreamTrailers(this, bytes, start, end);
  }

  onStreamReset(_stream: LinkStream, errorCode: number, isLocal: boolean): void {
    this.isUntouched = errorCode === ERROR_CODE.REFUSED_STREAM;
    // Its answer was malformed, or the request was: neither gets better.
    if (isLocal) this.uses = 0;
    if (this.isUntouched) this.#link?.proofs.doubt(this.handle);
    const owner = this.#owner;
    this.#forget();
    owner?.onUpstreamClosed(this);
  }

  onStreamDrained(): void {
    this.#owner?.onUpstreamDrained(this);
  }

  #credit(): void {
    const bytes = this.#uncredited;
    this.#uncredited = 0;
    this.#stream?.credit(bytes);
  }

  #forget(): void {
    if (!this.#stream) return;
    this.#stream = null;
    this.#owner = null;
    this.#over(this);
  }
}
