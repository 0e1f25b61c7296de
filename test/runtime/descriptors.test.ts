import { expect, test } from "bun:test";
import { fstatSync, readlinkSync } from "node:fs";
import { createRegion } from "../../src/kernel/shared-memory.ts";
import { adoptSocket, fdOf } from "../../src/kernel/socket-fd.ts";

const CHILD = `
  const fs = require("node:fs");
  const bytes = fs.fstatSync(4).size;
  Bun.connect({ fd: 3, socket: {
    open(socket) { socket.write("region of " + bytes); },
    data(socket, chunk) { socket.write("echo " + chunk); },
    close() { process.exit(7); },
  } });`;

test("a child gets a socket pair's other end and a raw descriptor at the numbers we chose, and connect({fd}) adopts both ends", async () => {
  const region = createRegion("contract", 12_288);
  const child = Bun.spawn([process.execPath, "-e", CHILD], {
    stdio: ["ignore", "ignore", "inherit", "socket-fd", region.fd],
    env: {},
  });
  const fd = child.stdio[3];
  if (typeof fd !== "number") throw new Error("no descriptor");
  const heard: string[] = [];
  const closed = Promise.withResolvers<void>();
  const handlers = {
    data(socket: { write(text: string): number; end(): void }, chunk: Buffer) {
      heard.push(chunk.toString());
      if (heard.length === 1) socket.write("hello");
      else socket.end();
    },
    close: () => closed.resolve(),
    error() {},
  };
  await adoptSocket(fd, handlers, null);
  await closed.promise;
  expect(heard).toEqual(["region of 12288", "echo hello"]);
  expect(await child.exited).toBe(7);
  // The raw descriptor stays ours.
  expect(fstatSync(region.fd).size).toBe(12_288);
  region.close();
});

test("a socket tells its descriptor, and none once it is closed", async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const closed = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: listener.port,
    socket: { data() {}, close: () => closed.resolve() },
  });
  expect(readlinkSync(`/proc/self/fd/${fdOf(socket)}`)).toStartWith("socket:");
  socket.terminate();
  await closed.promise;
  expect(fdOf(socket)).toBe(-1);
  listener.stop(true);
});

test("a child that nobody waits for outlives the one that started it", async () => {
  const starter = `const child = Bun.spawn(["sleep", "30"], { stdio: ["ignore", "ignore", "ignore"], detached: true });
    child.unref(); console.log(child.pid); process.kill(process.pid, "SIGKILL");`;
  const parent = Bun.spawn([process.execPath, "-e", starter], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = Number(await new Response(parent.stdout).text());
  await parent.exited;
  expect(pid).toBeGreaterThan(0);
  expect(process.kill(pid, 0)).toBe(true);
  process.kill(pid, "SIGKILL");
});
