import type { Http2Link } from "./link.ts";
import type { LinkStream } from "./link-stream.ts";
import { StreamUpstream } from "./stream-upstream.ts";

/** Where a stream belongs: the connection it is on. */
export interface ClientStreamHome {
  /** The stream is done with, however it ended; called once. */
  onStreamReleased(stream: ClientStream): void;
}

/** One stream to an endpoint that speaks HTTP/2. */
export class ClientStream extends StreamUpstream {
  uses: number;
  readonly takesUpgrades: boolean;
  readonly #home: ClientStreamHome;

  private constructor(link: Http2Link, out: LinkStream, home: ClientStreamHome, uses: number) {
    super();
    this.uses = uses;
    this.takesUpgrades = link.takesUpgrades;
    this.#home = home;
    this.attach(out);
    out.owner = this;
  }

  /** A stream on `link`, or `null` where there is no room. @param uses how many it has had, this one included. */
  static open(link: Http2Link, home: ClientStreamHome, uses: number): ClientStream | null {
    const out = link.openStream(null);
    return out === null ? null : new ClientStream(link, out, home, uses);
  }

  protected released(): void {
    this.#home.onStreamReleased(this);
  }
}
