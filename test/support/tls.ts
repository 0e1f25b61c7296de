/** TLS sockets of the runtime with the options and methods that its type declarations leave out or get wrong. */

import type { Socket, SocketHandler, TCPSocketListener } from "bun";
import { type Certified, certify } from "./certificates.ts";

/** What the product passes; a plain record, because that is the point of some of the tests. */
export type TlsOptions = Readonly<Record<string, unknown>>;

/** The chain as `getPeerCertificate(false)` tells it. */
export interface PeerChain {
  readonly raw: Uint8Array;
  readonly issuerCertificate?: PeerChain;
}

export function chainOf(socket: Socket<undefined>): PeerChain {
  return (socket as unknown as { getPeerCertificate(abbreviated: boolean): PeerChain }).getPeerCertificate(false);
}

export function exporterOf(socket: Socket<undefined>, label: string, context: Uint8Array): Buffer {
  const exporting = socket as unknown as {
    exportKeyingMaterial(length: number, label: string, context: Uint8Array): Buffer;
  };
  return exporting.exportKeyingMaterial(32, label, context);
}

/** `context`: what `tls.createSecureContext({cert, key, ca}).context` is. */
export function setKeyCert(socket: Socket<undefined>, context: object): void {
  (socket as unknown as { setKeyCert(context: object): void }).setKeyCert(context);
}

export interface Pki {
  readonly ca: Certified;
  readonly server: Certified;
  readonly client: Certified;
}

/** A root, a server for `localhost` and a client. */
export function makePki(): Pki {
  const ca = certify({ subject: "root", isCa: true });
  return {
    ca,
    server: certify({ subject: "server", dnsNames: ["localhost"] }, ca),
    client: certify({ subject: "client", uris: ["spiffe://site.example/ns/prod/sa/web"] }, ca),
  };
}

/** What the product's tunnel listener asks for. */
export function serverOptions({ ca, server }: Pki, more: TlsOptions = {}): TlsOptions {
  return {
    cert: server.certPem,
    key: server.keyPem,
    ca: ca.certPem,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 772,
    ...more,
  };
}

export function clientOptions({ ca, client }: Pki, more: TlsOptions = {}): TlsOptions {
  return {
    cert: client.certPem,
    key: client.keyPem,
    ca: ca.certPem,
    serverName: "localhost",
    minVersion: 772,
    ...more,
  };
}

type Handlers = Partial<SocketHandler<undefined>>;

export function listenTls(options: TlsOptions, handlers: Handlers): TCPSocketListener<undefined> {
  const socket = { data() {}, close() {}, error() {}, ...handlers } as SocketHandler<undefined>;
  return Bun.listen<undefined>({ hostname: "127.0.0.1", port: 0, tls: options as never, socket });
}

/** The end of an attempt: what was heard, and what the handshake said. */
export interface Attempt {
  /** Bytes of the other side, as text. */
  readonly heard: string;
  readonly handshake: { readonly ok: boolean; readonly error: string | null } | null;
}

/**
 * Connects, sends `hello` when its own handshake is done, and answers when it heard something or the connection is closed.
 * `onHandshake` runs within the handshake callback.
 */
export async function attempt(
  port: number,
  options: TlsOptions,
  onHandshake?: (socket: Socket<undefined>) => void,
  handlers: Handlers = {},
): Promise<Attempt> {
  const done = Promise.withResolvers<string>();
  let handshake: Attempt["handshake"] = null;
  let opened: Socket<undefined> | undefined;
  const socket = {
    ...handlers,
    handshake(self: Socket<undefined>, ok: boolean, error: (Error & { code?: string }) | null) {
      handshake = { ok, error: error?.code ?? error?.message ?? null };
      onHandshake?.(self);
      if (ok) self.write("hello");
    },
    data: (_: Socket<undefined>, chunk: Buffer) => done.resolve(chunk.toString("latin1")),
    close: () => done.resolve(""),
    error() {},
    connectError: () => done.resolve(""),
  } as SocketHandler<undefined>;
  try {
    opened = await Bun.connect<undefined>({ hostname: "127.0.0.1", port, tls: options as never, socket });
  } catch {
    done.resolve("");
  }
  const heard = await done.promise;
  opened?.terminate();
  return { heard, handshake };
}
