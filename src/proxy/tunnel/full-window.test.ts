import { expect, test } from "bun:test";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { twoNodes } from "../../../test/support/tunnel-node.ts";
import { AnsweringStreams, ask } from "../../../test/support/tunnel-requests.ts";
import { until } from "../../../test/support/until.ts";
import { CONNECTION_WINDOW_BYTES_DEFAULT } from "../../wire/http2/limits.ts";
import type { LinkStream, StreamOwner } from "../http2/link-stream.ts";
import { AS_LINE } from "./control-request.ts";
import { NO_HANDLE } from "./sent-proofs.ts";
import type { StreamTunnel } from "./stream-handler.ts";

const WEB = "workload/prod/web";
const BULK = "workload/prod/bulk";

/** Takes what it is sent to `/stall`, and passes none of it on until it is told to. */
class StallingStreams extends AnsweringStreams {
  readonly stalled: { readonly stream: LinkStream; bytes: number }[] = [];

  override request(tunnel: StreamTunnel, stream: LinkStream): void {
    const { heads } = tunnel.link.host;
    if (heads.requestBytes.toString("latin1", heads.request.pathStart, heads.request.pathEnd) !== "/stall") {
      super.request(tunnel, stream);
      return;
    }
    const entry = { stream, bytes: 0 };
    this.stalled.push(entry);
    const owner: StreamOwner = {
      onStreamHead: () => undefined,
      onStreamData: (_stream, bytes) => {
        entry.bytes += bytes.length;
      },
      onStreamTrailers: () => undefined,
      onStreamReset: () => undefined,
      onStreamDrained: () => undefined,
    };
    stream.owner = owner;
  }
}

test("a proof that finds the connection's window full leaves when there is room, before the streams that need it", async () => {
  const identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2"]);
  const streams = new StallingStreams();
  const [one, two] = await twoNodes(identities, { "till-1": [WEB, BULK] }, streams);
  using _one = one;
  using _two = two;
  const link = await one.up("till-2");
  const handle = one.tunnels.handleFor(link, BULK, () => undefined);
  const quiet: StreamOwner = {
    onStreamHead: () => undefined,
    onStreamData: () => undefined,
    onStreamTrailers: () => undefined,
    onStreamReset: () => undefined,
    onStreamDrained: () => undefined,
  };
  const head = Buffer.from(
    `POST /stall HTTP/1.1\r\nhost: orders.prod\r\n${AS_LINE}: ${handle}\r\ncontent-length: 99999999\r\n\r\n`,
  );
  for (let i = 0; i < 5; i++) {
    const stream = link.openStream(quiet)!;
    stream.head(head, 0, head.length, false, false);
    for (let sent = 0; sent < 16; sent++) stream.write(Buffer.alloc(16 * 1024), 0, 16 * 1024, false);
  }
  const arrived = () => streams.stalled.reduce((sum, { bytes }) => sum + bytes, 0);
  await until(() => arrived() > CONNECTION_WINDOW_BYTES_DEFAULT - 64 * 1024, "the window to be full");
  await until(() => link.link.connection.sendWindow < 100, "the window to be full");
  let isTold = false;
  const waiting = one.tunnels.handleFor(link, WEB, () => {
    isTold = true;
  });
  expect(waiting).toBe(NO_HANDLE.PENDING);
  const asked = ask(one, "till-2", WEB);
  for (const entry of streams.stalled) entry.stream.credit(entry.bytes);
  expect(await asked).toBe("200");
  expect(isTold).toBe(true);
  expect(one.refused).toEqual([]);
});
