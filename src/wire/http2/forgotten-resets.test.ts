import { expect, test } from "bun:test";
import { headers, settings, settingsAck } from "../../../test/support/http2-frames.ts";
import { Http2Peer } from "../../../test/support/http2-peer.ts";
import { METHOD } from "../http1/head.ts";
import { ROLE } from "./connection-state.ts";
import { RECENT_RESETS_MAX } from "./limits.ts";
import { ERROR_CODE, SETTING } from "./protocol.ts";

const HEAD = Uint8Array.from(Buffer.from("GET / HTTP/1.1\r\nhost: shop\r\n\r\n"));

test("answers that come late to more streams than are remembered do not end a connection that others share", () => {
  const peer = new Http2Peer({ role: ROLE.CLIENT, streamsMax: 0, allowsWebsocket: false });
  const { connection } = peer;
  expect(peer.flushOpening().length).toBeGreaterThan(0);
  peer.feed([...settings([SETTING.MAX_CONCURRENT_STREAMS, 2000]), ...settingsAck()]);
  const ask = () => {
    const stream = connection.openStream(METHOD.GET, false, undefined)!;
    connection.sendHead(stream, HEAD, 0, HEAD.length, true, 0);
    return stream;
  };
  const given = Array.from({ length: RECENT_RESETS_MAX + 10 }, () => {
    const stream = ask();
    connection.resetStream(stream, ERROR_CODE.CANCEL);
    peer.flush();
    return stream.id;
  });
  const awaited = ask();
  for (const id of [...given, awaited.id]) peer.feed(headers(id, [[":status", "200"]]));
  expect(peer.verdict()).toBe("stream 1 CANCEL");
  expect(peer.events.at(-1)).toBe(`head ${awaited.id} 200 end`);
});
