import { beforeAll, expect, test } from "bun:test";
import type { Socket } from "bun";
import { exporterOf } from "../../../test/support/tls.ts";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { TunnelNode } from "../../../test/support/tunnel-node.ts";
import { until } from "../../../test/support/until.ts";
import {
  frameJoinMessage,
  JOIN_ALPN,
  JOIN_EXPORTER_LABEL,
  JOIN_HEAD_BYTES,
  JOIN_KEYING_BYTES,
  JOIN_REQUEST_BYTES_MAX,
  readJoinHead,
} from "../../identity/join-protocol.ts";
import { JOIN_EXCHANGES_MAX, JOINERS_PER_ADDRESS_MAX } from "./limits.ts";

let identities: TunnelIdentities;
beforeAll(async () => {
  identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1"]);
});

async function nodeWithDoor(isOpen: boolean): Promise<TunnelNode> {
  const node = new TunnelNode(identities, "till-1");
  node.trust();
  await node.issue();
  node.serve([{ name: "till-1" }, { name: "till-2" }], { hostname: "127.0.0.1", port: 0 });
  node.tunnels.setDoor(isOpen);
  return node;
}

/** Somebody without a certificate at the door. */
class Visitor {
  readonly closed: Promise<void>;
  readonly material: Promise<Buffer>;
  heard = Buffer.alloc(0);
  readonly #socket: Promise<Socket<undefined> | null>;

  constructor(port: number, alpn = JOIN_ALPN) {
    const closed = Promise.withResolvers<void>();
    const material = Promise.withResolvers<Buffer>();
    this.closed = closed.promise;
    this.material = material.promise;
    this.#socket = Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port,
      tls: {
        rejectUnauthorized: false,
        minVersion: 772,
        ALPNProtocols: String.fromCharCode(alpn.length) + alpn,
      } as never,
      socket: {
        handshake: (socket) => material.resolve(exporterOf(socket, JOIN_EXPORTER_LABEL, new Uint8Array())),
        data: (_socket, bytes) => {
          this.heard = Buffer.concat([this.heard, bytes]);
        },
        close: () => closed.resolve(),
        error() {},
      },
    }).catch(() => {
      closed.resolve();
      return null;
    });
  }

  async say(bytes: Uint8Array): Promise<void> {
    await this.material;
    (await this.#socket)?.write(bytes);
  }

  async leave(): Promise<void> {
    (await this.#socket)?.terminate();
  }

  answer(): string | undefined {
    const head = readJoinHead(this.heard);
    if (head === undefined || this.heard.length < JOIN_HEAD_BYTES + head.length) return undefined;
    return `${head.word} ${this.heard.subarray(JOIN_HEAD_BYTES, JOIN_HEAD_BYTES + head.length).toString()}`;
  }
}

test("while the door is shut nobody gets in without a certificate", async () => {
  using node = await nodeWithDoor(false);
  for (const alpn of [JOIN_ALPN, "h2"]) {
    const visitor = new Visitor(node.tunnels.port, alpn);
    void visitor.say(frameJoinMessage(1, Buffer.from("let me in")));
    await visitor.closed;
    expect(visitor.heard.length).toBe(0);
  }
  expect(node.questions).toEqual([]);
});

test("while it is open the keeper is asked, with the keying material of that session before what was said", async () => {
  using node = await nodeWithDoor(true);
  const visitor = new Visitor(node.tunnels.port);
  await visitor.say(frameJoinMessage(1, Buffer.from("let me in")));
  const { requestId, question } = await until(() => node.questions[0], "the question");
  expect([question.door, question.node, question.address, question.kind]).toEqual(["join", "", "127.0.0.1", 1]);
  const bytes = Buffer.from(question.bytes);
  expect(bytes.subarray(0, JOIN_KEYING_BYTES).equals(await visitor.material)).toBe(true);
  expect(bytes.subarray(JOIN_KEYING_BYTES).toString()).toBe("let me in");
  node.tunnels.answered(requestId, 200, Buffer.from("no"));
  expect(await until(() => visitor.answer(), "the answer")).toBe("200 no");
  await visitor.leave();
});

test("the tunnel stays shut for whoever has no certificate, also while the door is open", async () => {
  using node = await nodeWithDoor(true);
  const visitor = new Visitor(node.tunnels.port, "h2");
  await visitor.closed;
  expect(visitor.heard.length).toBe(0);
  expect(node.refused.map(({ reason }) => reason)).toEqual(["not_authorized"]);
});

test("who says too much, says it before it is asked, or asks too often is put out", async () => {
  using node = await nodeWithDoor(true);
  const tooLong = new Visitor(node.tunnels.port);
  await tooLong.say(frameJoinMessage(1, Buffer.alloc(JOIN_REQUEST_BYTES_MAX + 1)));
  await tooLong.closed;
  const twoAtOnce = new Visitor(node.tunnels.port);
  const frame = frameJoinMessage(1, Buffer.from("x"));
  await twoAtOnce.say(Buffer.concat([frame, frame]));
  await twoAtOnce.closed;
  expect(node.questions).toEqual([]);
  const often = new Visitor(node.tunnels.port);
  for (let i = 0; i < JOIN_EXCHANGES_MAX; i++) {
    await often.say(frame);
    const { requestId } = await until(() => node.questions[i], "a question");
    node.tunnels.answered(requestId, 200, Buffer.alloc(0));
    await until(() => often.heard.length === JOIN_HEAD_BYTES * (i + 1), "an answer");
  }
  await often.say(frame);
  await often.closed;
  expect(node.questions.length).toBe(JOIN_EXCHANGES_MAX);
});

test("one address has few places at the door, and shutting it puts everybody out", async () => {
  using node = await nodeWithDoor(true);
  const visitors = Array.from({ length: JOINERS_PER_ADDRESS_MAX + 1 }, () => new Visitor(node.tunnels.port));
  await Promise.race(visitors.map(({ closed }) => closed));
  const within = visitors.slice();
  node.tunnels.setDoor(false);
  await Promise.all(within.map(({ closed }) => closed));
  expect(visitors.every(({ heard }) => heard.length === 0)).toBe(true);
});

test("who stands at the door and says nothing makes room for whoever asks, and who asks for nobody", async () => {
  using node = await nodeWithDoor(true);
  const silent = Array.from({ length: JOINERS_PER_ADDRESS_MAX }, () => new Visitor(node.tunnels.port));
  await Promise.all(silent.map(({ material }) => material));
  const asking: Visitor[] = [];
  for (let i = 0; i < JOINERS_PER_ADDRESS_MAX; i++) {
    asking[i] = new Visitor(node.tunnels.port);
    await asking[i]!.say(frameJoinMessage(1, Buffer.from(`question ${i}`)));
    await until(() => node.questions[i], "the question");
  }
  await Promise.all(silent.map(({ closed }) => closed));
  const late = new Visitor(node.tunnels.port);
  await late.closed;
  for (const [i, visitor] of asking.entries()) {
    node.tunnels.answered(node.questions[i]!.requestId, 200, Buffer.from("no"));
    expect(await until(() => visitor.answer(), "the answer")).toBe("200 no");
    await visitor.leave();
  }
});

test("without a keeper nobody is asked, and the door is shut", async () => {
  using node = await nodeWithDoor(true);
  const visitor = new Visitor(node.tunnels.port);
  await visitor.material;
  node.hasKeeper = false;
  await visitor.say(frameJoinMessage(1, Buffer.from("x")));
  await visitor.closed;
  node.tunnels.keeperGone();
  const late = new Visitor(node.tunnels.port);
  await late.closed;
  expect(late.heard.length).toBe(0);
});
