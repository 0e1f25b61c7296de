import { FLAG } from "../model/response-flags.ts";
import { DENIED_COUNTER } from "../telemetry/fixed-metrics.ts";
import type { RequestHead } from "../wire/http1/head.ts";
import { latin1 } from "./bytes.ts";
import type { Connection } from "./downstream/connection.ts";
import { ConnectionOrigin } from "./downstream/connection-origin.ts";
import type { Downstream } from "./downstream/downstream.ts";
import { FirstBytes } from "./downstream/first-bytes.ts";
import { HttpSession } from "./downstream/http-session.ts";
import { sendReply } from "./downstream/send-reply.ts";
import type { Session } from "./downstream/session.ts";
import type { SessionFactory } from "./downstream/session-factory.ts";
import type { HeldRequest } from "./exchange/held-request.ts";
import { passthroughFor } from "./exchange/passthrough-for.ts";
import type { LastingOrigin } from "./exchange/request-origin.ts";
import { Http2Session } from "./http2/server-session.ts";
import type { Destination, ExternalPort, Target } from "./mesh/destination.ts";
import { MetricsSession, type MetricsSource } from "./metrics-session.ts";
import type { Pin } from "./pin/pin.ts";
import { pinLines } from "./pin/pin-lines.ts";
import { RequestSummary } from "./recorder.ts";
import { mayStreamGoOn, mayUpgradeGoOn } from "./relay/judge-again.ts";
import { judgePinnedStream, judgeStream, type StreamVerdict } from "./relay/judge-stream.ts";
import type { OpenTunnels } from "./relay/open-tunnels.ts";
import { type StreamAim, type TunnelEvents, TunnelSession } from "./relay/tunnel-session.ts";
import { RemoteWay } from "./remote/remote-way.ts";
import { speaksHttp2, type Way } from "./upstream/endpoint.ts";
import type { Passthrough } from "./upstream/passthrough.ts";
import { pickOther } from "./upstream/pick-target.ts";
import type { Upstream } from "./upstream/upstream.ts";

const ESTABLISHED = Buffer.from("HTTP/1.1 200 OK\r\n\r\n");
const NOTHING = Buffer.alloc(0);

/** Chooses what is spoken on a connection, and hands it over from one protocol to the next. */
export class Sessions implements SessionFactory {
  readonly #tunnels: OpenTunnels;
  readonly #passthrough: Passthrough;
  readonly #metrics: MetricsSource;

  constructor(tunnels: OpenTunnels, passthrough: Passthrough, metrics: MetricsSource) {
    this.#tunnels = tunnels;
    this.#passthrough = passthrough;
    this.#metrics = metrics;
  }

  /** The first protocol of a connection. */
  begin(connection: Connection): Session {
    const { record } = connection.entrance;
    if (record.role === "metrics") return new MetricsSession(connection, this.#metrics);
    if (record.role === "service" || record.role === "inbound") {
      const { mesh } = connection.host;
      const destination =
        record.role === "inbound"
          ? mesh.inboundPort(record)
          : mesh.service(record.service ?? "")?.portFor(record.servicePort ?? 0);
      if (destination?.isTcp) return this.#openStream(connection, destination);
      if (destination && speaksHttp2(destination.record.protocol)) return new FirstBytes(connection, this, null, true);
    }
    return new FirstBytes(connection, this);
  }

  upgraded(
    connection: Downstream,
    origin: LastingOrigin,
    held: HeldRequest,
    target: Target,
    upstream: Upstream,
    early: Buffer,
    rest: Uint8Array,
  ): void {
    const summary = new RequestSummary();
    summary.target = target;
    summary.edge = connection.host.recorder.edge(origin.caller, target, target.port, "tcp");
    const recheck = (): boolean => origin.refresh() && mayUpgradeGoOn(connection.host.mesh, origin, held, target);
    // Judged as a request, under the snapshot of then: an endpoint that answers late must not get a stream past a new one.
    if (!recheck()) {
      connection.host.stats.counter(DENIED_COUNTER.policy_change);
      upstream.close();
      connection.cut();
      return;
    }
    const session = this.#tunnel(connection, { target, way: target.endpoint, recheck }, summary, {
      connected: () => undefined,
      another: () => null,
      failed: () => undefined,
    });
    connection.session = session;
    session.adopt(upstream, early, rest);
    connection.resumeReading();
  }

  http1(connection: Downstream, inside: string | null, bytes: Buffer): void {
    const session = new HttpSession(connection, this, inside);
    connection.session = session;
    session.received(bytes);
  }

  http2(connection: Downstream, inside: string | null, bytes: Buffer): void {
    const session = new Http2Session(connection, this, new ConnectionOrigin(connection, inside));
    connection.session = session;
    session.received(bytes);
    if (connection.host.isDraining) session.drain();
  }

  connect(connection: Downstream, origin: LastingOrigin, headBytes: Buffer, head: RequestHead, rest: Buffer): void {
    const { mesh } = connection.host;
    if (origin.pin) {
      this.#connectPinned(connection, origin, origin.pin, headBytes, head, rest);
      return;
    }
    if (connection.entrance.record.role !== "outbound" || origin.fixed) {
      // Elsewhere the destination is known, or the caller is from outside: neither is to choose one.
      this.#refuseConnect(connection, FLAG.NR, null, headBytes, head);
      return;
    }
    const authority = latin1(headBytes, head.authorityStart, head.authorityEnd);
    const destination = mesh.resolve(authority, origin.caller.facts.namespace, 443);
    if (destination) {
      if (destination.isTcp) this.#connectTo(connection, destination, headBytes, head, rest);
      else this.#inside(connection, authority, rest);
      return;
    }
    const outside = passthroughFor(mesh, origin.caller, authority, 443);
    if (!outside) {
      this.#refuseConnect(connection, FLAG.NR, null, headBytes, head);
      return;
    }
    const { session } = connection;
    connection.pauseReading();
    this.passthrough(outside.host, outside.port, true, origin.caller.uid, (port) => {
      if (connection.session !== session || !connection.isOpen) return;
      // The snapshot may have changed while the name was looked up, which its owner can draw out as he likes.
      if (!origin.refresh()) connection.close();
      else if (!passthroughFor(mesh, origin.caller, authority, 443)) {
        this.#refuseConnect(connection, FLAG.NR, null, headBytes, head);
      } else if (port) this.#connectTo(connection, port, headBytes, head, rest);
      else this.#refuseConnect(connection, FLAG.UF, null, headBytes, head);
    });
  }

  passthrough(
    host: string,
    port: number,
    isTcp: boolean,
    asker: number,
    answer: (port: ExternalPort | null) => void,
  ): void {
    this.#passthrough.resolve(host, port, isTcp, asker, answer);
  }

  /** HTTP through a tunnel is HTTP: every request inside is routed and judged by itself. */
  #inside(connection: Downstream, authority: string, rest: Buffer): void {
    establish(connection);
    const session = new FirstBytes(connection, this, authority);
    connection.session = session;
    connection.watch(session.quiet(0));
    connection.resumeReading();
    if (rest.length > 0) session.received(rest);
  }

  #connectTo(
    connection: Downstream,
    destination: Destination,
    headBytes: Buffer,
    head: RequestHead,
    rest: Buffer,
  ): void {
    const verdict = this.#judge(connection, destination);
    const aim = (target: Target) => this.#aim(connection, destination, verdict, target);
    this.#connectStream(connection, verdict, aim, headBytes, head, rest);
  }

  /** A stream that another node asks for, with an endpoint of this one. */
  #connectPinned(
    connection: Downstream,
    origin: LastingOrigin,
    pin: Pin,
    headBytes: Buffer,
    head: RequestHead,
    rest: Buffer,
  ): void {
    const { mesh } = connection.host;
    const verdict = judgePinnedStream(mesh, origin.caller, pin);
    const parent = pin.parent ?? pin.port;
    const aim = (target: Target): StreamAim => ({
      target,
      way: target.endpoint,
      recheck: () => origin.refresh() && mayStreamGoOn(mesh, origin.caller, parent, target),
    });
    this.#connectStream(connection, verdict, aim, headBytes, head, rest, pin);
  }

  #connectStream(
    connection: Downstream,
    verdict: StreamVerdict,
    aim: (target: Target) => StreamAim,
    headBytes: Buffer,
    head: RequestHead,
    rest: Buffer,
    pin: Pin | null = null,
  ): void {
    const target = verdict.target;
    if (verdict.flag !== FLAG.none || !target) {
      this.#refuseConnect(connection, verdict.flag, verdict, headBytes, head);
      return;
    }
    const summary = this.#summaryOf(connection, verdict);
    const events = {
      connected: () => establish(connection),
      another: (failed: Target) => this.#another(connection, summary, verdict, failed, pin, aim),
      failed: (flag: number) => this.#refuseConnect(connection, flag, verdict, headBytes, head),
    };
    const session = this.#tunnel(connection, aim(target), summary, events);
    connection.session = session;
    session.connect(rest);
  }

  #refuseConnect(
    connection: Downstream,
    flag: number,
    verdict: StreamVerdict | null,
    headBytes: Buffer,
    head: RequestHead,
  ): void {
    const { host } = connection;
    const caller = connection.caller!;
    const status = statusOfRefusal(flag);
    const summary = new RequestSummary();
    summary.denial = verdict?.denial ?? null;
    summary.rule = verdict?.rule ?? null;
    summary.target = verdict?.target ?? null;
    summary.edge = host.recorder.edge(caller, summary.target, verdict?.destination ?? null, "http");
    summary.status = status;
    summary.flag = flag;
    sendReply(host, connection.out, summary, { status, flag, closes: true, isHead: false, lines: [], isGrpc: false });
    host.recorder.request(summary, caller, headBytes, head, null, host.mesh.generation);
    connection.close();
  }

  /** A listener whose service speaks TCP: there is nobody to explain a refusal to, so the connection is closed. */
  #openStream(connection: Downstream, destination: Destination): Session {
    const { host } = connection;
    const verdict = this.#judge(connection, destination);
    const summary = this.#summaryOf(connection, verdict);
    const target = verdict.target;
    if (verdict.flag !== FLAG.none || !target) {
      summary.flag = verdict.flag;
      summary.edge?.tcpFailed(verdict.flag);
      summary.idHigh = host.random.word();
      summary.idLow = host.random.word();
      host.recorder.connection(summary, connection.caller!, host.mesh.generation);
      queueMicrotask(() => connection.cut());
      return CLOSED_SESSION;
    }
    const aim = (to: Target) => this.#aim(connection, destination, verdict, to);
    const events = {
      connected: () => undefined,
      another: (failed: Target) => this.#another(connection, summary, verdict, failed, null, aim),
      failed: (flag: number) => {
        summary.flag = flag;
        const { way } = session;
        if (way instanceof RemoteWay && way.refusal) {
          summary.isFromNode = true;
          summary.idHigh = way.refusal.idHigh;
          summary.idLow = way.refusal.idLow;
        }
        summary.edge?.tcpFailed(flag);
        host.recorder.connection(summary, connection.caller!, host.mesh.generation);
        connection.cut();
      },
    };
    const session = this.#tunnel(connection, aim(target), summary, events);
    queueMicrotask(() => {
      if (connection.isOpen) session.connect(NOTHING);
    });
    return session;
  }

  /** Another endpoint for a stream that did not reach the one it was for, and counted there from now on. */
  #another(
    connection: Downstream,
    summary: RequestSummary,
    verdict: StreamVerdict,
    failed: Target,
    pin: Pin | null,
    aim: (target: Target) => StreamAim,
  ): StreamAim | null {
    const { host } = connection;
    const caller = connection.caller!;
    const target = pickOther({ caller, gateway: null, pin }, failed, host.nowMs());
    if (target === failed) return null;
    summary.target = target;
    summary.edge = host.recorder.edge(caller, target, verdict.destination, "tcp");
    return aim(target);
  }

  #aim(connection: Downstream, parent: Destination, verdict: StreamVerdict, target: Target): StreamAim {
    const way = wayTo(connection, parent, verdict, target);
    return { target, way, recheck: this.#recheck(connection, parent, target) };
  }

  #judge(connection: Downstream, destination: Destination): StreamVerdict {
    const { host } = connection;
    return judgeStream(host.mesh, connection.caller!, destination, host.nowMs(), () => host.random.word());
  }

  #summaryOf(connection: Downstream, verdict: StreamVerdict): RequestSummary {
    const summary = new RequestSummary();
    summary.denial = verdict.denial;
    summary.permit = verdict.permit;
    summary.rule = verdict.rule;
    summary.target = verdict.target;
    summary.edge = connection.host.recorder.edge(connection.caller!, verdict.target, verdict.destination, "tcp");
    return summary;
  }

  /** For a stream that is TCP from its beginning. */
  #recheck(connection: Downstream, parent: Destination, target: Target): () => boolean {
    const { host } = connection;
    return () => {
      const caller = connection.caller && host.reattest(connection.caller);
      if (!caller) return false;
      connection.caller = caller;
      const { record } = connection.entrance;
      if (record.role === "inbound" && !host.mesh.inboundPort(record)) return false;
      return mayStreamGoOn(host.mesh, caller, parent, target);
    };
  }

  #tunnel(
    connection: Downstream,
    aim: StreamAim,
    summary: RequestSummary,
    events: Pick<TunnelEvents, "connected" | "another" | "failed">,
  ): TunnelSession {
    const { host } = connection;
    const startedMs = host.nowMs();
    const told = {
      connected: events.connected,
      another: events.another,
      failed: (flag: number, reason: string) => {
        this.#tunnels.delete(session);
        events.failed(flag, reason);
      },
      over: (ended: TunnelSession) => {
        this.#tunnels.delete(ended);
        summary.durationUs = (host.nowMs() - startedMs) * 1000;
        summary.requestBytes = ended.sentBytes;
        summary.responseBytes = ended.receivedBytes;
        host.recorder.connection(summary, connection.caller!, host.mesh.generation);
      },
    };
    const session = new TunnelSession(connection, aim, summary, told);
    this.#tunnels.add(session);
    return session;
  }
}

function statusOfRefusal(flag: number): number {
  switch (flag) {
    case FLAG.RBAC:
    case FLAG.CALLS:
      return 403;
    case FLAG.NR:
      return 404;
    case FLAG.NC:
      return 500;
    default:
      return 503;
  }
}

/** To an endpoint of this node, or through the tunnel to that of another one. */
function wayTo(connection: Downstream, parent: Destination, verdict: StreamVerdict, target: Target): Way {
  if (target.node === "" || parent.kind !== "service") return target.endpoint;
  const { record } = parent;
  const pin = pinLines(target, parent, verdict.occurrence);
  const speaker = connection.caller?.facts.workload ?? "";
  return new RemoteWay(target, pin, speaker, `${parent.service.record.host}:${record.port}`);
}

/** Tells the caller that its CONNECT is granted: what follows goes through. */
function establish(connection: Downstream): void {
  connection.out.head(ESTABLISHED, 0, ESTABLISHED.length, false, false);
  connection.out.becomeRaw();
}

/** Of a connection that is about to be cut: whatever comes is dropped. */
export const CLOSED_SESSION: Session = {
  received: () => undefined,
  drained: () => undefined,
  ended: () => undefined,
  gone: () => undefined,
  quiet: () => 0,
  drain: () => undefined,
};
