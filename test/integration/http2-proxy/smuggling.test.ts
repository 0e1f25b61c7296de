/** Requests by HTTP/2 that would become two on HTTP/1.1 never reach an endpoint, and neither does what they carry. */
import { expect, test } from "bun:test";
import { methodWith, REFUSED, SMUGGLED } from "../../support/downgrade-vectors.ts";
import { data, FLAG, FRAME, headers } from "../../support/http2-frames.ts";
import { RawH2 } from "../../support/raw-h2.ts";
import { readRequest } from "../../support/raw-http.ts";
import { listenRaw } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker } from "../../support/worker-harness.ts";

/** A caller may make us reset so many streams before its connection ends. */
const PER_CONNECTION = 50;

test("none of the ways to smuggle a request through the change of protocol works, and others are served meanwhile", async () => {
  const lines: string[] = [];
  using upstream = listenRaw(async (peer) => {
    for (;;) {
      const request = await readRequest(peer);
      lines.push(request.line);
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  await using worker = await startWorker(meshText({ documents: backendDocs("shop", upstream.port) }));
  for (let from = 0; from < REFUSED.length; from += PER_CONNECTION) {
    using caller = await RawH2.open(worker.outbound);
    let id = 1;
    for (const [name, fields, isEnd, refusal] of REFUSED.slice(from, from + PER_CONNECTION)) {
      caller.send(headers(id, fields, isEnd ? FLAG.END_HEADERS | FLAG.END_STREAM : FLAG.END_HEADERS));
      if (!isEnd) caller.send(data(id, SMUGGLED));
      const refused = id;
      const answer = await caller.until(({ streamId }) => streamId === refused);
      // A head that is only too large is answered.
      const isTooLarge = refusal === "target-too-long" || refusal === "head-too-large";
      const expected = isTooLarge ? FRAME.HEADERS : FRAME.RST_STREAM;
      expect(`${name}: ${answer?.type}`).toBe(`${name}: ${expected}`);
      id += 2;
    }
    caller.send(headers(id));
    const served = id;
    const answer = await caller.until(({ streamId, type }) => streamId === served && type === FRAME.HEADERS);
    expect(answer).toBeDefined();
  }
  expect(new Set(lines)).toEqual(new Set(["GET / HTTP/1.1"]));
  expect(lines.length).toBe(Math.ceil(REFUSED.length / PER_CONNECTION));
  expect(upstream.peers.length).toBe(1);
});

test.each([
  ["longer", "123456789"],
  ["shorter", "123"],
])("content that is %s than its length ends the stream, and the endpoint's connection", async (_name, content) => {
  const isAsked = Promise.withResolvers<void>();
  using upstream = listenRaw(async (peer) => {
    await peer.readThrough("\r\n\r\n");
    isAsked.resolve();
  });
  await using worker = await startWorker(meshText({ documents: backendDocs("shop", upstream.port) }));
  using caller = await RawH2.open(worker.outbound);
  caller.send(headers(1, methodWith("POST", ["content-length", "5"]), FLAG.END_HEADERS));
  await isAsked.promise;
  caller.send(data(1, content));
  expect((await caller.until(({ streamId }) => streamId === 1))?.type).toBe(FRAME.RST_STREAM);
  const [peer] = upstream.peers;
  await until(() => peer!.isClosed, "the endpoint's connection to be closed");
  expect(peer!.received.toString()).not.toContain("12345");
});
