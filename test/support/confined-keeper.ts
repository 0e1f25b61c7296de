/**
 * A keeper of one confined worker, for tests: argument {program, directory, secret, ...options for spawnWorker}. Prints what the
 * worker says, after a first line with its pid and region.
 */

import { join } from "node:path";
import { createRegion } from "../../src/kernel/shared-memory.ts";
import { adoptSocket } from "../../src/kernel/socket-fd.ts";
import { spawnWorker, WORKER_STATS_FD } from "../../src/kernel/spawn-worker.ts";

interface Argument {
  readonly program: string;
  readonly directory: string;
  readonly secret: string;
  readonly readable: readonly string[];
  readonly bindLowPorts?: boolean;
}

const argument = JSON.parse(process.argv[2]!) as Argument;
const bytes = 65536;
const stats = createRegion("stats", bytes);
const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
const worker = spawnWorker({
  bun: process.execPath,
  program: argument.program,
  packageRoot: join(import.meta.dir, "../.."),
  stats,
  args: {
    secret: argument.secret,
    directory: argument.directory,
    keeperPid: process.pid,
    tcpPort: listener.port,
  },
  readable: argument.readable,
  forbidden: [argument.directory],
  bindLowPorts: argument.bindLowPorts ?? false,
  onExit: (exit) => {
    console.log(JSON.stringify({ exit }));
    process.exit(0);
  },
});
console.log(JSON.stringify({ pid: worker.pid, statsFd: WORKER_STATS_FD, bytes }));
await adoptSocket(
  worker.channelFd,
  { data: (_, chunk) => void process.stdout.write(chunk), close() {}, error() {} },
  null,
);
