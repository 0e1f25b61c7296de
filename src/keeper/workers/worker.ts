import { CHANNEL_PROTOCOL, TO_KEEPER } from "../../wire/channel/frames.ts";
import type { EndpointState, ToKeeperFrame } from "../../wire/channel/to-keeper-frame.ts";
import type { ToWorkerFrame } from "../../wire/channel/to-worker-frame.ts";
import { WorkerLink } from "./worker-link.ts";
import { type LaunchedWorker, signalProcess } from "./worker-program.ts";

/** Most listeners and endpoints remembered per worker. Reason: what a site can have, and no more from a hostile worker. */
export const REPORTS_MAX = 20_000;

export interface ListenerReport {
  /** 0 = could not be opened. */
  readonly port: number;
  readonly errno: number;
  readonly message: string;
}

export interface EndpointReport {
  readonly state: EndpointState;
  readonly reason: string;
  readonly atMs: number;
}

export interface WorkerEvents {
  onFrame(worker: Worker, frame: ToKeeperFrame): void;
  /** The channel broke while the process may still live; it is killed by then. */
  onBroken(worker: Worker, reason: string): void;
}

/** One running worker as the keeper sees it: its process, its channel, and what it reported. */
export class Worker {
  readonly id: number;
  readonly process: LaunchedWorker;
  readonly startedAtMs: number;
  readonly listeners = new Map<string, ListenerReport>();
  readonly endpoints = new Map<string, EndpointReport>();
  /** The generation it was last sent, whatever came of it; 0 before the first. */
  offered = 0;
  /** The generation it serves; 0 before the first. */
  acked = 0;
  /** The generation whose listeners it has tried; 0 before the first. */
  ready = 0;
  streamsCut = 0;
  isDraining = false;
  #link: WorkerLink | undefined;
  readonly #events: WorkerEvents;
  readonly #now: () => number;

  private constructor(id: number, process: LaunchedWorker, events: WorkerEvents, now: () => number) {
    this.id = id;
    this.process = process;
    this.#events = events;
    this.#now = now;
    this.startedAtMs = now();
  }

  /** Takes over the channel's descriptor. Rejects where it cannot be adopted. */
  static async adopt(id: number, process: LaunchedWorker, events: WorkerEvents, now: () => number): Promise<Worker> {
    const worker = new Worker(id, process, events, now);
    worker.#link = await WorkerLink.open(process.channelFd, {
      onFrame: (frame) => worker.#receive(frame),
      onClosed: (reason) => worker.#channelClosed(reason),
    });
    return worker;
  }

  get pid(): number {
    return this.process.pid;
  }

  send(frame: ToWorkerFrame): boolean {
    return this.#link?.send(frame) ?? false;
  }

  stream(frames: Iterator<Uint8Array>): void {
    this.#link?.stream(frames);
  }

  /** Ends the process at once. Its connections break; a hung or hostile worker deserves no better. */
  kill(): void {
    signalProcess(this.pid, "SIGKILL");
  }

  closeChannel(): void {
    this.#link?.close();
  }

  #receive(frame: ToKeeperFrame): void {
    switch (frame.type) {
      case TO_KEEPER.HELLO:
        if (frame.protocol !== CHANNEL_PROTOCOL) this.#break(`it speaks protocol ${frame.protocol}`);
        break;
      case TO_KEEPER.ACK:
        this.acked = frame.generation;
        break;
      case TO_KEEPER.READY:
        this.ready = frame.generation;
        break;
      case TO_KEEPER.LISTENING:
        remember(this.listeners, frame.listener, {
          port: frame.port,
          errno: frame.errno,
          message: frame.message,
        });
        break;
      case TO_KEEPER.ENDPOINT:
        this.#rememberEndpoint(frame.endpoint, frame.state, frame.reason);
        break;
      case TO_KEEPER.DRAINED:
        this.streamsCut = frame.streamsCut;
        break;
    }
    this.#events.onFrame(this, frame);
  }

  // Only what is not up is kept: the usual answer to "which endpoints are down" is then a short list.
  #rememberEndpoint(endpoint: string, state: EndpointState, reason: string): void {
    if (state === "up") this.endpoints.delete(endpoint);
    else remember(this.endpoints, endpoint, { state, reason, atMs: this.#now() });
  }

  #channelClosed(reason: string): void {
    if (this.isDraining && reason === "") return;
    this.#break(reason === "" ? "the channel closed" : reason);
  }

  // A worker that breaks the protocol may be anybody's by now: it must not go on deciding who may call whom.
  #break(reason: string): void {
    this.kill();
    this.#events.onBroken(this, reason);
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size < REPORTS_MAX || map.has(key)) map.set(key, value);
}
