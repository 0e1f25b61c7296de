/** Heads up to the limits of the listeners: what one node carries, two carry as well, with everything the mesh adds on the way. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { HEAD_BYTES_MAX, HEADER_LINES_MAX } from "../../../src/wire/http1/head.ts";
import { H2Client } from "../../support/h2-client.ts";
import { answering, ask, headersOf, type RawMessage } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { meshText, routeDoc, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

const ADDED = 16;
/** Adds to both heads as much as a filter can. */
const adding = (() => {
  const add = Array.from({ length: ADDED }, (_, i) => ({ name: `x-added-${i}`, value: "a".repeat(200) }));
  return routeDoc("edited", "edited", [
    {
      filters: [
        { type: "RequestHeaderModifier", requestHeaderModifier: { add } },
        { type: "ResponseHeaderModifier", responseHeaderModifier: { add } },
      ],
      backendRefs: [{ name: "orders", port: 80 }],
    },
  ]);
})();

let upstream: RawServer;
let alone: WorkerHarness;
let pair: TunnelPair;
let seen: RawMessage;
/** The next answer. */
let answer = "";

const FINE = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

beforeAll(async () => {
  upstream = listenRaw(
    answering((request) => {
      seen = request;
      return answer;
    }),
  );
  const services = [serviceDoc("orders"), serviceDoc("edited", { selector: undefined }), adding];
  alone = await startWorker(meshText({ documents: [workloadDoc("orders", upstream.port), ...services] }));
  pair = await startPair({ documents: [nodeWorkload("orders", "till-2", upstream.port), ...services] });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  await alone[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

/** A head of so many lines behind `first`, filled up to so many bytes. @param same all values are the same, whatever the name. */
function head(first: readonly string[], lines: number, bytes: number, same = false): string {
  const names = Array.from({ length: lines - first.length + 1 }, (_, i) => (same ? "x-same" : `x-${i}`));
  const fixed = [...first, ...names.map((name) => `${name}: `), "", ""].join("\r\n").length;
  const each = Math.floor((bytes - fixed) / names.length);
  const values = names.map((_, i) => (same ? "s" : String.fromCharCode(97 + (i % 26))).repeat(each));
  if (!same) values[0] += "z".repeat(bytes - fixed - each * names.length);
  return [...first, ...names.map((name, i) => `${name}: ${values[i]}`), "", ""].join("\r\n");
}

const request = (lines: number, bytes: number, service = "orders", same = false) =>
  head(["GET /large HTTP/1.1", `Host: ${service}`], lines, bytes, same);
const reply = (lines: number, bytes: number, same = false) =>
  head(["HTTP/1.1 200 OK", "content-length: 0"], lines, bytes, same);

async function send(worker: WorkerHarness, text: string): Promise<RawMessage & { readonly status: number }> {
  const peer = await connectRaw({ port: worker.outbound });
  try {
    return await ask(peer, text);
  } finally {
    peer.destroy();
  }
}

const ours = ({ lines }: RawMessage) => lines.filter((line) => /^x-(?:\d+|same):/.test(line));

const SIZES: readonly (readonly [what: string, lines: number, bytes: number, same?: boolean])[] = [
  ["of as many lines as there may be", HEADER_LINES_MAX, 4096],
  ["as large as it may be, in few lines", 8, HEAD_BYTES_MAX],
  ["as large as it may be, in as many lines as there may be", HEADER_LINES_MAX, HEAD_BYTES_MAX],
  ["of many lines that are the same", HEADER_LINES_MAX, 20_000, true],
  ["of a few large lines that are the same", 6, HEAD_BYTES_MAX - 6, true],
];

describe("a request's head", () => {
  for (const [what, lines, bytes, same] of SIZES) {
    test(`${what}, passes one node and two, and the tunnel's tables stay right`, async () => {
      const text = request(lines, bytes, "orders", same);
      if (!same) expect(text.length).toBe(bytes);
      answer = FINE;
      for (const worker of [alone, pair.source]) {
        // More than once: what came before is sent as references.
        for (let i = 0; i < 4; i++) {
          expect((await send(worker, text)).status).toBe(200);
          expect(ours(seen)).toEqual(text.split("\r\n").filter((line) => line.startsWith("x-")));
        }
      }
    });
  }

  test("that a rule edits at the other node passes too", async () => {
    const text = request(HEADER_LINES_MAX, HEAD_BYTES_MAX, "edited");
    answer = FINE;
    for (const worker of [alone, pair.source]) {
      expect((await send(worker, text)).status).toBe(200);
      expect(headersOf(seen, `x-added-${ADDED - 1}`)).toEqual(["a".repeat(200)]);
    }
  });

  test("by HTTP/2 passes up to the limits of a caller's list", async () => {
    answer = FINE;
    for (const worker of [alone, pair.source]) {
      await using client = await H2Client.open(worker.outbound);
      const many = Object.fromEntries(Array.from({ length: HEADER_LINES_MAX }, (_, i) => [`x-${i}`, "v"]));
      expect((await client.ask(many)).status).toBe(200);
      expect(ours(seen).length).toBe(HEADER_LINES_MAX);
      const large = Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`x-${i}`, "v".repeat(1000)]));
      expect((await client.ask(large)).status).toBe(200);
      expect(ours(seen).length).toBe(31);
    }
  });

  test("that is larger than that is refused by the caller's own node, as on one", async () => {
    for (const worker of [alone, pair.source]) {
      expect((await send(worker, request(HEADER_LINES_MAX + 1, 4096))).status).toBe(431);
      expect((await send(worker, request(8, HEAD_BYTES_MAX + 1))).status).toBe(431);
    }
    const other = pair.there.records().filter(({ status }) => status === 431);
    expect(other).toEqual([]);
  });
});

describe("an answer's head", () => {
  for (const [what, lines, bytes, same] of SIZES) {
    test(`${what}, passes one node and two, edited as well`, async () => {
      answer = reply(lines, bytes, same);
      const expected = answer.split("\r\n").filter((line) => line.startsWith("x-"));
      for (const worker of [alone, pair.source]) {
        for (const service of ["orders", "edited", "orders"]) {
          const came = await send(worker, `GET / HTTP/1.1\r\nHost: ${service}\r\n\r\n`);
          expect(came.status).toBe(200);
          expect(ours(came)).toEqual(expected);
          expect(headersOf(came, "x-added-0").length).toBe(service === "edited" ? 1 : 0);
        }
      }
    });
  }
});
