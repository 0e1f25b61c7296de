import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { LinkStream } from "../http2/link-stream.ts";
import { StreamUpstream } from "../http2/stream-upstream.ts";
import type { TunnelLink } from "../tunnel/tunnel-link.ts";

/** A link has served others before: what was lost with it may never have been looked at, as on any connection that is reused. */
const USES_OF_A_LINK = 2;

/** A stream to an endpoint on another node. Made by its endpoint, for one request or one TCP stream. */
export class RemoteUpstream extends StreamUpstream {
  uses = USES_OF_A_LINK;
  /** Under which the caller speaks on this link. */
  handle = 0;
  readonly #over: (upstream: RemoteUpstream) => void;
  #link: TunnelLink | null = null;

  /** @param over called once, when it is no longer in use. */
  constructor(over: (upstream: RemoteUpstream) => void) {
    super();
    this.#over = over;
  }

  /** The stream is there; its head has not been sent. */
  opened(stream: LinkStream, handle: number, link: TunnelLink): void {
    this.attach(stream);
    this.#link = link;
    this.handle = handle;
  }

  get takesUpgrades(): boolean {
    return this.#link!.link.takesUpgrades;
  }

  override onStreamReset(stream: LinkStream, errorCode: number, isLocal: boolean): void {
    if (errorCode === ERROR_CODE.REFUSED_STREAM) this.#link?.proofs.doubt(this.handle);
    super.onStreamReset(stream, errorCode, isLocal);
  }

  /** The other node resets so where its endpoint's answer, which had begun, went wrong: see `ServerStream`. */
  protected override saysMalformed(errorCode: number, isLocal: boolean): boolean {
    return errorCode === ERROR_CODE.PROTOCOL_ERROR || super.saysMalformed(errorCode, isLocal);
  }

  protected released(): void {
    this.#over(this);
  }
}
