import { expect, test } from "bun:test";
import { SETTING, settings, settingsAck } from "../../../test/support/http2-frames.ts";
import { ERROR_CODE } from "../../wire/http2/protocol.ts";
import { Backlog } from "./backlog.ts";
import { CLIENT_OPTIONS } from "./endpoint-link.ts";
import { FlushQueue } from "./flush-queue.ts";
import { Http2Link } from "./link.ts";
import { SharedHeads } from "./shared-heads.ts";

const HEAD = Buffer.from("GET / HTTP/1.1\r\nhost: shop\r\n\r\n");

test("whoever waits for room is told of a stream that came and went within one turn", () => {
  const turn: (() => void)[] = [];
  let told = 0;
  const host = {
    now: 1000,
    flushQueue: new FlushQueue((run) => turn.push(run)),
    heads: new SharedHeads(),
    backlog: new Backlog(() => undefined),
  };
  const link = new Http2Link(CLIENT_OPTIONS, host, {
    onRequest: () => undefined,
    onRefused: () => undefined,
    onSettings: () => undefined,
    onStreamOver: () => {
      told++;
    },
    onGoAway: () => undefined,
    onPong: () => undefined,
    onFailed: () => undefined,
  });
  link.opened({ write: (_bytes, _start, length) => length });
  link.received(Buffer.from([...settings([SETTING.MAX_CONCURRENT_STREAMS, 1]), ...settingsAck()]));
  for (const run of turn.splice(0)) run();
  const stream = link.openStream(null)!;
  stream.head(HEAD, 0, HEAD.length, true, false);
  expect(link.openStream(null)).toBeNull();
  stream.reset(ERROR_CODE.CANCEL);
  expect(told).toBe(0);
  for (const run of turn.splice(0)) run();
  expect(told).toBe(1);
});
