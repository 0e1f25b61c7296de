import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { ConnectingSocket } from "./connecting-socket.ts";
import { blackHole } from "./raw-tcp.fixture.ts";

function sockets(): number {
  const isSocket = (fd: string): boolean => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      // The one that lists them.
      return false;
    }
  };
  return readdirSync("/proc/self/fd").filter(isSocket).length;
}

const quiet = { data: () => undefined };

for (const [what, more] of [
  ["plain", {}],
  ["TLS", { tls: { rejectUnauthorized: false } }],
] as const) {
  test(`a connection (${what}) that is on its way is given up at once: it fails, and its descriptor is free`, async () => {
    using hole = blackHole();
    const before = sockets();
    let failed: Promise<unknown> = Promise.resolve();
    const connecting = ConnectingSocket.begin(() => {
      failed = Bun.connect({ hostname: "127.0.0.1", port: hole.port, socket: quiet, ...more }).then(
        () => "connected",
        () => "failed",
      );
    });
    expect(sockets()).toBe(before + 1);
    expect(connecting?.giveUp()).toBe(true);
    expect(await failed).toBe("failed");
    expect(sockets()).toBe(before);
    expect(connecting?.giveUp()).toBe(false);
  });
}

test("one that was given up leaves whoever has its descriptor now alone", async () => {
  using hole = blackHole();
  const dial = () => {
    let ended: Promise<string> = Promise.resolve("");
    const connecting = ConnectingSocket.begin(() => {
      ended = Bun.connect({ hostname: "127.0.0.1", port: hole.port, socket: quiet }).then(
        () => "connected",
        () => "failed",
      );
    });
    return { connecting, ended };
  };
  const first = dial();
  first.connecting?.giveUp();
  expect(await first.ended).toBe("failed");
  const second = dial();
  expect(first.connecting?.giveUp()).toBe(false);
  expect(await Promise.race([second.ended, Bun.sleep(50).then(() => "under way")])).toBe("under way");
  second.connecting?.giveUp();
  expect(await second.ended).toBe("failed");
});

test("one that is established already is none to be given up", async () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: quiet });
  let connected: Promise<Bun.Socket> | undefined;
  const connecting = ConnectingSocket.begin(() => {
    connected = Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: quiet });
  });
  const socket = await connected;
  expect(connecting?.giveUp() ?? false).toBe(false);
  expect(socket?.write("x")).toBe(1);
  socket?.end();
});
