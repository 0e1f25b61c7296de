import { expect, test } from "bun:test";
import type { Socket } from "bun";
import { fdOf } from "./socket-fd.ts";
import { limitUnsentBytes } from "./unsent-bytes.ts";

/** How much the kernel takes for a peer that reads nothing. @param limit 0: as it is. */
async function takenOf(limit: number): Promise<number> {
  const quiet = { data: () => undefined };
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { ...quiet, open: (accepted: Socket) => void accepted.pause() },
  });
  const socket = await Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: quiet });
  if (limit > 0) expect(limitUnsentBytes(fdOf(socket), limit)).toBe(true);
  const piece = Buffer.alloc(64 * 1024);
  let taken = 0;
  for (let quietTurns = 0; quietTurns < 20; quietTurns++) {
    for (let sent = socket.write(piece); sent > 0; sent = socket.write(piece)) {
      taken += sent;
      quietTurns = 0;
    }
    await Bun.sleep(5);
  }
  socket.terminate();
  return taken;
}

test("the kernel takes little of a socket whose peer does not read", async () => {
  const usual = await takenOf(0);
  const limited = await takenOf(128 * 1024);
  expect(limited).toBeLessThan(usual / 2);
});

test("what is no TCP socket is not limited", () => {
  expect(limitUnsentBytes(-1, 1)).toBe(false);
});
