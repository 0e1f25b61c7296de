import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { LinkStream } from "../http2/link-stream.ts";
import type { AcceptedTunnel } from "./accepted-tunnel.ts";
import type { ProvenCaller } from "./proven-callers.ts";

/** Who has the streams that another node opens for its workloads; one for all tunnels of a worker. */
export interface TunnelStreams {
  /**
   * A request has come; its head stands in `tunnel.link.host.heads.request` during the call. Give the stream an owner, answer it
   * or reset it. Nothing is known about the caller but its node (`tunnel.session.node`): see `tunnel.caller`.
   */
  request(tunnel: AcceptedTunnel, stream: LinkStream, isEnd: boolean): void;
  /** A request was answered or reset by the codec already. @param refusal a PARSE_ERROR. */
  refused(tunnel: AcceptedTunnel, refusal: number): void;
  /** These no longer hold: what goes on under their handles has to be cut now. `reason`: a stable word. */
  callersOver(tunnel: AcceptedTunnel, callers: readonly ProvenCaller[], reason: string): void;
  /** The tunnel is over, and every stream of it was told so. */
  gone(tunnel: AcceptedTunnel): void;
}

/** Takes nothing. */
export const NO_TUNNEL_STREAMS: TunnelStreams = {
  request: (_tunnel, stream) => stream.reset(ERROR_CODE.REFUSED_STREAM),
  refused: () => undefined,
  callersOver: () => undefined,
  gone: () => undefined,
};
