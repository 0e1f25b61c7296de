/** What an endpoint's answer comes to is the same on one node and across two: status, reason, phrase, and what is logged. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  block,
  continuation,
  data,
  FRAME,
  frame,
  headers,
  PREFACE,
  settings,
  settingsAck,
} from "../../support/http2-frames.ts";
import { ask, getText, headerOf, readRequest } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { ReferenceDecoder } from "../../support/reference-hpack.ts";
import { meshText, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

type Fields = readonly (readonly [string, string])[];
type Frames = readonly number[];

const OK: Fields = [[":status", "200"]];
const END_HEADERS = 4;
const TABLE_BYTES = 4096;
const lines = (count: number, bytes: number): Fields =>
  Array.from({ length: count }, (_, i) => [`x-${i}`, "v".repeat(bytes)] as const);
const asText = (fields: Fields): string => fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");

/** A head in as many frames as it takes. */
function headFrames(id: number, fields: Fields, flags = 0): number[] {
  const bytes = block(fields);
  const parts: number[][] = [];
  for (let at = 0; at < bytes.length; at += 16_000) parts.push(bytes.slice(at, at + 16_000));
  return parts.flatMap((part, i) => {
    const last = i === parts.length - 1 ? END_HEADERS : 0;
    return i === 0 ? frame(FRAME.HEADERS, flags | last, id, part) : continuation(id, part, last);
  });
}

/** What each path is answered: by an endpoint of HTTP/1.1 in these bytes, by one of HTTP/2 in these frames. */
const H1: Readonly<Record<string, string>> = {
  "/bad-status": "HTTP/1.1 abc Whatever\r\n\r\n",
  "/two-lengths": "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
  "/too-many-lines": `HTTP/1.1 200 OK\r\n${asText(lines(129, 4))}\r\n`,
  "/too-large": `HTTP/1.1 200 OK\r\n${asText(lines(40, 1000))}\r\n`,
  "/bad-chunk": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
  "/own-phrase": "HTTP/1.1 200 Sure\r\ncontent-length: 0\r\n\r\n",
  "/created": "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n",
  "/unheard-of": "HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n",
  "/hints": "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
};
const H2: Readonly<Record<string, (id: number) => Frames>> = {
  "/bad-status": (id) => headers(id, [[":status", "abc"]]),
  "/upper-case": (id) => headers(id, [...OK, ["X-Upper", "1"]]),
  "/two-lengths": (id) => headers(id, [...OK, ["content-length", "1"], ["content-length", "2"]], END_HEADERS),
  "/too-many-lines": (id) => headFrames(id, [...OK, ...lines(129, 4)], 1),
  "/too-large": (id) => headFrames(id, [...OK, ...lines(40, 1000)], 1),
  "/too-long": (id) => [
    ...headers(id, [...OK, ["content-length", "5"]], END_HEADERS),
    ...data(id, "hello and more", 0),
  ],
  "/created": (id) => headers(id, [[":status", "201"]]),
  "/unheard-of": (id) => headers(id, [[":status", "299"]]),
  "/hints": (id) => [
    ...headers(
      id,
      [
        [":status", "103"],
        ["link", "</x>"],
      ],
      END_HEADERS,
    ),
    ...headers(id, [[":status", "404"]]),
  ],
};

let h1: RawServer;
let h2: RawServer;
let alone: WorkerHarness;
let pair: TunnelPair;

beforeAll(async () => {
  h1 = listenRaw(async (peer) => {
    for (;;) peer.send(H1[(await readRequest(peer)).line.split("/n")[0]!.split(" ")[1]!]!);
  });
  h2 = listenRaw(async (peer) => {
    await peer.read(PREFACE.length);
    peer.send(Uint8Array.from([...settings(), ...settingsAck()]));
    const decoder = new ReferenceDecoder(TABLE_BYTES);
    for (;;) {
      const head = await peer.read(9);
      const payload = await peer.read(head.readUIntBE(0, 3));
      if (head[3] !== FRAME.HEADERS) continue;
      const path = decoder
        .decode(payload)
        .find(({ name }) => name === ":path")!
        .value.split("/n")[0]!;
      peer.send(Uint8Array.from(H2[path]!(head.readUInt32BE(5))));
    }
  });
  const services = [serviceDoc("h1"), serviceDoc("h2", {}, 80, "kubernetes.io/h2c")];
  const here = [workloadDoc("h1", h1.port), workloadDoc("h2", h2.port)];
  alone = await startWorker(meshText({ documents: [...here, ...services] }));
  const there = [nodeWorkload("h1", "till-2", h1.port), nodeWorkload("h2", "till-2", h2.port)];
  pair = await startPair({ documents: [...there, ...services] });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  await alone[Symbol.asyncDispose]();
  h2[Symbol.dispose]();
  h1[Symbol.dispose]();
});

interface Came {
  /** Status line and reason; `""` where the connection was cut. */
  readonly line: string;
  readonly reason: string | undefined;
  readonly interim: readonly string[];
  /** What the caller's node has logged. */
  readonly logged: readonly (string | number)[];
}

let asked = 0;

/** Asks as a caller by HTTP/1.1 does. */
async function visit(worker: WorkerHarness, service: string, path: string): Promise<Came> {
  const url = `${path}/n${++asked}`;
  const peer = await connectRaw({ port: worker.outbound });
  const answer = await ask(peer, getText(url, service)).catch(() => null);
  peer.destroy();
  const logged = await until(() => worker.records().find((record) => record.path === url), "the record");
  return {
    line: answer?.line ?? "",
    reason: answer === null ? undefined : headerOf(answer, "x-selvedge-reason"),
    interim: answer?.interim ?? [],
    logged: [logged.status, logged.flag],
  };
}

const BAD_GATEWAY = { line: "HTTP/1.1 502 Bad Gateway", reason: "UPE", interim: [], logged: [502, "UPE"] };
const BROKEN = { line: "", reason: undefined, interim: [], logged: [200, "UPE"] };
const fine = (status: number, phrase: string, ...interim: string[]): Came => ({
  line: `HTTP/1.1 ${status} ${phrase}`,
  reason: undefined,
  interim,
  logged: [status, "-"],
});

const CASES: readonly (readonly [service: string, path: string, came: Came])[] = [
  ["h1", "/bad-status", BAD_GATEWAY],
  ["h1", "/two-lengths", BAD_GATEWAY],
  ["h1", "/too-many-lines", BAD_GATEWAY],
  ["h1", "/too-large", BAD_GATEWAY],
  ["h1", "/bad-chunk", BROKEN],
  ["h2", "/bad-status", BAD_GATEWAY],
  ["h2", "/upper-case", BAD_GATEWAY],
  ["h2", "/two-lengths", BAD_GATEWAY],
  ["h2", "/too-many-lines", BAD_GATEWAY],
  ["h2", "/too-large", BAD_GATEWAY],
  ["h2", "/too-long", BROKEN],
  ["h1", "/created", fine(201, "Created")],
  ["h1", "/unheard-of", fine(299, "")],
  ["h1", "/hints", fine(404, "Not Found", "HTTP/1.1 103 Early Hints")],
  ["h2", "/created", fine(201, "Created")],
  ["h2", "/unheard-of", fine(299, "")],
  ["h2", "/hints", fine(404, "Not Found", "HTTP/1.1 103 Early Hints")],
];

describe("an answer comes to the same on one node and across two", () => {
  for (const [service, path, came] of CASES) {
    test(`${path} by ${service === "h1" ? "HTTP/1.1" : "HTTP/2"}`, async () => {
      expect(await visit(alone, service, path)).toEqual(came);
      expect(await visit(pair.source, service, path)).toEqual(came);
    });
  }

  test("but for a phrase of the endpoint's own, which HTTP/2 between nodes cannot carry", async () => {
    expect((await visit(alone, "h1", "/own-phrase")).line).toBe("HTTP/1.1 200 Sure");
    expect((await visit(pair.source, "h1", "/own-phrase")).line).toBe("HTTP/1.1 200 OK");
  });
});
