/** What stops being a request: WebSockets by extended CONNECT (RFC 8441), TCP by CONNECT, and HTTP/1.1 inside of one. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { H2Client, readAnswer } from "../../support/h2-client.ts";
import { startH2Origin } from "../../support/h2-origin.ts";
import { headerOf, readRequest } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer } from "../../support/raw-peer.ts";
import { backendDocs, meshText, serviceDoc, tcpDocs, workloadDoc } from "../../support/test-mesh.ts";
import { startWorker } from "../../support/worker-harness.ts";

const accept = (key: string) =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

/** Takes a WebSocket by HTTP/1.1 and sends everything back, until the caller has ended. */
async function takeWebsocket(peer: RawPeer, accepted = accept): Promise<void> {
  const request = await readRequest(peer);
  const key = headerOf(request, "sec-websocket-key") ?? "";
  peer.send(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accepted(key)}\r\n\r\n`,
  );
  await echo(peer);
}

async function echo(peer: RawPeer): Promise<void> {
  while (!(peer.hasEnded && peer.received.length === 0)) {
    await peer.until(() => peer.received.length > 0 || peer.hasEnded);
    if (peer.received.length > 0) peer.send(await peer.read(peer.received.length));
  }
  peer.finish();
}

/** Opens a tunnel and answers its stream once the head of the answer is there. */
async function openTunnel(
  client: H2Client,
  headers: OutgoingHttpHeaders,
): Promise<{ stream: ClientHttp2Stream; head: IncomingHttpHeaders }> {
  const stream = client.session.request({ ":method": "CONNECT", ...headers }, { endStream: false });
  stream.on("error", () => undefined);
  const [head] = (await once(stream, "response")) as [IncomingHttpHeaders];
  return { stream, head };
}

async function settled(client: H2Client): Promise<void> {
  if (client.session.remoteSettings.enableConnectProtocol !== true) await once(client.session, "remoteSettings");
}

const WEBSOCKET = { ":protocol": "websocket", ":scheme": "http", ":path": "/chat", ":authority": "orders" };

describe("a WebSocket", () => {
  test("of a caller by HTTP/2 reaches an HTTP/1.1 endpoint, with a key that was made for it", async () => {
    using upstream = listenRaw((peer) => takeWebsocket(peer));
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    await settled(client);
    const { stream, head } = await openTunnel(client, { ...WEBSOCKET, "sec-websocket-version": "13" });
    expect(Number(head[":status"])).toBe(200);
    expect(head["sec-websocket-accept"]).toBeUndefined();
    stream.write("hello");
    expect(String(((await once(stream, "data")) as [Buffer])[0])).toBe("hello");
    const rest = readAnswer(stream);
    stream.end("bye");
    expect((await rest).body.toString()).toBe("bye");
  });

  test("is refused where the endpoint's accept does not answer the key", async () => {
    using upstream = listenRaw((peer) => takeWebsocket(peer, () => "bm90IHRoZSByaWdodCBvbmU="));
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    await settled(client);
    const { stream, head } = await openTunnel(client, WEBSOCKET);
    expect(Number(head[":status"])).toBe(502);
    expect(head["x-selvedge-reason"]).toBe("UPE");
    stream.close();
  });

  test("of a caller by HTTP/1.1 reaches an HTTP/2 endpoint, and is told the accept of its key", async () => {
    const seen: IncomingHttpHeaders[] = [];
    using upstream = await startH2Origin(
      (stream, headers) => {
        seen.push(headers);
        stream.respond({ ":status": 200 });
        stream.on("data", (part: Buffer) => stream.write(part));
        stream.on("end", () => stream.end());
      },
      { enableConnectProtocol: true },
    );
    await using worker = await startWorker(
      meshText({
        documents: [workloadDoc("orders", upstream.port), serviceDoc("orders", {}, 80, "kubernetes.io/h2c")],
      }),
    );
    const caller = await connectRaw({ port: worker.outbound });
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    caller.send(
      `GET /chat HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    const head = await caller.readThrough("\r\n\r\n");
    expect(head).toStartWith("HTTP/1.1 101 ");
    expect(head.toLowerCase()).toContain(`sec-websocket-accept: ${accept(key).toLowerCase()}\r\n`);
    caller.send("hello");
    expect((await caller.read(5)).toString()).toBe("hello");
    expect(seen[0]?.[":method"]).toBe("CONNECT");
    expect(seen[0]?.[":protocol"]).toBe("websocket");
    expect(seen[0]?.["sec-websocket-key"]).toBeUndefined();
    caller.destroy();
  });

  test("goes through HTTP/2 on both sides, and a reset of either ends both", async () => {
    const ended = Promise.withResolvers<number>();
    using upstream = await startH2Origin(
      (stream) => {
        stream.respond({ ":status": 200 });
        stream.on("data", (part: Buffer) => stream.write(part));
        stream.on("close", () => ended.resolve(stream.rstCode ?? 0));
      },
      { enableConnectProtocol: true },
    );
    await using worker = await startWorker(
      meshText({
        documents: [workloadDoc("orders", upstream.port), serviceDoc("orders", {}, 80, "kubernetes.io/h2c")],
      }),
    );
    await using client = await H2Client.open(worker.outbound);
    await settled(client);
    const { stream, head } = await openTunnel(client, WEBSOCKET);
    expect(Number(head[":status"])).toBe(200);
    stream.write("hello");
    expect(String(((await once(stream, "data")) as [Buffer])[0])).toBe("hello");
    stream.close(8);
    expect(await ended.promise).toBe(8);
  });

  test("is not asked of an HTTP/2 endpoint that does not offer it", async () => {
    using upstream = await startH2Origin((stream) => stream.respond({ ":status": 200 }));
    await using worker = await startWorker(
      meshText({
        documents: [workloadDoc("orders", upstream.port), serviceDoc("orders", {}, 80, "kubernetes.io/h2c")],
      }),
    );
    const caller = await connectRaw({ port: worker.outbound });
    caller.send(
      "GET / HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    expect(await caller.readThrough("\r\n\r\n")).toStartWith("HTTP/1.1 502 ");
    caller.destroy();
  });
});

describe("CONNECT on a stream", () => {
  test("carries TCP both ways, each with an end of its own", async () => {
    using database = listenRaw(async (peer) => {
      await peer.until(() => peer.hasEnded);
      peer.send(`got ${peer.received.length}`);
      peer.finish();
    });
    await using worker = await startWorker(meshText({ documents: tcpDocs("db", database.port) }));
    await using client = await H2Client.open(worker.outbound);
    const { stream, head } = await openTunnel(client, { ":authority": "db:5432" });
    expect(Number(head[":status"])).toBe(200);
    const answer = readAnswer(stream);
    stream.write("12345");
    stream.end("67890");
    expect((await answer).body.toString()).toBe("got 10");
  });

  test("is refused for what is not there, with an answer", async () => {
    await using worker = await startWorker(meshText({ documents: [] }));
    await using client = await H2Client.open(worker.outbound);
    const { head } = await openTunnel(client, { ":authority": "nobody.prod.svc.cluster.local:5432" });
    expect(Number(head[":status"])).toBe(404);
    const again = await client.ask({ ":authority": "nobody" });
    expect(again.status).toBe(404);
  });

  test("to a service that speaks HTTP holds HTTP/1.1, request by request", async () => {
    using upstream = listenRaw(async (peer) => {
      for (;;) {
        const request = await readRequest(peer);
        peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${request.line.length}\r\n\r\n${request.line}`);
      }
    });
    await using worker = await startWorker(meshText({ documents: backendDocs("orders", upstream.port) }));
    await using client = await H2Client.open(worker.outbound);
    const { stream, head } = await openTunnel(client, { ":authority": "orders:80" });
    expect(Number(head[":status"])).toBe(200);
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    for (const path of ["/1", "/2"]) {
      stream.write(`GET ${path} HTTP/1.1\r\nHost: orders\r\n\r\n`);
      while (!Buffer.concat(parts).toString().includes(`GET ${path} HTTP/1.1`)) await once(stream, "data");
    }
    expect(Buffer.concat(parts).toString()).toStartWith("HTTP/1.1 200 OK\r\n");
    stream.close();
  });
});
