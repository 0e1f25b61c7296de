import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { DownstreamHost } from "../downstream/downstream.ts";
import type { Entrance } from "../downstream/entrance.ts";
import type { SessionFactory } from "../downstream/session-factory.ts";
import type { LinkStream } from "../http2/link-stream.ts";
import { ServerStream } from "../http2/server-stream.ts";
import { ServerStreams } from "../http2/server-streams.ts";
import { Pins } from "../pin/pin.ts";
import type { AcceptedTunnel } from "../tunnel/accepted-tunnel.ts";
import type { ProvenCaller } from "../tunnel/proven-callers.ts";
import type { TunnelStreams } from "../tunnel/stream-handler.ts";
import { RemoteOrigins } from "./remote-origins.ts";

interface Served {
  readonly origins: RemoteOrigins;
  readonly streams: ServerStreams;
}

/** Serves what other nodes ask for: each stream is a request of its own, decided here by this node's own documents. */
export class RemoteStreams implements TunnelStreams {
  readonly #host: DownstreamHost;
  readonly #sessions: SessionFactory;
  readonly #judgeStreams: () => void;
  readonly #entrance: Entrance;
  readonly #pins: Pins;
  readonly #served = new Map<AcceptedTunnel, Served>();

  /** @param judgeStreams judges the TCP streams and WebSockets that are open once more. */
  constructor(host: DownstreamHost, sessions: SessionFactory, judgeStreams: () => void) {
    this.#host = host;
    this.#sessions = sessions;
    this.#judgeStreams = judgeStreams;
    this.#pins = new Pins(host.mesh);
    this.#entrance = {
      record: { kind: "listener", key: "listener/tunnel", role: "tunnel", hostname: "", port: 0 },
      port: 0,
    };
  }

  request(tunnel: AcceptedTunnel, stream: LinkStream): void {
    const { origins, streams } = this.#servedOn(tunnel);
    streams.take(stream);
    // What an answer says to one workload nobody else's answers may refer to.
    stream.credentialOwner = origins.handle;
    stream.debtor = origins.reader;
  }

  served(tunnel: AcceptedTunnel): void {
    this.#served.get(tunnel)?.streams.serve();
  }

  refused(tunnel: AcceptedTunnel, refusal: number): void {
    this.#servedOn(tunnel).streams.refused(refusal);
  }

  callersOver(tunnel: AcceptedTunnel, callers: readonly ProvenCaller[]): void {
    const served = this.#served.get(tunnel);
    if (!served) return;
    served.origins.over(callers);
    const handles = new Set(callers.map(({ handle }) => handle));
    for (const { owner: stream } of tunnel.link.connection.streams.all()) {
      if (stream && isFrom(stream, handles)) cut(stream);
    }
    this.#host.turns.endAll();
    this.#judgeStreams();
  }

  gone(tunnel: AcceptedTunnel): void {
    this.#served.delete(tunnel);
  }

  /** Ends streams in which nothing has moved for too long: call every few seconds. */
  tick(): void {
    const nowMs = this.#host.nowMs();
    for (const { streams } of this.#served.values()) streams.sweep(nowMs);
  }

  #servedOn(tunnel: AcceptedTunnel): Served {
    let served = this.#served.get(tunnel);
    if (!served) {
      const { mesh, stats } = this.#host;
      const { node, connection } = tunnel.session;
      const place = { node, ip: connection.address };
      const origins = new RemoteOrigins({ mesh, stats, pins: this.#pins }, tunnel, place);
      const at = { host: this.#host, entrance: this.#entrance, localIp: "", sessions: this.#sessions };
      served = { origins, streams: new ServerStreams(at, tunnel.link.host.heads, origins) };
      this.#served.set(tunnel, served);
    }
    return served;
  }
}

/** A request of one of these; what has become a tunnel is judged elsewhere. */
function isFrom(stream: LinkStream, handles: ReadonlySet<number>): boolean {
  const { owner } = stream;
  if (!(owner instanceof ServerStream) || owner.session !== null) return false;
  const { caller } = owner;
  return caller !== null && "handle" in caller && typeof caller.handle === "number" && handles.has(caller.handle);
}

/** As if the other node had given it up, and telling it so. */
function cut(stream: LinkStream): void {
  const { owner } = stream;
  stream.owner = null;
  owner?.onStreamReset(stream, ERROR_CODE.CANCEL, true);
  stream.reset(ERROR_CODE.CANCEL);
}
