/** Somebody on the network stands at the tunnel's port from many addresses and says nothing, while a machine wants to join. */
import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { JOIN_ALPN } from "../../src/identity/join-protocol.ts";
import { HANDSHAKES_MAX, HANDSHAKES_PER_ADDRESS_MAX, HANDSHAKES_RESERVED } from "../../src/proxy/tunnel/limits.ts";
import { TunnelIdentities } from "../support/tunnel-identities.ts";
import { TunnelNode } from "../support/tunnel-node.ts";
import { until } from "../support/until.ts";

function standing(port: number, localAddress: string): Socket {
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  socket.on("error", () => undefined);
  return socket;
}

/** Whether the handshake of a machine without certificate ends, so that it could ask. */
function isHeard(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const tls = {
    rejectUnauthorized: false,
    minVersion: 772,
    ALPNProtocols: String.fromCharCode(JOIN_ALPN.length) + JOIN_ALPN,
  };
  void Bun.connect({
    hostname: "127.0.0.1",
    port,
    tls: tls as never,
    socket: {
      handshake: (socket) => {
        resolve(socket.alpnProtocol === JOIN_ALPN);
        socket.terminate();
      },
      data() {},
      close: () => resolve(false),
      error: () => resolve(false),
    },
  }).catch(() => resolve(false));
  return promise;
}

test("connections that only stand there keep no machine from joining, and take no place of the site's own nodes", async () => {
  using node = new TunnelNode(await TunnelIdentities.make("store-042.fleet.example", ["till-1"]), "till-1");
  node.trust();
  await node.issue();
  node.serve([{ name: "till-1" }, { name: "till-2", hostname: "127.0.0.2", port: 1 }], {
    hostname: "127.0.0.1",
    port: 0,
  });
  node.tunnels.setDoor(true);
  const { port } = node.tunnels;
  const addresses = Array.from({ length: 7 }, (_, at) => `127.0.0.${100 + at}`);
  const crowd = addresses.flatMap((address) =>
    Array.from({ length: HANDSHAKES_PER_ADDRESS_MAX }, () => standing(port, address)),
  );
  try {
    await until(() => node.tunnels.handshakes === HANDSHAKES_MAX - HANDSHAKES_RESERVED, "the crowd");
    expect(await isHeard(port)).toBe(true);
    crowd.push(...Array.from({ length: HANDSHAKES_PER_ADDRESS_MAX }, () => standing(port, "127.0.0.2")));
    await until(() => node.tunnels.handshakes > HANDSHAKES_MAX - HANDSHAKES_RESERVED, "the node's own");
    expect(await isHeard(port)).toBe(true);
  } finally {
    for (const socket of crowd) socket.destroy();
  }
});
