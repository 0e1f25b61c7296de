import { ConnectingSocket } from "../../kernel/connecting-socket.ts";
import type { HeldKeys } from "./keys.ts";
import { TLS_HANDLERS, TlsConnection, type TlsOwner, wordOf } from "./tls-connection.ts";
import type { TunnelTlsOptions } from "./tls-options.ts";

/** Begins a connection to a node's tunnel; all that becomes of it is told to `owner`. */
export function dial(
  owner: TlsOwner,
  hostname: string,
  port: number,
  own: HeldKeys,
  tls: TunnelTlsOptions,
  timeoutMs: number,
): TlsConnection {
  const connection = new TlsConnection(owner, own, timeoutMs);
  connection.connecting = ConnectingSocket.begin(() => {
    Bun.connect<TlsConnection>({ hostname, port, tls: tls as never, socket: TLS_HANDLERS, data: connection })
      // Refused before there was a socket.
      .catch((error: unknown) => connection.closed(`connect_${wordOf(error).toLowerCase()}`));
  });
  // The runtime has taken its copy by now.
  tls.key.fill(0);
  return connection;
}
