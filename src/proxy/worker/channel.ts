import type { Socket } from "bun";
import { adoptSocket } from "../../kernel/socket-fd.ts";
import { FrameReader } from "../../wire/channel/codec.ts";
import { SendQueue } from "../../wire/channel/send-queue.ts";
import { encodeToKeeper, type ToKeeperFrame } from "../../wire/channel/to-keeper-frame.ts";
import { decodeToWorker, type ToWorkerFrame } from "../../wire/channel/to-worker-frame.ts";

export interface ChannelEvents {
  onFrame(frame: ToWorkerFrame): void;
  /** The keeper is gone, or spoke nonsense. Serving goes on without it. */
  onClosed(reason: string): void;
}

/** The worker's end of the channel to its keeper. */
export class KeeperChannel {
  readonly #events: ChannelEvents;
  readonly #queue: SendQueue;
  #socket: Socket<undefined> | null = null;
  #isClosed = false;
  #isHeldBack = false;

  private constructor(events: ChannelEvents) {
    this.#events = events;
    this.#queue = new SendQueue((bytes) => this.#socket?.write(bytes) ?? -1);
  }

  /** Takes over the inherited descriptor. */
  static async open(fd: number, events: ChannelEvents): Promise<KeeperChannel> {
    const channel = new KeeperChannel(events);
    const reader = new FrameReader((type, payload) => events.onFrame(decodeToWorker(type, payload)));
    channel.#socket = await adoptSocket<undefined>(
      fd,
      {
        open: (socket) => {
          channel.#socket = socket;
        },
        data: (_socket, bytes) => {
          try {
            if (!channel.#isClosed) reader.feed(bytes);
          } catch (error) {
            channel.#close(error instanceof Error ? error.message : String(error));
          }
        },
        drain: () => {
          channel.#queue.flush();
        },
        close: () => channel.#close(""),
        error: (_socket, error) => channel.#close(error.message),
      },
      undefined,
    );
    return channel;
  }

  get isOpen(): boolean {
    return !this.#isClosed;
  }

  /** False where there is no keeper to hear it. */
  send(frame: ToKeeperFrame): boolean {
    if (this.#isClosed) return false;
    if (this.#queue.send(encodeToKeeper(frame))) return true;
    this.#close("the keeper does not read");
    return false;
  }

  holdBack(isFull: boolean): void {
    if (this.#isHeldBack === isFull || this.#isClosed) return;
    this.#isHeldBack = isFull;
    if (isFull) this.#socket?.pause();
    else this.#socket?.resume();
  }

  #close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket?.end();
    this.#events.onClosed(reason);
  }
}
