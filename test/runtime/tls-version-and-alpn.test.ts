import { afterEach, expect, test } from "bun:test";
import { attempt, clientOptions, listenTls, makePki, serverOptions, type TlsOptions } from "../support/tls.ts";

const pki = makePki();
const TLS_1_2 = 771;
const H2 = Buffer.from("\x02h2");
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A server that answers with what it negotiated. */
function serve(more: TlsOptions): number {
  const listener = listenTls(serverOptions(pki, more), {
    data: (socket) => void socket.write(`${socket.getTLSVersion()} ${socket.alpnProtocol}`),
  });
  stops.push(() => listener.stop(true));
  return listener.port;
}

test("minVersion as the number 772 refuses TLS 1.2, on either side, and serves TLS 1.3", async () => {
  const strict = serve({});
  const lenient = serve({ minVersion: undefined });
  const old = { maxVersion: TLS_1_2, minVersion: undefined };
  expect((await attempt(strict, clientOptions(pki, old))).heard).toBe("");
  expect((await attempt(strict, clientOptions(pki))).heard).toBe("TLSv1.3 false");
  // The control: without minVersion the same client is served.
  expect((await attempt(lenient, clientOptions(pki, old))).heard).toBe("TLSv1.2 false");
  expect((await attempt(serve({ minVersion: undefined, maxVersion: TLS_1_2 }), clientOptions(pki))).heard).toBe("");
});

test("minVersion as text throws instead of being ignored", () => {
  expect(() => serve({ minVersion: "TLSv1.3" })).toThrow("minVersion");
});

test("secureProtocol is ignored, so it must not be relied on", async () => {
  const port = serve({ minVersion: undefined, secureProtocol: "TLSv1_3_method" });
  expect((await attempt(port, clientOptions(pki, { maxVersion: TLS_1_2, minVersion: undefined }))).heard).toBe(
    "TLSv1.2 false",
  );
});

test("ALPN as wire bytes negotiates h2; as plain text it negotiates nothing", async () => {
  const port = serve({ ALPNProtocols: H2 });
  expect((await attempt(port, clientOptions(pki, { ALPNProtocols: H2 }))).heard).toBe("TLSv1.3 h2");
  expect((await attempt(port, clientOptions(pki, { ALPNProtocols: "h2" }))).heard).toBe("TLSv1.3 false");
});

test("a client that offers another protocol fails the handshake, one that offers none does not: the listener must look", async () => {
  const port = serve({ ALPNProtocols: H2 });
  expect((await attempt(port, clientOptions(pki, { ALPNProtocols: Buffer.from("\x03foo") }))).heard).toBe("");
  expect((await attempt(port, clientOptions(pki))).heard).toBe("TLSv1.3 false");
});
