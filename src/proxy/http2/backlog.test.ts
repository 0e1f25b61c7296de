import { expect, test } from "bun:test";
import { data, FLAG, headers, POST } from "../../../test/support/http2-frames.ts";
import { Http2Peer } from "../../../test/support/http2-peer.ts";
import { TUNNEL_DATA_FRAME_BYTES_MAX } from "../../wire/http2/limits.ts";
import { Backlog, type OwingStream } from "./backlog.ts";
import { SHARED_STREAM_WINDOW_BYTES } from "./limits.ts";

/** One stream with a window, a frame of nearly all of it under way, of which `arrived` bytes have come. */
function midFrame(arrived: number) {
  const peer = new Http2Peer({
    streamWindowBytes: SHARED_STREAM_WINDOW_BYTES,
    connectionWindowBytes: 16 * SHARED_STREAM_WINDOW_BYTES,
    dataFrameBytesMax: TUNNEL_DATA_FRAME_BYTES_MAX,
    creditsOnReceipt: true,
  });
  peer.creditsAll = false;
  peer.start().feed(headers(1, POST, FLAG.END_HEADERS));
  const bytes = data(1, SHARED_STREAM_WINDOW_BYTES - 100, 0);
  peer.feed(bytes.slice(0, bytes.length - (SHARED_STREAM_WINDOW_BYTES - 100) + arrived));
  const stream = peer.streams.get(1)!;
  const owing: OwingStream = {
    debtor: "workload/prod/web",
    isOver: false,
    stream,
    link: { host: { now: 1000 } },
    movedMs: 0,
    // All but the bytes of this test have gone on before.
    passedBytes: SHARED_STREAM_WINDOW_BYTES,
    wideBytes: 0,
    abandon: () => undefined,
  };
  return { peer, stream, owing };
}

test("a receiver that took all that came of a frame under way gets a wider window", () => {
  const { peer, stream, owing } = midFrame(4000);
  new Backlog(() => undefined).moved(owing, peer.connection, stream, 4000);
  expect(owing.wideBytes).toBe(SHARED_STREAM_WINDOW_BYTES);
});

test("a receiver before which a part of its window waits gets none", () => {
  const { peer, stream, owing } = midFrame(40_000);
  new Backlog(() => undefined).moved(owing, peer.connection, stream, 4000);
  expect(owing.wideBytes).toBe(0);
});
