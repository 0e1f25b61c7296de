import type { Socket, TCPSocketListener } from "bun";
import type { ListenerRecord } from "../../model/snapshot.ts";
import { Connection, type ConnectionHost, DOWNSTREAM_HANDLERS } from "../downstream/connection.ts";
import type { Entrance } from "../downstream/entrance.ts";

/** What became of a listener. */
export interface ListenerOutcome {
  readonly key: string;
  /** 0 = it could not be opened. */
  readonly port: number;
  readonly errno: number;
  readonly message: string;
}

interface OpenListener {
  readonly entrance: Entrance;
  readonly socket: TCPSocketListener<Connection>;
}

/** The sockets that are listened on: those of the served snapshot, opened and closed as it changes. */
export class Listeners {
  readonly #open = new Map<string, OpenListener>();
  readonly #failed = new Map<string, ListenerRecord>();
  readonly #host: ConnectionHost;

  constructor(host: ConnectionHost) {
    this.#host = host;
  }

  /** Opens what is new, closes what is gone, and answers what became of each new one. Connections live on. */
  update(records: Iterable<ListenerRecord>): ListenerOutcome[] {
    const wanted = new Map<string, ListenerRecord>();
    for (const record of records) if (isOpenedHere(record)) wanted.set(record.key, record);
    for (const [key, listener] of this.#open) {
      if (wanted.has(key)) continue;
      this.#open.delete(key);
      listener.socket.stop();
    }
    this.#failed.clear();
    const outcomes: ListenerOutcome[] = [];
    for (const record of wanted.values()) {
      const known = this.#open.get(record.key);
      if (known) known.entrance.record = record;
      else outcomes.push(this.#listen(record));
    }
    return outcomes;
  }

  /**
   * Tries those that could not be opened once more, and answers the ones that now are: an address may come to the machine after
   * the mesh does, as a port may become free. Call every second or so; costs nothing where all are open.
   */
  retry(): ListenerOutcome[] {
    const failed = [...this.#failed.values()];
    return failed.map((record) => this.#listen(record)).filter(({ port }) => port > 0);
  }

  /** Accepts nothing more. */
  stop(): void {
    this.#failed.clear();
    for (const listener of this.#open.values()) listener.socket.stop();
    this.#open.clear();
  }

  #listen(record: ListenerRecord): ListenerOutcome {
    const entrance: Entrance = { record, port: record.port };
    const host = this.#host;
    try {
      const options = {
        hostname: record.hostname,
        port: record.port,
        // Missing from the runtime's types; a runtime contract test holds it.
        reusePort: true,
        allowHalfOpen: true,
        socket: {
          ...DOWNSTREAM_HANDLERS,
          open: (accepted: Socket<Connection>) => {
            const connection = new Connection(entrance, host);
            accepted.data = connection;
            connection.opened(accepted);
          },
        },
      };
      const socket = Bun.listen<Connection>(options);
      entrance.port = socket.port;
      this.#open.set(record.key, { entrance, socket });
      this.#failed.delete(record.key);
      return { key: record.key, port: socket.port, errno: 0, message: "" };
    } catch (error) {
      this.#failed.set(record.key, record);
      const errno = error instanceof Error && "errno" in error ? Math.abs(Number(error.errno)) || 1 : 1;
      const message = error instanceof Error ? error.message : String(error);
      return { key: record.key, port: 0, errno, message };
    }
  }
}

/** A tunnel is TLS with listeners of its own: opened here it would take plaintext. Addresses of other nodes are not ours. */
function isOpenedHere({ role, node }: ListenerRecord): boolean {
  return role !== "tunnel" && node === undefined;
}
