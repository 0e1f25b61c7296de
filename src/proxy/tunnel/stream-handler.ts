import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { Http2Link } from "../http2/link.ts";
import type { LinkStream } from "../http2/link-stream.ts";
import type { ProvenCaller } from "./proven-callers.ts";
import type { TunnelSession } from "./tunnel-session.ts";

/** A tunnel that another node opened, for whoever has its streams. */
export interface StreamTunnel {
  readonly session: TunnelSession;
  readonly link: Http2Link;
  /** Who speaks on a stream that names this handle; `undefined`: nobody who is believed now. To be asked for every stream. */
  caller(handle: number): ProvenCaller | undefined;
  /** Whether a handle that `caller` does not know was proven once: then a new proof is what is wanted. */
  hasEnded(handle: number): boolean;
  /** Tells the keeper of a stream whose caller was not believed. `reason`: a stable word. */
  reportStream(reason: string, detail: string): void;
}

/** Who has the streams that another node opens for its workloads; one for all tunnels of a worker. */
export interface TunnelStreams {
  /**
   * A request has come; its head stands in `tunnel.link.host.heads.request` during the call. Give the stream an owner, answer it
   * or reset it. Nothing is known about the caller but its node (`tunnel.session.node`): see `tunnel.caller`.
   */
  request(tunnel: StreamTunnel, stream: LinkStream, isEnd: boolean): void;
  /** All that had arrived was looked at: what was requested and not cancelled by then can be begun. */
  served(tunnel: StreamTunnel): void;
  /** A request was answered or reset by the codec already. @param refusal a PARSE_ERROR. */
  refused(tunnel: StreamTunnel, refusal: number): void;
  /** These no longer hold: what goes on under their handles has to be cut now. `reason`: a stable word. */
  callersOver(tunnel: StreamTunnel, callers: readonly ProvenCaller[], reason: string): void;
  /** The tunnel is over, and every stream of it was told so. */
  gone(tunnel: StreamTunnel): void;
}

/** Takes nothing. */
export const NO_TUNNEL_STREAMS: TunnelStreams = {
  request: (_tunnel, stream) => stream.reset(ERROR_CODE.REFUSED_STREAM),
  served: () => undefined,
  refused: () => undefined,
  callersOver: () => undefined,
  gone: () => undefined,
};
