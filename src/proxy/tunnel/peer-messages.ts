import { Timer } from "../../base/timer-wheel.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { PEER_MESSAGE_BYTES_MAX, PEER_STATUS } from "../../wire/channel/frames.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import { LINK_LOST, type LinkStream, type StreamOwner } from "../http2/link-stream.ts";
import { controlHead, PEER_PATH } from "./control-request.ts";
import { GatheredBody } from "./gathered-body.ts";
import { PEER_MESSAGE_TIMEOUT_MS, PEER_MESSAGES_MAX } from "./limits.ts";
import type { TunnelHost } from "./tunnel-host.ts";
import type { TunnelLink } from "./tunnel-link.ts";

/** What the other node's keeper says, or why it says nothing: see PEER_STATUS. Called once. */
export type PeerReply = (status: number, bytes: Uint8Array) => void;

const NOTHING = new Uint8Array(0);
const STATUS_BYTES = 4;

/** Carries messages of this node's keeper to those of others, and their answers back. */
export class PeerMessages {
  readonly #host: TunnelHost;
  #underWay = 0;

  constructor(host: TunnelHost) {
    this.#host = host;
  }

  /** Sends a message over a link; `null`: that node is not connected. `bytes` is kept until it has left. */
  send(link: TunnelLink | null, kind: number, bytes: Uint8Array, reply: PeerReply): void {
    if (this.#underWay >= PEER_MESSAGES_MAX) {
      this.#host.stats.counter(LIMIT_COUNTER.peer_messages);
      reply(PEER_STATUS.REFUSED, NOTHING);
      return;
    }
    this.#underWay++;
    const message = new Message(this.#host, (status, answer) => {
      this.#underWay--;
      reply(status, answer);
    });
    const stream = link?.openStream(message) ?? null;
    if (stream === null) message.end(PEER_STATUS.NOT_CONNECTED);
    else message.send(stream, kind, bytes);
  }
}

/** One message on its stream. */
class Message implements StreamOwner {
  readonly #host: TunnelHost;
  readonly #reply: PeerReply;
  readonly #timer: Timer;
  readonly #body = new GatheredBody(STATUS_BYTES + PEER_MESSAGE_BYTES_MAX);
  #stream: LinkStream | null = null;
  #httpStatus = 0;
  #isOver = false;

  constructor(host: TunnelHost, reply: PeerReply) {
    this.#host = host;
    this.#reply = reply;
    this.#timer = new Timer(() => this.#giveUp(PEER_STATUS.TIMED_OUT));
    host.wheel.arm(this.#timer, host.nowMs(), PEER_MESSAGE_TIMEOUT_MS);
  }

  send(stream: LinkStream, kind: number, bytes: Uint8Array): void {
    this.#stream = stream;
    const head = controlHead(`${PEER_PATH}${kind}`, bytes.length, "");
    stream.head(head, 0, head.length, false, false);
    stream.write(bytes, 0, bytes.length, false);
    stream.finish();
  }

  end(status: number, bytes: Uint8Array = NOTHING): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#host.wheel.remove(this.#timer);
    this.#reply(status, bytes);
  }

  onStreamHead(_stream: LinkStream, isEnd: boolean): void {
    this.#httpStatus = this.#host.links.heads.response.status;
    if (isEnd) this.#ended();
  }

  onStreamData(stream: LinkStream, bytes: Buffer, isEnd: boolean): void {
    stream.credit(bytes.length);
    if (!this.#body.add(bytes)) this.#giveUp(PEER_STATUS.MALFORMED);
    else if (isEnd) this.#ended();
  }

  onStreamTrailers(): void {
    this.#giveUp(PEER_STATUS.MALFORMED);
  }

  onStreamReset(_stream: LinkStream, errorCode: number): void {
    this.end(errorCode === LINK_LOST ? PEER_STATUS.NOT_CONNECTED : PEER_STATUS.REFUSED);
  }

  onStreamDrained(): void {
    // It is short, and written at once.
  }

  #ended(): void {
    const { bytes } = this.#body;
    if (this.#httpStatus === 504) this.end(PEER_STATUS.TIMED_OUT);
    else if (this.#httpStatus === 429) this.end(PEER_STATUS.BUSY);
    else if (this.#httpStatus !== 200) this.end(PEER_STATUS.REFUSED);
    else if (bytes.length < STATUS_BYTES) this.end(PEER_STATUS.MALFORMED);
    else this.end(Buffer.from(bytes.buffer, bytes.byteOffset).readUInt32LE(0), bytes.subarray(STATUS_BYTES));
  }

  #giveUp(status: number): void {
    if (this.#isOver) return;
    this.#stream?.reset(ERROR_CODE.CANCEL);
    this.end(status);
  }
}
