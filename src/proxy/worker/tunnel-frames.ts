import { TO_KEEPER, TO_WORKER } from "../../wire/channel/frames.ts";
import type { ToKeeperFrame } from "../../wire/channel/to-keeper-frame.ts";
import type { ToWorkerFrame } from "../../wire/channel/to-worker-frame.ts";
import type { Tunnels, TunnelWire } from "../tunnel/tunnels.ts";

/** How a frame reaches the keeper; false: there is none. */
export type SendFrame = (frame: ToKeeperFrame) => boolean;

/** What tunnels tell the keeper, as frames. */
export function tunnelWire(send: SendFrame): TunnelWire {
  return {
    tunnel: (state) => void send({ type: TO_KEEPER.TUNNEL, ...state }),
    refused: (report) => void send({ type: TO_KEEPER.REFUSED, ...report }),
    listening: ({ key, port, errno, message }) =>
      void send({ type: TO_KEEPER.LISTENING, listener: key, port, errno, message }),
    request: (requestId, question) => send({ type: TO_KEEPER.PEER_REQUEST, requestId, ...question }),
  };
}

/** Hands a frame that is about tunnels to them; false where it is about something else. */
export function takeTunnelFrame(tunnels: Tunnels, frame: ToWorkerFrame, send: SendFrame): boolean {
  switch (frame.type) {
    case TO_WORKER.TRUST:
      tunnels.takeTrust(frame);
      send({ type: TO_KEEPER.TRUST_TAKEN, version: frame.version });
      return true;
    case TO_WORKER.KEYS:
      tunnels.takeKeys(frame);
      return true;
    case TO_WORKER.PEER_SEND: {
      const { requestId, node, kind } = frame;
      // The frame's bytes are gone when this returns; the message may wait for room.
      tunnels.send(node, kind, Uint8Array.from(frame.bytes), (status, bytes) => {
        send({ type: TO_KEEPER.PEER_REPLY, requestId, status, bytes });
      });
      return true;
    }
    case TO_WORKER.PEER_ANSWER:
      tunnels.answered(frame.requestId, frame.status, frame.bytes);
      return true;
    case TO_WORKER.JOIN_DOOR:
      tunnels.setDoor(frame.isOpen);
      return true;
    default:
      return false;
  }
}
