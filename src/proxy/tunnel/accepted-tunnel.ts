import { PROOF_BYTES_MAX } from "../../identity/proof.ts";
import { isRefusal } from "../../identity/refusal.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { PEER_MESSAGE_BYTES_MAX } from "../../wire/channel/frames.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import type { LinkStream, StreamOwner } from "../http2/link-stream.ts";
import { type ControlRequest, controlAnswerHead, controlRequestOf } from "./control-request.ts";
import { GatheredBody } from "./gathered-body.ts";
import type { KeeperRelay } from "./keeper-relay.ts";
import { GATHERED_PER_TUNNEL_MAX, PING_AFTER_IDLE_ACCEPTED_MS } from "./limits.ts";
import { LISTENER_OPTIONS } from "./link-options.ts";
import { type ProvenCaller, ProvenCallers } from "./proven-callers.ts";
import type { StreamTunnel, TunnelStreams } from "./stream-handler.ts";
import { TunnelCore } from "./tunnel-core.ts";
import type { TunnelEndEvents } from "./tunnel-end.ts";
import type { TunnelHost } from "./tunnel-host.ts";
import type { TunnelSession } from "./tunnel-session.ts";

const NOTHING = Buffer.alloc(0);

/** The listener's end of a tunnel: proofs and messages are taken here, everything else goes to whoever has the streams. */
export class AcceptedTunnel extends TunnelCore implements StreamTunnel {
  readonly #callers: ProvenCallers;
  readonly #streams: TunnelStreams;
  readonly #relay: KeeperRelay;
  #gathering = 0;

  constructor(
    host: TunnelHost,
    session: TunnelSession,
    events: TunnelEndEvents,
    streams: TunnelStreams,
    relay: KeeperRelay,
  ) {
    super(host, session, events, LISTENER_OPTIONS, PING_AFTER_IDLE_ACCEPTED_MS, true);
    this.#callers = new ProvenCallers(session);
    this.#streams = streams;
    this.#relay = relay;
  }

  /** Who speaks on a stream that names this handle; `undefined`: nobody who is believed now. To be asked for every stream. */
  caller(handle: number): ProvenCaller | undefined {
    return this.#callers.caller(handle, this.host.trust.nowMs());
  }

  /** Whether a handle that `caller` does not know was proven once: then a new proof is what is wanted. */
  hasEnded(handle: number): boolean {
    return this.#callers.hasEnded(handle);
  }

  /** Tells the keeper of a stream whose caller was not believed. `reason`: a stable word. */
  reportStream(reason: string, detail: string): void {
    const { node, connection } = this.session;
    this.host.reports.report({ node, address: connection.address, reason, detail });
  }

  /** Trust or documents have changed: whom they no longer hold for is forgotten, and what they have open is cut. */
  judgeCallers(): void {
    const { trust, documents } = this.host;
    const refused = this.#callers.takeRefused({ trust: trust.trust, placements: documents.placements });
    if (refused.length > 0) this.#streams.callersOver(this, refused, "no_longer_believed");
  }

  /** Ends what has come to its end with time. */
  tick(): void {
    if (this.#callers.size === 0) return;
    const expired = this.#callers.takeExpired(this.host.trust.trust);
    if (expired.length > 0) this.#streams.callersOver(this, expired, "certificate_end");
  }

  override received(bytes: Buffer): void {
    super.received(bytes);
    this.#streams.served(this);
  }

  onRequest(stream: LinkStream, isEnd: boolean): void {
    this.keepAlive.busy(this.host.links.now);
    const control = controlRequestOf(this.link.host.heads);
    if (control === null) this.#streams.request(this, stream, isEnd);
    else if (isEnd || control.kind === "unknown") answer(stream, 404, NOTHING);
    else if (this.#gathering >= GATHERED_PER_TUNNEL_MAX) stream.reset(ERROR_CODE.REFUSED_STREAM);
    else if (control.kind === "peer" && !this.#relay.takes(this.session.node)) this.#refuseMessage(stream);
    else this.#gather(stream, control);
  }

  onRefused(refusal: number): void {
    this.#streams.refused(this, refusal);
  }

  protected over(): void {
    this.#streams.gone(this);
  }

  protected roomier(): void {
    // Streams are opened by the other end.
  }

  #gather(stream: LinkStream, control: ControlRequest): void {
    const body = new GatheredBody(control.kind === "proof" ? PROOF_BYTES_MAX : PEER_MESSAGE_BYTES_MAX);
    let asked: number | null = null;
    let isGathering = true;
    const gathered = (): void => {
      if (isGathering) this.#gathering--;
      isGathering = false;
    };
    const giveUp = (errorCode: number): void => {
      gathered();
      stream.reset(errorCode);
    };
    const owner: StreamOwner = {
      onStreamHead: () => undefined,
      onStreamData: (_stream, bytes, isEnd) => {
        stream.credit(bytes.length);
        if (!body.add(bytes)) giveUp(ERROR_CODE.CANCEL);
        else if (isEnd) {
          gathered();
          if (control.kind === "proof") this.#prove(stream, body.bytes, control.workload);
          else if (control.kind === "peer") asked = this.#relayMessage(stream, body.bytes, control.messageKind);
        }
      },
      onStreamTrailers: () => giveUp(ERROR_CODE.PROTOCOL_ERROR),
      onStreamReset: () => {
        gathered();
        if (asked !== null) this.#relay.forget(asked);
      },
      onStreamDrained: () => undefined,
    };
    this.#gathering++;
    stream.owner = owner;
  }

  /** At once, so that streams behind it on the same connection find its outcome. */
  #prove(stream: LinkStream, proof: Uint8Array, named: string): void {
    const { trust, documents, stats } = this.host;
    const handle = stream.stream?.id ?? 0;
    const basis = { trust: trust.trust, placements: documents.placements };
    const proven = this.#callers.prove(handle, proof, named, basis, this.host.links.now);
    if (proven === "limit") {
      stats.counter(LIMIT_COUNTER.tunnel_proofs);
      answer(stream, 503, NOTHING);
    } else if (isRefusal(proven)) {
      this.reportStream(proven.refused, `the proof of a workload${named === "" ? "" : `, said to be ${named}`}`);
      answer(stream, 403, NOTHING);
    } else answer(stream, 200, NOTHING);
  }

  #relayMessage(stream: LinkStream, bytes: Uint8Array, kind: number): number | null {
    const { node, connection } = this.session;
    if (!this.#relay.takes(node)) {
      this.#refuseMessage(stream);
      return null;
    }
    const question = { door: "tunnel", node, address: connection.address, kind, bytes } as const;
    const asked = this.#relay.ask(question, (status, reply) => {
      if (status === null) answer(stream, 504, NOTHING);
      else answer(stream, 200, statusAndBytes(status, reply));
    });
    // No keeper.
    if (asked === null) answer(stream, 503, NOTHING);
    return asked;
  }

  /** One too many. What is still to come of it is not read. */
  #refuseMessage(stream: LinkStream): void {
    this.host.stats.counter(LIMIT_COUNTER.peer_messages);
    answer(stream, 429, NOTHING);
    if (!stream.isRemoteEnd) stream.reset(ERROR_CODE.NO_ERROR);
  }
}

function answer(stream: LinkStream, status: number, content: Buffer): void {
  const head = controlAnswerHead(status, content.length);
  stream.head(head, 0, head.length, content.length === 0, false);
  if (content.length > 0) {
    stream.write(content, 0, content.length, false);
    stream.finish();
  }
}

function statusAndBytes(status: number, bytes: Uint8Array): Buffer {
  const content = Buffer.allocUnsafe(4 + bytes.length);
  content.writeUInt32LE(status, 0);
  content.set(bytes, 4);
  return content;
}
