/** Opens connections, says hello on each, waits for the answer and closes. Argument: {port, count, tls}. */

import type { Socket } from "bun";
import type { TlsOptions } from "./tls.ts";

const CONCURRENT = 32;
const argument = JSON.parse(process.argv[2]!) as { port: number; count: number; tls: TlsOptions | null };
let left = argument.count;

function visit(): Promise<void> {
  const done = Promise.withResolvers<void>();
  const hello = (socket: Socket<undefined>) => void socket.write("hello");
  void Bun.connect<undefined>({
    hostname: "127.0.0.1",
    port: argument.port,
    ...(argument.tls === null ? {} : { tls: argument.tls as never }),
    socket: {
      ...(argument.tls === null ? { open: hello } : { handshake: hello }),
      data: (socket) => void socket.end(),
      close: () => done.resolve(),
      error() {},
      connectError: (_, error) => done.reject(error),
    },
  });
  return done.promise;
}

async function visitAll(): Promise<void> {
  while (left-- > 0) await visit();
}

await Promise.all(Array.from({ length: CONCURRENT }, visitAll));
