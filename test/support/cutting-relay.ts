import type { Socket } from "bun";

interface Side {
  readonly client: Socket<Side>;
  server: Socket<undefined> | undefined;
  readonly early: Buffer[];
  /** Times that the client has spoken. */
  turns: number;
  readonly isCut: boolean;
}

/**
 * Carries connections to another address, and loses the answer of the first one: whatever the server says after the client has
 * spoken a second time, which in TLS 1.3 is behind the handshake.
 */
export class CuttingRelay implements Disposable {
  readonly port: number;
  connections = 0;
  readonly #stop: () => void;

  constructor(hostname: string, port: number) {
    const listener = Bun.listen<Side>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (client) => {
          client.data = { client, server: undefined, early: [], turns: 0, isCut: this.connections++ === 0 };
          void connect(client.data, hostname, port);
        },
        data: (client, chunk) => {
          client.data.turns++;
          if (client.data.server === undefined) client.data.early.push(Buffer.from(chunk));
          else client.data.server.write(chunk);
        },
        close: (client) => client.data.server?.terminate(),
      },
    });
    this.port = listener.port;
    this.#stop = () => listener.stop(true);
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}

async function connect(side: Side, hostname: string, port: number): Promise<void> {
  side.server = await Bun.connect<undefined>({
    hostname,
    port,
    socket: {
      data: (server, chunk) => {
        if (!side.isCut || side.turns < 2) side.client.write(chunk);
        else {
          server.terminate();
          side.client.terminate();
        }
      },
      close: () => side.client.terminate(),
    },
  });
  for (const chunk of side.early.splice(0)) side.server.write(chunk);
}
