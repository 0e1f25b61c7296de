/** An endpoint that answers late gets no stream that the documents have taken back in the meantime. */
import { expect, test } from "bun:test";
import { InProcessMesh } from "../support/in-process-mesh.ts";
import { connectRaw, listenRaw } from "../support/raw-peer.ts";
import { backendDocs, policyDoc } from "../support/test-mesh.ts";
import { until } from "../support/until.ts";

const UPGRADE = [
  "GET /ws HTTP/1.1",
  "Host: orders",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "",
  "",
].join("\r\n");
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

for (const [what, isDenied] of [
  ["a new policy that denies it", true],
  ["nothing new but a generation", false],
] as const) {
  test(`a 101 after ${what} ${isDenied ? "ends the connection" : "opens the stream"}`, async () => {
    using orders = listenRaw();
    const documents = backendDocs("orders", orders.port);
    const denied = policyDoc("deny", "orders", "DENY", [{}]);
    using node = new InProcessMesh();
    const peer = await connectRaw({ port: node.serve({ documents }) });
    peer.send(UPGRADE);
    const endpoint = await until(() => orders.peers[0], "the request to arrive");
    await endpoint.readThrough("\r\n\r\n");
    node.serve({ documents: isDenied ? [...documents, denied] : documents });
    endpoint.send(`${SWITCH}secret`);
    const read = peer.readThrough("secret").then(
      () => "open",
      () => "cut",
    );
    expect(await read).toBe(isDenied ? "cut" : "open");
    peer.destroy();
  });
}
