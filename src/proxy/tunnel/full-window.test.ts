import { expect, test } from "bun:test";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { twoNodes } from "../../../test/support/tunnel-node.ts";
import { AnsweringStreams, ask } from "../../../test/support/tunnel-requests.ts";
import { until } from "../../../test/support/until.ts";
import { creditConnection } from "../../wire/http2/endings.ts";
import type { LinkStream } from "../http2/link-stream.ts";
import { AS_LINE } from "./control-request.ts";
import { NO_HANDLE } from "./sent-proofs.ts";
import type { StreamTunnel } from "./stream-handler.ts";

const WEB = "workload/prod/web";

test("a proof that finds the connection's window full leaves when there is room, before the streams that need it", async () => {
  const identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2"]);
  const [one, two] = await twoNodes(identities, { "till-1": [WEB] }, new AnsweringStreams());
  using _one = one;
  using _two = two;
  const link = await one.up("till-2");
  const { connection } = link.link;
  const taken = connection.sendWindow;
  connection.sendWindow = 0;
  let isTold = false;
  const waiting = one.tunnels.handleFor(link, WEB, () => {
    isTold = true;
  });
  expect(waiting).toBe(NO_HANDLE.PENDING);
  const asked = ask(one, "till-2", WEB);
  // As if the other node had taken what was sent to it.
  const [there] = two.tunnels.accepted;
  creditConnection(there!.link.connection, taken);
  there!.link.dirty();
  expect(await asked).toBe("200");
  expect(isTold).toBe(true);
  expect(one.refused).toEqual([]);
});

test("a drain loses no byte of an answer, however late the other side reads it", async () => {
  const identities = await TunnelIdentities.make("store-042.fleet.example", ["till-1", "till-2"]);
  const SIZE = 900_000;
  /** Answers with more than the socket takes at once. */
  class LargeStreams extends AnsweringStreams {
    override request(_tunnel: StreamTunnel, stream: LinkStream): void {
      const head = Buffer.from(`HTTP/1.1 200 X\r\ncontent-length: ${SIZE}\r\n\r\n`);
      stream.head(head, 0, head.length, false, false);
      stream.write(Buffer.alloc(SIZE, "x"), 0, SIZE, false);
      stream.finish();
    }
  }
  const [one, two] = await twoNodes(identities, { "till-1": [WEB] }, new LargeStreams());
  using _one = one;
  using _two = two;
  const link = await one.up("till-2");
  const handle = one.tunnels.handleFor(link, WEB, () => undefined);
  const heard: number[] = [];
  const ends = Array.from({ length: 3 }, (_, i) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    heard[i] = 0;
    const stream = link.openStream({
      onStreamHead: () => undefined,
      onStreamData: (self, bytes, isEnd) => {
        heard[i]! += bytes.length;
        // As slow as a caller that reads when it likes.
        setTimeout(() => self.credit(bytes.length), 20);
        if (isEnd) resolve("whole");
      },
      onStreamTrailers: () => undefined,
      onStreamReset: (_self, code) => resolve(`reset ${code}`),
      onStreamDrained: () => undefined,
    })!;
    const head = Buffer.from(`GET /large HTTP/1.1\r\nhost: orders.prod\r\n${AS_LINE}: ${handle}\r\n\r\n`);
    stream.head(head, 0, head.length, true, false);
    return promise;
  });
  await until(() => (heard[0] ?? 0) > 0, "the answers to begin");
  two.tunnels.drain(() => undefined);
  expect(await Promise.all(ends)).toEqual(["whole", "whole", "whole"]);
  expect(heard).toEqual([SIZE, SIZE, SIZE]);
  await until(() => two.tunnels.accepted.size === 0, "the tunnel to be over");
});
