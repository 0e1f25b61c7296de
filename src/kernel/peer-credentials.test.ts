import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { peerCredentials } from "./peer-credentials.ts";
import { fdOf } from "./socket-fd.ts";

test("both ends of a unix socket are told who the other one is", async () => {
  const directory = mkdtempSync(join(tmpdir(), "selvedge-unix-"));
  const opened = Promise.withResolvers<Socket<undefined>>();
  const unix = join(directory, "socket");
  const listener = Bun.listen<undefined>({ unix, socket: { open: opened.resolve, data() {} } });
  const client = await Bun.connect<undefined>({ unix, socket: { data() {} } });
  const us = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() };
  expect(peerCredentials(fdOf(await opened.promise))).toEqual(us);
  expect(peerCredentials(fdOf(client))).toEqual(us);
  client.terminate();
  listener.stop(true);
  rmSync(directory, { recursive: true });
});

test("a TCP socket, a file and a closed descriptor have no credentials", async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const client = await Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket: { data() {} } });
  expect(peerCredentials(fdOf(client))).toBeNull();
  expect(peerCredentials(0)).toBeNull();
  expect(peerCredentials(-1)).toBeNull();
  client.terminate();
  listener.stop(true);
});
