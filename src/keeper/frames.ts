import { TO_KEEPER } from "../wire/channel/frames.ts";
import type { ToKeeperFrame } from "../wire/channel/to-keeper-frame.ts";
import type { Worker } from "./workers/worker.ts";

/** A frame of one type. */
export type FrameOf<Type extends ToKeeperFrame["type"]> = Extract<ToKeeperFrame, { readonly type: Type }>;

/** What workers tell about other nodes. */
export interface NodeFrames {
  /** Another node, or somebody at the join door, asks; to be answered by PEER_ANSWER on the same worker. */
  peerRequest(worker: Worker, frame: FrameOf<typeof TO_KEEPER.PEER_REQUEST>): void;
  /** The answer to a PEER_SEND that went to this worker. */
  peerReply(worker: Worker, frame: FrameOf<typeof TO_KEEPER.PEER_REPLY>): void;
  /** A tunnel came up or went down. */
  tunnel(worker: Worker, frame: FrameOf<typeof TO_KEEPER.TUNNEL>): void;
  /** Somebody was not believed. */
  refused(worker: Worker, frame: FrameOf<typeof TO_KEEPER.REFUSED>): void;
}

/** On a node alone nobody speaks of others. */
export const IGNORED_NODE_FRAMES: NodeFrames = {
  peerRequest: () => {},
  peerReply: () => {},
  tunnel: () => {},
  refused: () => {},
};

/** Who acts on the frames of workers; one function for each type. */
export interface FrameReceivers {
  readonly nodes: NodeFrames;
  attest(worker: Worker, frame: FrameOf<typeof TO_KEEPER.ATTEST>): void;
  scrape(worker: Worker, requestId: number): void;
  scrapeMore(worker: Worker, requestId: number, isCancelled: boolean): void;
  acknowledged(generation: number): void;
  listening(listener: string, port: number, message: string): void;
  ready(): void;
  endpoint(frame: FrameOf<typeof TO_KEEPER.ENDPOINT>): void;
  /** The worker judges by this version of TRUST, or a later one. */
  trustTaken(worker: Worker, version: number): void;
}

/** Hands a frame to whoever it is for. HELLO, NACK and DRAINED are the worker's and the fleet's own business. */
export function receiveFrame(receivers: FrameReceivers, worker: Worker, frame: ToKeeperFrame): void {
  switch (frame.type) {
    case TO_KEEPER.ATTEST:
      receivers.attest(worker, frame);
      break;
    case TO_KEEPER.METRICS:
      receivers.scrape(worker, frame.requestId);
      break;
    case TO_KEEPER.METRICS_MORE:
      receivers.scrapeMore(worker, frame.requestId, frame.isCancelled);
      break;
    case TO_KEEPER.ACK:
      receivers.acknowledged(frame.generation);
      break;
    case TO_KEEPER.LISTENING:
      receivers.listening(frame.listener, frame.port, frame.message);
      break;
    case TO_KEEPER.READY:
      receivers.ready();
      break;
    case TO_KEEPER.ENDPOINT:
      receivers.endpoint(frame);
      break;
    case TO_KEEPER.TRUST_TAKEN:
      receivers.trustTaken(worker, frame.version);
      break;
    case TO_KEEPER.PEER_REQUEST:
      receivers.nodes.peerRequest(worker, frame);
      break;
    case TO_KEEPER.PEER_REPLY:
      receivers.nodes.peerReply(worker, frame);
      break;
    case TO_KEEPER.TUNNEL:
      receivers.nodes.tunnel(worker, frame);
      break;
    case TO_KEEPER.REFUSED:
      receivers.nodes.refused(worker, frame);
      break;
  }
}
