import { beforeAll, expect, spyOn, test } from "bun:test";
import type { Socket } from "bun";
import { listenTls } from "../../../test/support/tls.ts";
import { visit } from "../../../test/support/tls-visit.ts";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { TunnelNode, twoNodes } from "../../../test/support/tunnel-node.ts";
import { AnsweringStreams, ask } from "../../../test/support/tunnel-requests.ts";
import { attackerTls, ForgedAuthority, RIGHT } from "../../../test/support/tunnel-zoo.ts";
import { until } from "../../../test/support/until.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import { AS_LINE } from "./control-request.ts";
import { HANDSHAKE_TIMEOUT_MS, HANDSHAKES_PER_ADDRESS_MAX, TUNNELS_PER_NODE_MAX } from "./limits.ts";

const WEB = "workload/prod/web";
let identities: TunnelIdentities;
beforeAll(async () => {
  identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2"]);
});

async function forgedNode(): Promise<TunnelNode> {
  const node = new TunnelNode(new ForgedAuthority(), "till-1");
  node.trust();
  await node.issue();
  node.serve([{ name: "till-1" }, { name: "till-2" }], { hostname: "127.0.0.1", port: 0 });
  return node;
}

/** A plain connection that says nothing; resolves when it is closed, with how long that took. */
async function silent(port: number): Promise<{ readonly socket: Socket<undefined>; readonly closed: Promise<number> }> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const startMs = performance.now();
  const socket = await Bun.connect<undefined>({
    hostname: "127.0.0.1",
    port,
    socket: { data() {}, error() {}, close: () => resolve(performance.now() - startMs) },
  });
  return { socket, closed: promise };
}

test("whoever does not shake hands is closed after three seconds, and counted", async () => {
  using node = await forgedNode();
  const { closed } = await silent(node.tunnels.port);
  const afterMs = await closed;
  expect(afterMs).toBeGreaterThan(HANDSHAKE_TIMEOUT_MS - 100);
  expect(afterMs).toBeLessThan(HANDSHAKE_TIMEOUT_MS + 1_000);
  expect(node.counted.get(LIMIT_COUNTER.handshake_timeout)).toBe(1);
});

test("a flood of connections is bounded: one address holds a few, the rest is closed at once, and others get in", async () => {
  using node = await forgedNode();
  const flood = await Promise.all(Array.from({ length: 200 }, () => silent(node.tunnels.port)));
  await until(
    () => (node.counted.get(LIMIT_COUNTER.handshakes_of_address) ?? 0) >= 200 - HANDSHAKES_PER_ADDRESS_MAX,
    "the flood to be turned away",
  );
  expect(node.counted.get(LIMIT_COUNTER.handshakes_of_address)).toBe(200 - HANDSHAKES_PER_ADDRESS_MAX);
  // Reports of it do not flood the keeper in turn.
  expect(node.refused.length).toBeLessThan(40);
  for (const { socket } of flood) socket.terminate();
  await until(() => node.tunnels.handshakes === 0, "the flood to be over");
});

test("one node gets only so many tunnels", async () => {
  using node = await forgedNode();
  const sockets: Socket<undefined>[] = [];
  for (let i = 0; i <= TUNNELS_PER_NODE_MAX; i++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port: node.tunnels.port,
      tls: attackerTls(RIGHT) as never,
      // The other side speaks first where it lets somebody in.
      socket: { data: () => resolve(), close: () => resolve(), error() {} },
    });
    await promise;
    sockets.push(socket);
  }
  expect(node.tunnels.accepted.size).toBe(TUNNELS_PER_NODE_MAX);
  expect(node.counted.get(LIMIT_COUNTER.tunnels)).toBe(1);
  for (const socket of sockets) socket.terminate();
  await until(() => node.tunnels.accepted.size === 0, "the tunnels to be over");
});

test("no session is resumed, and the listener gives out nothing to resume with", async () => {
  using node = await forgedNode();
  const attacker = { ...attackerTls(RIGHT), ALPNProtocols: ["h2"] };
  const first = await visit(node.tunnels.port, attacker);
  expect(first.heard).not.toBe("");
  expect(first.tickets).toEqual([]);
  const lenient = listenTls({ ...attackerTls(RIGHT), requestCert: true }, { data: (socket) => void socket.write("x") });
  const { tickets } = await visit(lenient.port, attacker);
  lenient.stop(true);
  expect(tickets.length).toBeGreaterThan(0);
  for (const ticket of tickets) {
    expect((await visit(node.tunnels.port, attacker, ticket)).reused).toBe(false);
    const bare = await visit(node.tunnels.port, { ...attacker, cert: undefined, key: undefined }, ticket);
    expect([bare.reused, bare.heard]).toEqual([false, ""]);
  }
});

/** A wire between two places that can be cut without either end noticing. */
class Wire {
  isCut = false;
  readonly #listener;

  constructor(toHostname: string, toPort: number) {
    type Side = { other: Promise<Socket<Side>> };
    const forward = async (socket: Socket<Side>, bytes: Buffer): Promise<void> => {
      const copy = Buffer.from(bytes);
      const other = await socket.data.other;
      if (!this.isCut) other.write(copy);
    };
    this.#listener = Bun.listen<Side>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          const other = Bun.connect<Side>({
            hostname: toHostname,
            port: toPort,
            data: { other: Promise.resolve(socket) },
            socket: { data: forward, error() {}, close: () => void (this.isCut || socket.end()) },
          });
          socket.data = { other };
        },
        data: forward,
        error() {},
        close: (socket) => void socket.data.other.then((other) => this.isCut || other.end()),
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}

test("a peer that is silently gone is noticed within seconds by both ends, and what waits for it fails", async () => {
  const [one, two] = await twoNodes(identities, { "till-1": [WEB] }, new AnsweringStreams());
  using _one = one;
  using _two = two;
  using wire = new Wire("127.0.0.2", two.tunnels.port);
  const direct = one.tunnels.link("till-2");
  const throughWire = { name: "till-2", hostname: "127.0.0.1", port: wire.port };
  one.serve([{ name: "till-1", workloads: [WEB] }, throughWire], { hostname: "127.0.0.1", port: 0 });
  const link = await until(() => {
    const current = one.tunnels.link("till-2");
    return current !== direct && current !== null ? current : undefined;
  }, "the tunnel through the wire");
  expect(await ask(one, "till-2", WEB)).toBe("200");
  const held = ask(one, "till-2", WEB, "/hold");
  await until(() => link.streams === 1, "the request to be under way");
  await until(() => two.tunnels.accepted.size === 1, "one tunnel to be left");
  wire.isCut = true;
  const startMs = performance.now();
  expect(await held).toBe("reset -1");
  expect(performance.now() - startMs).toBeLessThan(9_000);
  expect(one.states.findLast(({ direction }) => direction === "dialer")).toMatchObject({
    isUp: false,
    reason: "dead_peer",
  });
  await until(() => two.tunnels.accepted.size === 0, "the other end to notice", 9_000);
  // The way is there again: the next request goes through.
  wire.isCut = false;
  await one.up("till-2", 9_000);
  expect(await ask(one, "till-2", WEB)).toBe("200");
}, 30_000);

test("a caller that cancels thousands of requests does not end the tunnel of its node", async () => {
  const [one, two] = await twoNodes(identities, { "till-1": [WEB] }, new AnsweringStreams());
  using _one = one;
  using _two = two;
  const link = await one.up("till-2");
  const handle = one.tunnels.handleFor(link, WEB, () => undefined);
  const head = Buffer.from(`GET /hold HTTP/1.1\r\nhost: orders.prod\r\n${AS_LINE}: ${handle}\r\n\r\n`);
  const quiet = {
    onStreamHead: () => undefined,
    onStreamData: () => undefined,
    onStreamTrailers: () => undefined,
    onStreamReset: () => undefined,
    onStreamDrained: () => undefined,
  };
  for (let burst = 0; burst < 30; burst++) {
    const streams = Array.from({ length: 100 }, () => link.openStream(quiet));
    for (const stream of streams) stream?.head(head, 0, head.length, true, false);
    link.link.flushQuietly();
    for (const stream of streams) stream?.reset(ERROR_CODE.CANCEL);
    expect(await ask(one, "till-2", WEB)).toBe("200");
  }
  expect(one.tunnels.link("till-2")).toBe(link);
});

test("a drain lets what is under way end, takes nothing new, and then the tunnel is closed", async () => {
  const [one, two] = await twoNodes(identities, { "till-1": [WEB] }, new AnsweringStreams());
  using _one = one;
  using _two = two;
  expect(await ask(one, "till-2", WEB)).toBe("200");
  let gone = 0;
  two.tunnels.drain(() => gone++);
  expect(two.tunnels.port).toBe(0);
  await until(() => one.tunnels.link("till-2") === null, "the other node to know");
  await until(() => two.tunnels.accepted.size === 0, "the tunnel to be over");
  expect(gone).toBe(1);
  expect(await ask(one, "till-2", WEB)).toBe("down");
});

test("a node that is not there is dialed again and again, and found when it comes", async () => {
  using one = new TunnelNode(identities, "till-1");
  one.trust();
  await one.issue();
  using two = new TunnelNode(identities, "till-2");
  two.trust();
  await two.issue();
  two.serve([{ name: "till-1" }, { name: "till-2" }], { hostname: "127.0.0.2", port: 0 });
  const { port } = two.tunnels;
  two.serve([{ name: "till-1" }, { name: "till-2" }]);
  one.serve([{ name: "till-1" }, { name: "till-2", hostname: "127.0.0.2", port }]);
  await until(() => one.states.length === 1, "a dial to fail");
  expect(one.states[0]).toMatchObject({ node: "till-2", isUp: false, reason: "connect_econnrefused" });
  two.serve([{ name: "till-1" }, { name: "till-2" }], { hostname: "127.0.0.2", port });
  await one.up("till-2");
});

test("whoever is gone again before it is accepted is no fault of ours, and leaves nothing behind", async () => {
  using node = await forgedNode();
  using complaints = spyOn(console, "error").mockImplementation(() => undefined);
  const visit = `for (let i = 0; i < 20; i++) {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port: ${node.tunnels.port}, socket: { data() {} } });
    socket.terminate();
  }`;
  // This process does nothing meanwhile, so that all of them come and go in its backlog.
  expect(Bun.spawnSync([process.execPath, "-e", visit]).exitCode).toBe(0);
  expect(await bytesHeard(node)).toBeGreaterThan(0);
  expect(complaints).not.toHaveBeenCalled();
  expect([node.tunnels.handshakes, node.refused.length]).toEqual([0, 0]);
});

/** Bytes that a good node hears. */
async function bytesHeard(node: TunnelNode): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const socket = await Bun.connect<undefined>({
    hostname: "127.0.0.1",
    port: node.tunnels.port,
    tls: attackerTls(RIGHT) as never,
    socket: { data: (_, bytes) => resolve(bytes.length), close: () => resolve(0), error() {} },
  });
  const heard = await promise;
  socket.terminate();
  return heard;
}
