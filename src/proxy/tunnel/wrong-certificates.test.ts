import { describe, expect, test } from "bun:test";
import type { Socket, TCPSocketListener } from "bun";
import type { TlsOptions } from "../../../test/support/tls.ts";
import { TunnelNode, type TunnelPlace } from "../../../test/support/tunnel-node.ts";
import { attackerTls, ForgedAuthority, RIGHT, type Shown, WRONG } from "../../../test/support/tunnel-zoo.ts";
import { until } from "../../../test/support/until.ts";

/** Preface and empty settings of a client: what makes a tunnel come up. */
const CLIENT_HELLO = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), emptySettings()]);

function emptySettings(): Buffer {
  return Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
}

interface Doors {
  readonly isDoorOpen: boolean;
  /** The machine's clock is an hour off the time that the keeper knows. */
  readonly isWallDoubted?: boolean;
}

async function listeningNode({ isDoorOpen, isWallDoubted = false }: Doors): Promise<TunnelNode> {
  const node = new TunnelNode(new ForgedAuthority(), "till-1");
  if (isWallDoubted) node.wallSkewMs = 3_600_000;
  node.trust();
  await node.issue();
  node.tunnels.setDoor(isDoorOpen);
  node.serve([{ name: "till-1" }, { name: "till-2" }], { hostname: "127.0.0.1", port: 0 });
  return node;
}

/** Bytes that somebody with these options hears who speaks HTTP/2 as soon as it can; -1: the runtime shows no such certificate. */
async function visit(port: number, tls: TlsOptions): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let socket: Socket<undefined> | undefined;
  try {
    socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port,
      tls: tls as never,
      socket: {
        handshake: (self) => void self.write(CLIENT_HELLO),
        data: (_self, bytes) => resolve(bytes.length),
        close: () => resolve(0),
        error: () => undefined,
      },
    });
  } catch {
    resolve(-1);
  }
  const heard = await promise;
  socket?.terminate();
  return heard;
}

const LISTENERS: readonly (readonly [string, Doors])[] = [
  ["its join door shut", { isDoorOpen: false }],
  ["its join door open: only our own judgement counts", { isDoorOpen: true }],
  ["the machine's clock in doubt: only our own judgement of time counts", { isDoorOpen: false, isWallDoubted: true }],
];

for (const [what, doors] of LISTENERS) {
  describe(`a live listener, ${what}`, () => {
    test("says not one byte to any of the wrong certificates, and tells the keeper", async () => {
      using node = await listeningNode(doors);
      const wrong: (readonly [string, Shown | null])[] = [...WRONG, ["no certificate", null]];
      const heard: string[] = [];
      let visits = 0;
      for (const [name, shown] of wrong) {
        const bytes = await visit(node.tunnels.port, attackerTls(shown));
        if (bytes > 0) heard.push(name);
        if (bytes >= 0) visits++;
      }
      expect(heard).toEqual([]);
      expect(visits).toBeGreaterThan(30);
      expect(node.tunnels.accepted.size).toBe(0);
      expect(node.states).toEqual([]);
      // The rate of reports is bounded; that there are some, and none with a key in it, is what counts.
      expect(node.refused.length).toBeGreaterThan(10);
      // The control: the same with nothing wrong.
      expect(await visit(node.tunnels.port, attackerTls(RIGHT))).toBeGreaterThan(0);
    });
  });
}

async function reasonsOf(node: TunnelNode, name: string): Promise<string[]> {
  const before = node.refused.length;
  await visit(node.tunnels.port, attackerTls(WRONG.find(([known]) => known === name)![1]));
  return node.refused.slice(before).map(({ reason, detail }) => `${detail.split(/[:,]/)[0]} ${reason}`);
}

test("what the runtime refuses already is told with what our own judgement finds: the operator has to know why", async () => {
  using node = await listeningNode({ isDoorOpen: false });
  expect(await reasonsOf(node, "another root of the same name")).toEqual(["issuer chain_key_id"]);
  expect(await reasonsOf(node, "an expired leaf")).toEqual(["leaf expired"]);
  expect(await reasonsOf(node, "the ID of another site")).toEqual(["chain trust_domain_unknown"]);
});

test("with the join door open a wrong certificate is refused for what is wrong with it", async () => {
  using node = await listeningNode({ isDoorOpen: true });
  const reasons = (name: string) => reasonsOf(node, name);
  expect(await reasons("a workload's ID")).toEqual(["leaf leaf_kind"]);
  expect(await reasons("the ID of a third node")).toEqual(["issuer issuer_of_another_node"]);
  expect(await reasons("a node that no document names")).toEqual(["peer node_unknown"]);
  expect(await reasons("a banned issuer")).toEqual(["issuer key_banned"]);
  expect(await reasons("a banned leaf")).toEqual(["leaf key_banned"]);
  expect(await reasons("the other end's own identity")).toEqual(["peer node_unknown"]);
});

interface Impostor {
  port: number;
  visits: number;
  stop(): void;
}

/** A server that shows this and speaks HTTP/2 as soon as anybody is there; `null`: the runtime shows no such certificate. */
function impostor(shown: Shown): Impostor | null {
  const state: Impostor = { port: 0, visits: 0, stop: () => undefined };
  try {
    const listener = listen(shown, state);
    state.port = listener.port;
    state.stop = () => listener.stop(true);
    return state;
  } catch {
    return null;
  }
}

function listen(shown: Shown, state: Impostor): TCPSocketListener<undefined> {
  return Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...attackerTls(shown), requestCert: true } as never,
    socket: {
      open: () => void state.visits++,
      handshake: (socket) => void socket.write(emptySettings()),
      data: () => undefined,
      error: () => undefined,
    },
  });
}

const DIALERS: readonly (readonly [string, boolean])[] = [
  ["", false],
  [", also with the machine's clock in doubt", true],
];

test.each(DIALERS)(
  "a live dialer takes none of the wrong certificates for the node that it dials%s",
  async (_, isWallDoubted) => {
    const doors = { isDoorOpen: false, isWallDoubted };
    const up: string[] = [];
    let dialed = 0;
    for (const [name, shown] of WRONG) {
      const server = impostor(shown);
      if (server === null) continue;
      dialed++;
      using node = await listeningNode(doors);
      const places: TunnelPlace[] = [{ name: "till-1" }, { name: "till-2", hostname: "127.0.0.1", port: server.port }];
      node.serve(places, { hostname: "127.0.0.1", port: 0 });
      // The second visit comes only when the first one has failed.
      await until(() => server.visits >= 2 || node.tunnels.link("till-2") !== null, `two dials to ${name}`);
      if (node.tunnels.link("till-2") !== null || node.states.some(({ isUp }) => isUp)) up.push(name);
      server.stop();
    }
    expect(up).toEqual([]);
    expect(dialed).toBeGreaterThan(30);
    using node = await listeningNode(doors);
    const server = impostor(RIGHT)!;
    node.serve([{ name: "till-1" }, { name: "till-2", hostname: "127.0.0.1", port: server.port }]);
    await node.up("till-2");
    server.stop();
  },
  20_000,
);
