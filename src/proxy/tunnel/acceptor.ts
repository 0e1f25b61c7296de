import type { Socket, TCPSocketListener } from "bun";
import type { HeldKeys } from "./keys.ts";
import { HANDSHAKE_TIMEOUT_MS } from "./limits.ts";
import { TLS_HANDLERS, TlsConnection, type TlsOwner } from "./tls-connection.ts";
import type { TunnelTlsOptions } from "./tls-options.ts";

/** What became of opening it. */
export type AcceptorOutcome =
  | { readonly port: number }
  | { readonly port: 0; readonly errno: number; readonly message: string };

/**
 * The sockets that accept tunnels: one, and for a moment two while certificate or roots are replaced. The runtime cannot swap
 * them and keep ALPN on a live socket, so another one is opened on the same port first.
 */
export class Acceptor {
  readonly #owner: TlsOwner;
  #socket: TCPSocketListener<TlsConnection> | null = null;
  #hostname = "";
  #askedPort = 0;

  constructor(owner: TlsOwner) {
    this.#owner = owner;
  }

  /** 0 while it is not open. */
  get port(): number {
    return this.#socket?.port ?? 0;
  }

  /**
   * Opens it there with these options, in place of what is open. Where that fails what was open there stays; what was open
   * elsewhere is closed. Connections live on.
   */
  open(hostname: string, port: number, own: HeldKeys, tls: TunnelTlsOptions): AcceptorOutcome {
    const isSamePlace = this.#socket !== null && this.#hostname === hostname && this.#askedPort === port;
    if (!isSamePlace) this.close();
    try {
      const next = this.#listen(hostname, isSamePlace ? this.port : port, own, tls);
      this.#socket?.stop();
      this.#socket = next;
      this.#hostname = hostname;
      this.#askedPort = port;
      return { port: next.port };
    } catch (error) {
      const errno = error instanceof Error && "errno" in error ? Math.abs(Number(error.errno)) || 1 : 1;
      return { port: 0, errno, message: error instanceof Error ? error.message : String(error) };
    } finally {
      tls.key.fill(0);
    }
  }

  /** Accepts nothing more. */
  close(): void {
    this.#socket?.stop();
    this.#socket = null;
  }

  #listen(hostname: string, port: number, own: HeldKeys, tls: TunnelTlsOptions): TCPSocketListener<TlsConnection> {
    const owner = this.#owner;
    const options = {
      hostname,
      port,
      // Missing from the runtime's types; a runtime contract test holds it.
      reusePort: true,
      tls: tls as never,
      socket: {
        ...TLS_HANDLERS,
        open: (accepted: Socket<TlsConnection>) => {
          const connection = new TlsConnection(owner, own, HANDSHAKE_TIMEOUT_MS);
          accepted.data = connection;
          connection.opened(accepted);
        },
      },
    };
    return Bun.listen<TlsConnection>(options);
  }
}
