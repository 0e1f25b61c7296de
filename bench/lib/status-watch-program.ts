/**
 * Asks for the same thing again and again on one connection, without a pause, and prints a line of JSON whenever the status
 * changes: `{"status":503,"atMs":…}`, the time as milliseconds since the epoch, with fractions. Argument: JSON of `StatusWatch`.
 * Ends when its standard input does.
 */
export interface StatusWatch {
  readonly port: number;
  readonly host: string;
  readonly path: string;
}

async function main(watch: StatusWatch): Promise<void> {
  const request = `GET ${watch.path} HTTP/1.1\r\nHost: ${watch.host}\r\n\r\n`;
  let last = 0;
  const connect = () =>
    Bun.connect({
      hostname: "127.0.0.1",
      port: watch.port,
      socket: {
        open(socket) {
          socket.write(request);
        },
        data(socket, chunk) {
          // Every answer here is small and comes in one piece.
          const status = Number(chunk.subarray(9, 12).toString());
          if (status !== last)
            console.log(JSON.stringify({ status, atMs: performance.timeOrigin + performance.now() }));
          last = status;
          socket.write(request);
        },
        close() {
          void connect();
        },
      },
    });
  await connect();
  for await (const _ of Bun.stdin.stream());
}

await main(JSON.parse(process.argv[2] as string) as StatusWatch);
process.exit(0);
