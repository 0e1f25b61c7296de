/**
 * What our own code costs per forwarded request: the whole data path from the caller's bytes to the endpoint and back, over
 * sockets that take everything at once. No kernel, no runtime I/O: what is left is JavaScript.
 *
 * Run: sh scripts/with-bun.sh bench/micro/data-path.ts [seconds]
 */
import type { Socket } from "bun";
import { OWNER, SockDiag } from "../../src/kernel/sock-diag.ts";
import { Connection } from "../../src/proxy/downstream/connection.ts";
import type { EndpointAddress } from "../../src/proxy/upstream/endpoint.ts";
import type { SocketUpstream } from "../../src/proxy/upstream/socket-upstream.ts";
import { DataPath } from "../../src/proxy/worker/data-path.ts";
import { REGION_BYTES } from "../../src/telemetry/layout.ts";
import { StatsWriter } from "../../src/telemetry/stats-writer.ts";
import { compileYaml } from "../../test/support/worker-harness.ts";

const SECONDS = Number(process.argv[2] ?? 3);
const YAML = `
mesh: shop
services:
  web: { namespace: prod, run: "unix:uid:4242", calls: [orders] }
  orders: { namespace: prod, allow: [web], versions: { v1: { port: 9001, weight: 99 }, v2: { port: 9002, weight: 1 } } }
`;
const SMALL = "GET /api/orders HTTP/1.1\r\nHost: orders.prod\r\n\r\n";
const REAL = [
  "GET /api/orders/4711?expand=lines&limit=50 HTTP/1.1",
  "Host: orders.prod",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
  "Accept: application/json, text/plain, */*",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI0NzExIiwiaWF0IjoxNzAwMDAwMDAwfQ.c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWc",
  "Cookie: session=6f1c2b7a9d3e4f50; theme=dark; consent=1",
  "Cache-Control: no-cache",
  "Sec-Fetch-Dest: empty",
  "Sec-Fetch-Mode: cors",
  "Sec-Fetch-Site: same-origin",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "x-request-id: 5f0c4c5e-6c1a-4b6e-9d0d-0d6f0a3c9d2e",
  "Referer: https://shop.example/orders",
  "Connection: keep-alive",
  "",
  "",
].join("\r\n");
const RESPONSE = Buffer.from(
  `HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 100\r\nConnection: keep-alive\r\n\r\n${"0".repeat(100)}`,
);

/** Takes everything that is written, and counts it. */
class NullSocket {
  data: unknown;
  writes = 0;
  bytes = 0;
  localAddress = "127.0.0.1";
  localPort = 15001;
  remoteAddress = "127.0.0.1";
  remotePort = 50_000;
  fd = 3;
  write(_bytes: Uint8Array, _offset: number, length: number): number {
    this.writes++;
    this.bytes += length;
    return length;
  }
  pause(): void {}
  resume(): void {}
  terminate(): void {}
  shutdown(): void {}
  setNoDelay(): void {}
}

class LoneDiag extends SockDiag {
  override peerOf(): number {
    this.uid = 4242;
    return OWNER.FOUND;
  }
}

const upstreams: SocketUpstream[] = [];

class LoneDataPath extends DataPath {
  override connect(_endpoint: EndpointAddress, upstream: SocketUpstream): void {
    upstreams.push(upstream);
    upstream.opened(new NullSocket() as unknown as Socket<SocketUpstream>);
  }
}

function run(name: string, text: string): void {
  const tunnels = {
    tunnel: () => undefined,
    refused: () => undefined,
    listening: () => undefined,
    request: () => false,
  };
  const wire = { ask: () => false, metrics: { active: 0, begin: () => null }, endpoint: () => undefined, tunnels };
  const dataPath = new LoneDataPath(new StatsWriter(new Uint8Array(REGION_BYTES)), new LoneDiag(), wire, 100);
  dataPath.store.replace(1, new Map(compileYaml(YAML).map((record) => [record.key, record])));
  dataPath.commit();
  const listener = [...dataPath.store.all("listener")].find((record) => record.role === "outbound")!;
  const connection = new Connection({ record: listener, port: 15001 }, dataPath);
  const socket = new NullSocket();
  connection.opened(socket as unknown as Socket<Connection>);
  upstreams.length = 0;
  let requests = 0;
  const request = Buffer.from(text);
  const turn = (): void => {
    connection.received(request);
    for (const upstream of upstreams) if (upstream.owner) upstream.received(RESPONSE);
    requests++;
  };
  for (let i = 0; i < 50_000; i++) turn();
  requests = 0;
  const startedMs = performance.now();
  while (performance.now() - startedMs < SECONDS * 1000) for (let i = 0; i < 1000; i++) turn();
  const elapsedMs = performance.now() - startedMs;
  console.log(
    `${name.padEnd(6)} ${((elapsedMs * 1e6) / requests).toFixed(0)} ns per request (${requests} requests, ${socket.writes} writes)`,
  );
}

run("small", SMALL);
run("real", REAL);
process.exit(0);
