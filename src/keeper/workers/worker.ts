import { CHANNEL_PROTOCOL, TO_KEEPER } from "../../wire/channel/frames.ts";
import type { EndpointState, ToKeeperFrame } from "../../wire/channel/to-keeper-frame.ts";
import type { ToWorkerFrame } from "../../wire/channel/to-worker-frame.ts";
import { WorkerLink } from "./worker-link.ts";
import { type LaunchedWorker, signalProcess } from "./worker-program.ts";

/** Most listeners and endpoints remembered per worker. Reason: what a site can have, and no more from a hostile worker. */
export const REPORTS_MAX = 20_000;

/** Most characters of all their texts. Reason: 10,000 endpoints that are down, at 200 each; a hostile worker's are longer. */
export const REPORT_CHARACTERS_MAX = 4 * 1024 * 1024;

/** Reports passed on per second; more are remembered and not told. Reason: each becomes a line of the operator's log. */
export const REPORTS_TOLD_PER_SECOND_MAX = 1_000;

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
  #reportCharacters = 0;
  #isBroken = false;
  #tellingSinceMs = 0;
  #told = 0;
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
    if (this.#isBroken) return;
    switch (frame.type) {
      case TO_KEEPER.HELLO:
        if (frame.protocol === CHANNEL_PROTOCOL) break;
        this.#break(`it speaks protocol ${frame.protocol}`);
        return;
      case TO_KEEPER.ACK:
        if (!this.#wasOffered(frame.generation)) return;
        this.acked = frame.generation;
        break;
      case TO_KEEPER.READY:
        // Each one makes the keeper write to the disk: saying it again must cost nothing.
        if (!this.#wasOffered(frame.generation) || frame.generation <= this.ready) return;
        this.ready = frame.generation;
        break;
      case TO_KEEPER.LISTENING:
        this.#rememberListener(frame.listener, frame);
        // One that opened writes no line, and its port is to be remembered however many there are.
        if (frame.port === 0 && !this.#mayTell()) return;
        break;
      case TO_KEEPER.ENDPOINT:
        this.#rememberEndpoint(frame.endpoint, frame.state, frame.reason);
        if (!this.#mayTell()) return;
        break;
      case TO_KEEPER.TUNNEL:
      case TO_KEEPER.REFUSED:
        if (!this.#mayTell()) return;
        break;
      case TO_KEEPER.DRAINED:
        this.streamsCut = frame.streamsCut;
        break;
    }
    this.#events.onFrame(this, frame);
  }

  #mayTell(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#tellingSinceMs >= 1000) {
      this.#tellingSinceMs = nowMs;
      this.#told = 0;
    }
    return ++this.#told <= REPORTS_TOLD_PER_SECOND_MAX;
  }

  #wasOffered(generation: number): boolean {
    if (generation <= this.offered) return true;
    this.#break(`it serves generation ${generation}, which it was never sent`);
    return false;
  }

  #rememberListener(listener: string, { port, errno, message }: ListenerReport): void {
    const before = this.listeners.get(listener);
    const characters = listener.length + message.length;
    if (!this.#hasRoom(this.listeners, before && listener.length + before.message.length, characters)) return;
    this.listeners.set(listener, { port, errno, message });
  }

  // Only what is not up is kept: the usual answer to "which endpoints are down" is then a short list.
  #rememberEndpoint(endpoint: string, state: EndpointState, reason: string): void {
    const before = this.endpoints.get(endpoint);
    const charactersBefore = before && endpoint.length + before.reason.length;
    if (state === "up") {
      this.#reportCharacters -= charactersBefore ?? 0;
      this.endpoints.delete(endpoint);
    } else if (this.#hasRoom(this.endpoints, charactersBefore, endpoint.length + reason.length)) {
      this.endpoints.set(endpoint, { state, reason, atMs: this.#now() });
    }
  }

  /** @param before characters of the report that the new one takes the place of, where there is one. */
  #hasRoom(reports: ReadonlyMap<string, unknown>, before: number | undefined, characters: number): boolean {
    const total = this.#reportCharacters - (before ?? 0) + characters;
    if (total > REPORT_CHARACTERS_MAX || (before === undefined && reports.size >= REPORTS_MAX)) return false;
    this.#reportCharacters = total;
    return true;
  }

  #channelClosed(reason: string): void {
    if (this.isDraining && reason === "") return;
    this.#break(reason === "" ? "the channel closed" : reason);
  }

  // A worker that breaks the protocol may be anybody's by now: it must not go on deciding who may call whom.
  #break(reason: string): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.kill();
    this.#events.onBroken(this, reason);
  }
}
