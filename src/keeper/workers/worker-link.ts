import type { Socket } from "bun";
import { adoptSocket } from "../../kernel/socket-fd.ts";
import { ChannelError, FrameReader } from "../../wire/channel/codec.ts";
import { SendQueue } from "../../wire/channel/send-queue.ts";
import { decodeToKeeper, type ToKeeperFrame } from "../../wire/channel/to-keeper-frame.ts";
import { encodeToWorker, type ToWorkerFrame } from "../../wire/channel/to-worker-frame.ts";

/** Streams of frames (snapshots) that may wait for one worker. Reason: changes are made one after the other. */
export const STREAMS_WAITING_MAX = 64;

export interface WorkerLinkEvents {
  /** Every frame that was well formed. */
  onFrame(frame: ToKeeperFrame): void;
  /** Once. `reason` is empty where the worker closed it; else what it did wrong, and then it must not live on. */
  onClosed(reason: string): void;
}

/**
 * The keeper's end of the channel to one worker. Frames that are short go at once; streams of them (a snapshot) are pulled
 * as fast as the worker reads, so that a large snapshot is never held in memory. Owns its descriptor from `open` on.
 */
export class WorkerLink {
  readonly #events: WorkerLinkEvents;
  readonly #reader: FrameReader;
  readonly #queue: SendQueue;
  readonly #streams: Iterator<Uint8Array>[] = [];
  #socket: Socket<undefined> | undefined;
  #isClosed = false;

  private constructor(events: WorkerLinkEvents) {
    this.#events = events;
    this.#reader = new FrameReader((type, payload) => events.onFrame(decodeToKeeper(type, payload)));
    this.#queue = new SendQueue((bytes) => this.#socket?.write(bytes) ?? -1);
  }

  /** Adopts the descriptor of a connected stream socket. Rejects where it is none. */
  static async open(fd: number, events: WorkerLinkEvents): Promise<WorkerLink> {
    const link = new WorkerLink(events);
    link.#socket = await adoptSocket<undefined>(
      fd,
      {
        open: (socket) => {
          link.#socket = socket;
        },
        data: (_socket, bytes) => link.#receive(bytes),
        drain: () => link.#pump(),
        close: () => link.#closed(""),
        error: (_socket, error) => link.#closed(error.message),
      },
      undefined,
    );
    return link;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** False where the worker does not read or is gone; the link is closed then. */
  send(frame: ToWorkerFrame): boolean {
    if (this.#isClosed) return false;
    if (this.#queue.send(encodeToWorker(frame))) return true;
    this.#closed("the worker does not read");
    return false;
  }

  /** Sends encoded frames in order, after the streams before it, each pulled only when the worker has taken the last. */
  stream(frames: Iterator<Uint8Array>): void {
    if (this.#isClosed) return;
    if (this.#streams.length >= STREAMS_WAITING_MAX) {
      this.#closed("the worker takes up no snapshots");
      return;
    }
    this.#streams.push(frames);
    this.#pump();
  }

  close(): void {
    this.#closed("");
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    try {
      this.#reader.feed(bytes);
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      this.#closed(error.message);
    }
  }

  #pump(): void {
    while (!this.#isClosed && this.#queue.flush()) {
      const frames = this.#streams[0];
      if (frames === undefined) return;
      const next = frames.next();
      if (next.done === true) this.#streams.shift();
      else if (!this.#queue.send(next.value)) this.#closed("the worker does not read");
    }
  }

  #closed(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const frames of this.#streams.splice(0)) frames.return?.();
    this.#socket?.end();
    this.#events.onClosed(reason);
  }
}
