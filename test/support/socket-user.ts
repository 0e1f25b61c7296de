/**
 * A program that owns sockets, for tests of who is asked about them. Told line by line what to do; answers one JSON line each:
 * `connect HOST PORT`, `listen HOST`, `close`, `shutdown`, `reset`, `hand-over` (a child inherits the socket, we let go of it).
 */

import { fstatSync } from "node:fs";
import type { Socket } from "bun";
import { fdOf } from "../../src/kernel/socket-fd.ts";

let socket: Socket<undefined> | undefined;
const quiet = { data() {}, end() {}, close() {}, error() {} };

function say(value: Readonly<Record<string, number>>): void {
  console.log(JSON.stringify({ pid: process.pid, ...value }));
}

async function act(words: readonly string[]): Promise<void> {
  const [verb, host = "", port = "0"] = words;
  switch (verb) {
    case "connect":
      socket = await Bun.connect<undefined>({ hostname: host, port: Number(port), socket: quiet, allowHalfOpen: true });
      return say({ port: socket.localPort, inode: fstatSync(fdOf(socket)).ino });
    case "listen": {
      const listener = Bun.listen<undefined>({
        hostname: host,
        port: Number(port),
        socket: { ...quiet, open: (accepted) => say({ inode: fstatSync(fdOf(accepted)).ino }) },
      });
      return say({ port: listener.port });
    }
    case "close":
      socket?.end();
      return say({});
    case "shutdown":
      socket?.shutdown();
      return say({});
    case "reset":
      socket?.terminate();
      return say({});
    case "hand-over": {
      if (socket === undefined) throw new Error("nothing to hand over");
      const child = Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "inherit", fdOf(socket)] });
      return say({ child: child.pid });
    }
    default:
      throw new Error(`cannot ${verb}`);
  }
}

for await (const line of console) if (line !== "") await act(line.split(" "));
// Whoever told us what to do is gone.
process.exit(0);
