import { expect, test } from "bun:test";
import type { TCPSocketListener } from "bun";

const CONNECTIONS = 64;

function listen(port: number, counts: number[], index: number, reusePort: boolean): TCPSocketListener<undefined> {
  const socket = {
    open: () => {
      counts[index] = (counts[index] ?? 0) + 1;
    },
    data() {},
  };
  // Not passed as a literal: `reusePort` is missing from the type declarations of `listen`.
  const options = { hostname: "127.0.0.1", port, socket, reusePort };
  return Bun.listen<undefined>(options);
}

async function connectMany(port: number): Promise<void> {
  const opened = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } })),
  );
  // One more round trip through the loop lets the listeners count the last ones.
  await new Promise((resolve) => setImmediate(resolve));
  for (const socket of opened) socket.terminate();
}

async function counted(counts: number[], total: number): Promise<void> {
  const deadlineMs = Date.now() + 5000;
  const sum = () => counts.reduce((left, right) => left + right, 0);
  while (sum() < total && Date.now() < deadlineMs) await new Promise((resolve) => setImmediate(resolve));
  expect(sum()).toBe(total);
}

test("two listeners with reusePort share a port, and one serves on when the other stops", async () => {
  const counts = [0, 0];
  const first = listen(0, counts, 0, true);
  const second = listen(first.port, counts, 1, true);
  await connectMany(first.port);
  await counted(counts, CONNECTIONS);
  expect(Math.min(...counts)).toBeGreaterThan(0);
  first.stop(true);
  const before = counts[0];
  await connectMany(second.port);
  await counted(counts, 2 * CONNECTIONS);
  expect(counts[0]).toBe(before);
  second.stop(true);
});

test("without reusePort a second listener is refused", () => {
  const first = listen(0, [0], 0, false);
  expect(() => listen(first.port, [0], 0, false)).toThrow();
  expect(() => listen(first.port, [0], 0, true)).toThrow();
  first.stop(true);
});
