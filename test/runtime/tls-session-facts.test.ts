import { afterEach, expect, test } from "bun:test";
import { constants } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { Socket } from "bun";
import { certify } from "../support/certificates.ts";
import {
  attempt,
  chainOf,
  clientOptions,
  exporterOf,
  listenTls,
  makePki,
  type Pki,
  serverOptions,
  setKeyCert,
} from "../support/tls.ts";
import { visit } from "../support/tls-visit.ts";

const pki = makePki();
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** As the product would make it for a renewed certificate. */
function contextOf({ ca, server }: Pki): object {
  const secure: { context?: object } = createSecureContext({
    cert: server.certPem,
    key: server.keyPem,
    ca: ca.certPem,
  });
  if (secure.context === undefined) throw new Error("a secure context without its inner one");
  return secure.context;
}

function serve(of: Pki, handlers: Parameters<typeof listenTls>[1]): number {
  const listener = listenTls(serverOptions(of), { data: (socket) => void socket.write("served"), ...handlers });
  stops.push(() => listener.stop(true));
  return listener.port;
}

test("exported keying material is equal on both ends, available in the handshake callback, and bound to label and context", async () => {
  const label = "EXPORTER-selvedge-test";
  const context = Buffer.from("context");
  const server = Promise.withResolvers<Buffer>();
  const port = serve(pki, { handshake: (socket) => server.resolve(exporterOf(socket, label, context)) });
  const client: Buffer[] = [];
  const collect = (socket: Socket<undefined>) => {
    client.push(exporterOf(socket, label, context), exporterOf(socket, `${label}2`, context));
    client.push(exporterOf(socket, label, Buffer.from("other")));
  };
  await attempt(port, clientOptions(pki), collect);
  expect(client[0]!.length).toBe(32);
  expect(client[0]!.equals(await server.promise)).toBe(true);
  expect(new Set(client.map((bytes) => bytes.toString("hex"))).size).toBe(3);
  await attempt(port, clientOptions(pki), collect);
  expect(client[3]!.equals(client[0]!)).toBe(false);
});

test("the peer's chain is readable in the handshake callback, byte by byte, up to the root", async () => {
  const seen = Promise.withResolvers<{ leaf: Uint8Array; root: Uint8Array | undefined }>();
  const port = serve(pki, {
    handshake(socket) {
      const chain = chainOf(socket);
      seen.resolve({ leaf: chain.raw, root: chain.issuerCertificate?.raw });
    },
  });
  await attempt(port, clientOptions(pki));
  const { leaf, root } = await seen.promise;
  expect(Buffer.from(leaf).equals(pki.client.der)).toBe(true);
  expect(Buffer.from(root!).equals(pki.ca.der)).toBe(true);
});

test("a chain with an intermediate that the client sends is readable leaf first", async () => {
  const issuer = certify({ subject: "node issuer", isCa: true }, pki.ca);
  const leaf = certify({ subject: "client", uris: ["spiffe://site.example/ns/prod/sa/web"] }, issuer);
  const seen = Promise.withResolvers<Uint8Array[]>();
  const port = serve(pki, {
    handshake(socket) {
      const chain = chainOf(socket);
      seen.resolve([chain.raw, chain.issuerCertificate?.raw ?? new Uint8Array()]);
    },
  });
  const sent = `${leaf.certPem}${issuer.certPem}`;
  expect((await attempt(port, clientOptions(pki, { cert: sent, key: leaf.keyPem }))).heard).toBe("served");
  const [first, second] = await seen.promise;
  expect(Buffer.from(first!).equals(leaf.der)).toBe(true);
  expect(Buffer.from(second!).equals(issuer.der)).toBe(true);
});

test("a live listener swaps certificate and trust store in open, and keeps requiring certificates and TLS 1.3", async () => {
  const old = pki;
  const next = makePki();
  let context: object | null = null;
  const listener = listenTls(serverOptions(old, { secureOptions: constants.SSL_OP_NO_TICKET }), {
    open(socket) {
      if (context !== null) setKeyCert(socket, context);
    },
    // Without this callback the runtime closes every connection that was swapped, good ones too.
    handshake() {},
    data: (socket) => void socket.write(`${socket.authorized} ${socket.getTLSVersion()}`),
  });
  stops.push(() => listener.stop(true));
  const presented: Uint8Array[] = [];
  const note = (socket: Socket<undefined>) => void presented.push(chainOf(socket).raw);
  const as = (of: Pki, trusting: Pki) => ({ ...clientOptions(of), ca: trusting.ca.certPem });

  expect((await attempt(listener.port, as(old, old), note)).heard).toBe("true TLSv1.3");
  context = contextOf(next);
  expect((await attempt(listener.port, as(next, next), note)).heard).toBe("true TLSv1.3");
  expect(Buffer.from(presented[0]!).equals(old.server.der)).toBe(true);
  expect(Buffer.from(presented[1]!).equals(next.server.der)).toBe(true);

  expect((await attempt(listener.port, as(old, next))).heard).toBe("");
  expect((await attempt(listener.port, { ...as(next, next), cert: undefined, key: undefined })).heard).toBe("");
  const tls12 = { ...as(next, next), minVersion: undefined, maxVersion: 771 };
  expect((await attempt(listener.port, tls12)).heard).toBe("");
  expect((await visit(listener.port, as(next, next))).tickets).toEqual([]);
});

test("a swap loses the listener's ALPN: a listener that needs it is opened anew beside the old one instead", async () => {
  const ALPNProtocols = Buffer.from("\x02h2");
  const next = makePki();
  const swapped = listenTls(serverOptions(pki, { ALPNProtocols }), {
    open: (socket) => setKeyCert(socket, contextOf(next)),
    handshake() {},
    data: (socket) => void socket.write(String(socket.alpnProtocol)),
  });
  stops.push(() => swapped.stop(true));
  expect((await attempt(swapped.port, clientOptions(next, { ALPNProtocols }))).heard).toBe("false");
});

test("listener.reload keeps the old certificate, so it must not be relied on for renewal", async () => {
  const next = makePki();
  const handlers = { data: (socket: Socket<undefined>) => void socket.write("served") };
  const listener = listenTls(serverOptions(pki), handlers);
  stops.push(() => listener.stop(true));
  const reload = listener.reload as unknown as (options: object) => void;
  reload.call(listener, { socket: handlers, tls: serverOptions(next) });
  let presented: Uint8Array | undefined;
  await attempt(listener.port, clientOptions(pki), (socket) => {
    presented = chainOf(socket).raw;
  });
  expect(Buffer.from(presented!).equals(pki.server.der)).toBe(true);
});
