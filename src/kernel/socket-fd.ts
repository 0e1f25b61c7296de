/** What Bun's sockets can do with descriptors, which its type declarations leave out. Runtime contract tests hold it. */

import type { Socket, SocketHandler } from "bun";

/** The socket's descriptor, still owned by the socket; -1 once it is closed. */
export function fdOf(socket: object): number {
  const fd: unknown = "fd" in socket ? socket.fd : undefined;
  return typeof fd === "number" ? fd : -1;
}

/** Makes a socket of a connected stream descriptor, which the socket then owns and closes. Rejects where that fails. */
export function adoptSocket<Data>(fd: number, handlers: SocketHandler<Data>, data: Data): Promise<Socket<Data>> {
  const options: { fd: number; socket: SocketHandler<Data>; data: Data } = { fd, socket: handlers, data };
  // The runtime takes `fd` in place of an address, but has no overload for it.
  return Bun.connect<Data>(options as unknown as Parameters<typeof Bun.connect<Data>>[0]);
}
