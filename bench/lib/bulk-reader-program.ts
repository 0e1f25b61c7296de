/**
 * Opens connections that each ask for a large body. Argument: JSON of `BulkRead`. With `stallAfterBytes` every reader stops
 * reading there and keeps its connection; prints `stalled` when all have, and stays until stdin ends. Without it they
 * read to the end; prints the bytes read.
 */
import type { Socket } from "bun";

export interface BulkRead {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly readers: number;
  readonly stallAfterBytes?: number;
}

async function main(read: BulkRead): Promise<void> {
  const request = `GET ${read.path} HTTP/1.1\r\nHost: ${read.host}\r\nConnection: close\r\n\r\n`;
  let open = read.readers;
  let stalled = 0;
  let bytes = 0;
  const sockets: Socket<{ seen: number }>[] = [];
  await new Promise<void>((resolve) => {
    for (let i = 0; i < read.readers; i++)
      void Bun.connect<{ seen: number }>({
        hostname: "127.0.0.1",
        port: read.port,
        data: { seen: 0 },
        socket: {
          open(socket) {
            sockets.push(socket);
            socket.write(request);
          },
          data(socket, chunk) {
            bytes += chunk.length;
            socket.data.seen += chunk.length;
            if (read.stallAfterBytes === undefined || socket.data.seen < read.stallAfterBytes) return;
            socket.pause();
            if (++stalled === read.readers) resolve();
          },
          close() {
            if (--open === 0) resolve();
          },
        },
      });
  });
  console.log(read.stallAfterBytes === undefined ? String(bytes) : stalled === read.readers ? "stalled" : "failed");
  if (read.stallAfterBytes !== undefined) for await (const _ of Bun.stdin.stream());
  for (const socket of sockets) socket.terminate();
}

await main(JSON.parse(process.argv[2] as string) as BulkRead);
process.exit(0);
