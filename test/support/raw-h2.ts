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
import { connectRaw, type RawPeer } from "./raw-peer.ts";

/** A caller that writes frames by hand and sees every frame that comes back. Dispose of it. */
export class RawH2 implements Disposable {
  readonly peer: RawPeer;
  readonly frames: SeenFrame[] = [];

  private constructor(peer: RawPeer) {
    this.peer = peer;
  }

  /** Connects, and says preface and settings; the other end's are acknowledged. */
  static async open(port: number, ...pairs: readonly (readonly [number, number])[]): Promise<RawH2> {
    const opened = new RawH2(await connectRaw({ port }));
    opened.send(text(PREFACE), settings(...pairs), settingsAck());
    return opened;
  }

  send(...frames: readonly Bytes[]): void {
    for (const frame of frames) this.peer.send(Uint8Array.from(frame));
  }

  /** Takes what has come, whole frames only. */
  read(): readonly SeenFrame[] {
    const { peer } = this;
    let at = 0;
    while (peer.received.length - at >= 9) {
      const length = 9 + peer.received.readUIntBE(at, 3);
      if (peer.received.length - at < length) break;
      at += length;
    }
    if (at > 0) {
      this.frames.push(...parseFrames(peer.received.subarray(0, at)));
      peer.received = peer.received.subarray(at);
    }
    return this.frames;
  }

  /** Waits for a frame, or until the connection is closed: then `undefined`. */
  async until(is: (frame: SeenFrame) => boolean): Promise<SeenFrame | undefined> {
    let seen = 0;
    for (;;) {
      const frames = this.read();
      for (; seen < frames.length; seen++) if (is(frames[seen]!)) return frames[seen];
      if (this.peer.isClosed || this.peer.hasEnded) return undefined;
      const before = this.peer.totalBytes;
      await this.peer.until(() => this.peer.totalBytes > before || this.peer.hasEnded).catch(() => undefined);
    }
  }

  /** The name of the code of the GOAWAY that ends the connection. */
  async goneWith(): Promise<string> {
    const frame = await this.until(({ type }) => type === FRAME.GOAWAY);
    return frame === undefined ? "nothing" : codeName(frame.payload[7]!);
  }

  [Symbol.dispose](): void {
    this.peer.destroy();
  }
}
