import { Timer } from "../../base/timer-wheel.ts";
import { FLAG } from "../../model/response-flags.ts";
import type { LinkStream, StreamOwner } from "../http2/link-stream.ts";
import { HANDLE_OF_GATEWAY } from "../pin/pin-text.ts";
import { NO_HANDLE } from "../tunnel/sent-proofs.ts";
import type { TunnelLink } from "../tunnel/tunnel-link.ts";

/** What opening streams to other nodes needs of the tunnels. */
export interface Links {
  link(node: string): TunnelLink | null;
  whenUp(node: string, waiter: (isUp: boolean) => void): void;
  forget(node: string, waiter: (isUp: boolean) => void): void;
  handleFor(link: TunnelLink, workload: string, waiter: () => void): number;
  knownHandle(link: TunnelLink, workload: string): number;
  whenKeys(workload: string, waiter: () => void): void;
  forgetKeys(workload: string, waiter: () => void): void;
}

interface CrossingHost {
  readonly wheel: { arm(timer: Timer, nowMs: number, afterMs: number): void; remove(timer: Timer): void };
  nowMs(): number;
}

/** What becomes of a crossing; exactly one of the two is called, once, and possibly at once. */
export interface CrossingEvents {
  /** @param owner that was given to `begin`. */
  opened(stream: LinkStream, handle: number, link: TunnelLink): void;
  failed(flag: number, reason: string): void;
}

/** A stream is a workload's, who speaks under this handle. */
export function assign(stream: LinkStream, handle: number, speaker: string): void {
  stream.credentialOwner = handle;
  stream.debtor = speaker;
}

/** The handle under which a workload speaks on a link, where that is known already; else below 0, and nothing was done. */
export function handleNow(links: Links, link: TunnelLink, speaker: string): number {
  return speaker === "" ? HANDLE_OF_GATEWAY : links.knownHandle(link, speaker);
}

/**
 * One stream on its way to being opened: the tunnel must be up, the caller's workload must have proven itself on it, and there
 * must be room. Mostly all of that is so, and it is over before `begin` returns.
 */
export class Crossing {
  readonly #host: CrossingHost;
  readonly #links: Links;
  readonly #node: string;
  readonly #speaker: string;
  readonly #owner: StreamOwner;
  readonly #events: CrossingEvents;
  #timer: Timer | null = null;
  /** Where it has waited for room. */
  #full: TunnelLink | null = null;
  #isOver = false;
  /** What it waits for, in words. */
  #lacking = "the tunnel to the endpoint's node was not up in time";
  readonly #again = (): void => this.#try();
  readonly #whenUp = (isUp: boolean): void => {
    if (isUp) this.#try();
    else this.#fail(FLAG.UF, "the tunnel to the endpoint's node is down");
  };

  /** @param speaker key of the calling workload, `""` for this node itself. @param owner of the stream. */
  constructor(
    host: CrossingHost,
    links: Links,
    node: string,
    speaker: string,
    owner: StreamOwner,
    events: CrossingEvents,
  ) {
    this.#host = host;
    this.#links = links;
    this.#node = node;
    this.#speaker = speaker;
    this.#owner = owner;
    this.#events = events;
  }

  /** @param timeoutMs after which it has failed. */
  begin(timeoutMs: number): void {
    this.#try();
    if (this.#isOver) return;
    this.#timer = new Timer(() => this.#fail(FLAG.UF, this.#lacking));
    this.#host.wheel.arm(this.#timer, this.#host.nowMs(), timeoutMs);
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    this.#end();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  #try(): void {
    if (this.#isOver) return;
    const link = this.#links.link(this.#node);
    if (!link) {
      this.#links.whenUp(this.#node, this.#whenUp);
      return;
    }
    const handle = this.#handle(link);
    if (handle < 0) return;
    const stream = link.openStream(this.#owner);
    if (!stream) {
      this.#waitForRoom(link);
      return;
    }
    this.#end();
    assign(stream, handle, this.#speaker);
    this.#events.opened(stream, handle, link);
  }

  /** -1: not now; it goes on by itself, or has failed. */
  #handle(link: TunnelLink): number {
    if (this.#speaker === "") return HANDLE_OF_GATEWAY;
    const handle = this.#links.handleFor(link, this.#speaker, this.#again);
    switch (handle) {
      case NO_HANDLE.PENDING:
        return -1;
      case NO_HANDLE.NO_KEYS:
        // A workload that the documents have just brought gets its certificate within moments.
        this.#lacking = "this node has no certificate for the caller";
        this.#links.whenKeys(this.#speaker, this.#again);
        return -1;
      case NO_HANDLE.REFUSED:
        this.#fail(FLAG.RBAC, "the endpoint's node does not believe who calls");
        return -1;
      case NO_HANDLE.NO_ROOM:
        this.#waitForRoom(link);
        return -1;
      default:
        return handle;
    }
  }

  #waitForRoom(link: TunnelLink): void {
    this.#full?.forgetRoom(this.#again);
    this.#full = link;
    link.whenRoom(this.#again);
  }

  #fail(flag: number, reason: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#events.failed(flag, reason);
  }

  #end(): void {
    this.#isOver = true;
    this.#links.forget(this.#node, this.#whenUp);
    this.#links.forgetKeys(this.#speaker, this.#again);
    this.#full?.forgetRoom(this.#again);
    if (this.#timer) this.#host.wheel.remove(this.#timer);
    this.#timer = null;
  }
}
