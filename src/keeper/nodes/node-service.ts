import type { TO_KEEPER } from "../../wire/channel/frames.ts";
import { PEER_STATUS, TO_WORKER } from "../../wire/channel/frames.ts";
import type { FrameOf, NodeFrames } from "../frames.ts";
import type { IdentityService } from "../identity/identity-service.ts";
import type { Worker } from "../workers/worker.ts";
import type { LiveNodes } from "./live-nodes.ts";
import { NodeContacts } from "./node-contacts.ts";
import { NodesError, type NodesHost } from "./nodes-host.ts";
import { PeerCalls, type PeerWorker } from "./peer-calls.ts";
import { RefusalLog } from "./refusal-log.ts";
import { boundedReport } from "./report-text.ts";

/** Longest wait for an identity that is being made. Reason: it takes half a second, on a slow and busy box some seconds. */
const OPENING_WAIT_MS = 10_000;
const OPENING_LOOK_MS = 20;

/** Tunnels that come and go, told per minute. Reason: more than a site that restarts; a stolen node could fill the event log. */
export const TUNNELS_TOLD_PER_MINUTE_MAX = 3_000;

/**
 * A keeper's door to the other nodes. What is behind it is loaded when there is an identity to speak for; a node alone keeps
 * none of it in memory.
 */
export class NodeService implements NodeFrames {
  readonly contacts = new NodeContacts();
  readonly #host: NodesHost;
  readonly #identity: IdentityService;
  readonly #calls = new PeerCalls();
  readonly #refusals = new RefusalLog(() => performance.now());
  readonly #forgetOpened: () => void;
  #live: LiveNodes | undefined;
  #isClosed = false;
  #minuteEndMs = 0;
  #told = 0;

  constructor(host: NodesHost, identity: IdentityService) {
    this.#host = host;
    this.#identity = identity;
    this.#forgetOpened = identity.onOpened((live) => {
      void import("./live-nodes.ts").then(({ LiveNodes }) => {
        this.#live?.close();
        this.#live = undefined;
        // It may have been closed, or opened once more, while this was loaded.
        if (!this.#isClosed && identity.live === live) {
          this.#live = new LiveNodes(host, live, {
            contacts: this.contacts,
            calls: this.#calls,
            refusals: this.#refusals,
          });
          for (const node of this.contacts.connected()) this.#live.connected(node);
        }
      });
    });
  }

  /** The dealings with other nodes. Throws NodesError that says why there are none. */
  get live(): LiveNodes {
    // An identity that was closed takes its dealings with it.
    if (this.#live !== undefined && this.#identity.live !== undefined) return this.#live;
    const { trouble, isWanted } = this.#identity;
    if (trouble !== undefined) throw new NodesError(`this node has no identity: ${trouble}`);
    if (isWanted) throw new NodesError("this node's identity is being made", "try again in a moment");
    throw new NodesError(
      "this node reaches no others: the documents give the site no tunnel",
      'add spec.tunnel to the Site, say "0.0.0.0:15008", and a Node document for each machine',
    );
  }

  /** As `live`, but waits for an identity and its first certificate that are just being made, as on a node's first start. */
  async untilLive(): Promise<LiveNodes> {
    const endsAtMs = performance.now() + OPENING_WAIT_MS;
    while (this.#isOpening() && performance.now() < endsAtMs) await Bun.sleep(OPENING_LOOK_MS);
    return this.live;
  }

  #isOpening(): boolean {
    const { live, isWanted, trouble } = this.#identity;
    if (this.#isClosed || !isWanted || trouble !== undefined) return false;
    return this.#live === undefined || live?.site.issuerCertificate() === undefined;
  }

  workerStarted(worker: PeerWorker): void {
    this.#live?.greet(worker);
  }

  workerGone(id: number): void {
    this.contacts.forget(id);
    this.#calls.forget(id);
  }

  peerRequest(worker: Worker, frame: FrameOf<typeof TO_KEEPER.PEER_REQUEST>): void {
    const asked = boundedReport(frame);
    const isSomebody = frame.door === "join" || asked.node !== "";
    if (this.#live !== undefined && this.#identity.live !== undefined && isSomebody) {
      void this.#live.request(worker, asked);
    } else {
      const { requestId } = frame;
      worker.send({ type: TO_WORKER.PEER_ANSWER, requestId, status: PEER_STATUS.REFUSED, bytes: new Uint8Array() });
    }
  }

  peerReply(worker: Worker, { requestId, status, bytes }: FrameOf<typeof TO_KEEPER.PEER_REPLY>): void {
    this.#calls.replied(worker.id, requestId, status, bytes);
  }

  tunnel(worker: Worker, told: FrameOf<typeof TO_KEEPER.TUNNEL>): void {
    const frame = boundedReport(told);
    const { node, direction, isUp, address, reason } = frame;
    if (node === "") return;
    const canBeAsked = this.contacts.tunnel(worker.id, frame, this.#identity.site?.nowMs() ?? Date.now());
    const what = isUp ? "connected" : "disconnected";
    // Not for the audit log: lines that come and go say nothing about who may do what.
    if (this.#mayTell()) {
      this.#host.emit({ event: "node", what, node, address, detail: isUp ? direction : `${direction}: ${reason}` });
    }
    if (canBeAsked) this.#live?.connected(node);
  }

  #mayTell(): boolean {
    const nowMs = performance.now();
    if (nowMs >= this.#minuteEndMs) {
      this.#minuteEndMs = nowMs + 60_000;
      this.#told = 0;
    }
    return this.#told++ < TUNNELS_TOLD_PER_MINUTE_MAX;
  }

  refused(_worker: Worker, frame: FrameOf<typeof TO_KEEPER.REFUSED>): void {
    const { node, address, reason, detail } = boundedReport(frame);
    this.contacts.refused(node, reason);
    this.#host.countRefused();
    const repeats = this.#refusals.note(`${node} ${address} ${reason}`);
    if (repeats === undefined) return;
    const text = detail === "" ? reason : `${reason}: ${detail}`;
    this.#host.tell({
      what: "refused",
      node,
      address,
      detail: repeats === 0 ? text : `${text} (${repeats} more before)`,
    });
  }

  /** Nothing is answered or told any more. */
  close(): void {
    this.#isClosed = true;
    this.#forgetOpened();
    this.#live?.close();
    this.#calls.close();
  }
}
