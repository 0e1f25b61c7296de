/** Requests with a body that another node could not hand on go to another endpoint, as those without one do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { KEPT_BODY_BYTES_MAX } from "../../../src/proxy/limits.ts";
import { ATTESTATION_COUNTER, COUNTER, LIMIT_COUNTER } from "../../../src/telemetry/fixed-metrics.ts";
import { H2Client } from "../../support/h2-client.ts";
import {
  answering,
  answerText,
  ask,
  getText,
  headerOf,
  headersOf,
  type RawMessage,
  readResponse,
} from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { serviceDoc } from "../../support/test-mesh.ts";
import { type NodeName, nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";

let alive: RawServer;
let pair: TunnelPair;
let seen: RawMessage[] = [];

beforeAll(async () => {
  alive = listenRaw(
    answering((request) => {
      seen.push(request);
      return answerText(request.body.toString("latin1"));
    }),
  );
  pair = await startPair({ documents: [] });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  alive[Symbol.dispose]();
});

/** A port on which nobody listens. */
function deadPort(): number {
  const dead = listenRaw();
  const { port } = dead;
  dead[Symbol.dispose]();
  return port;
}

let services = 0;

/** A new service with one endpoint that nobody listens at, on till-2, and one that answers, where it is said. Answers its name. */
async function halfDead(node: NodeName | null): Promise<string> {
  const name = `half-${++services}`;
  const both = { serviceAccount: name };
  const endpoints = [nodeWorkload(`dead-${services}`, "till-2", deadPort(), both, { app: name })];
  if (node) endpoints.push(nodeWorkload(`alive-${services}`, node, alive.port, both, { app: name }));
  await pair.apply({ documents: [...endpoints, serviceDoc(name)] });
  return name;
}

/** How often till-2 said that it did not reach the endpoint. */
const refusals = (host: string): number =>
  pair.there.records().filter((record) => record.host === host && record.flag === "UF").length;

const post = (host: string, body: string) =>
  `POST /echo HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (host: string, body: string) =>
  `POST /echo HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\nx-trailer: yes\r\n\r\n`;

/** Asks on connections of their own until the dead endpoint was tried; every answer has to be the alive one's. */
async function untilTried(host: string, text: string, body: string): Promise<void> {
  seen = [];
  for (let i = 0; i < 200 && refusals(host) === 0; i++) {
    const peer = await connectRaw({ port: pair.source.outbound });
    // The request behind it must not be taken for its body, nor the other way round.
    peer.send(`${text}${post(host, "next")}`);
    const answer = await readResponse(peer);
    expect([answer.status, answer.body.toString("latin1") === body]).toEqual([200, true]);
    expect((await readResponse(peer)).body.toString()).toBe("next");
    peer.destroy();
  }
  expect(refusals(host)).toBeGreaterThan(0);
  expect(pair.source.records().filter((record) => record.host === host && record.flag !== "-")).toEqual([]);
}

describe("a request with a body that left with its head is tried elsewhere", () => {
  const BODIES: readonly (readonly [what: string, text: typeof post, length: number])[] = [
    ["with a length", post, 11],
    ["with one that is as long as may be", post, KEPT_BODY_BYTES_MAX],
    ["in chunks with trailers", chunked, 3000],
  ];
  for (const [what, text, length] of BODIES) {
    const body = "0123456789".repeat(length / 10 + 1).slice(0, length);
    test(`on another node: ${what}`, async () => {
      const host = await halfDead("till-2");
      await untilTried(host, text(host, body), body);
      if (text === chunked) expect(seen.some(({ trailers }) => trailers.includes("x-trailer: yes"))).toBe(true);
    });
    test(`on its own node: ${what}`, async () => {
      const host = await halfDead("till-1");
      await untilTried(host, text(host, body), body);
    });
  }

  test("by HTTP/2, many at once, small and large", async () => {
    const host = await halfDead("till-2");
    await using client = await H2Client.open(pair.source.outbound);
    const asked = Array.from({ length: 60 }, async (_, i) => {
      const body = `${i}-`.repeat(i % 3 === 0 ? 8000 : 5);
      const answer = await client.ask({ ":authority": host, ":path": "/echo" }, body);
      return answer.status === 200 && answer.body.toString() === body;
    });
    expect(await Promise.all(asked)).toEqual(asked.map(() => true));
    expect(refusals(host)).toBeGreaterThan(0);
  });

  test("and the endpoint that answers has it once", async () => {
    const host = await halfDead("till-2");
    seen = [];
    const text = post(host, "only once");
    await untilTried(host, text, "only once");
    const bodies = seen.map(({ body }) => body.toString());
    const answered = () => pair.source.records().filter((record) => record.host === host).length;
    await until(() => answered() >= bodies.length, "all records");
    expect(answered()).toBe(bodies.length);
    expect(headersOf(seen[0]!, "content-length")).toEqual(["9"]);
  });
});

describe("a body that comes later than its head", () => {
  test("goes where the request has gone by then, in the middle of it or before", async () => {
    for (const cut of [0, 1, 5000]) {
      const host = await halfDead("till-2");
      const body = "0123456789".repeat(1000);
      for (let i = 0; i < 200 && refusals(host) === 0; i++) {
        const peer = await connectRaw({ port: pair.source.outbound });
        const text = post(host, body);
        const at = text.length - body.length + cut;
        peer.send(text.slice(0, at));
        // Long enough for the refusal to be there, mostly.
        await Bun.sleep(10);
        peer.send(text.slice(at));
        const answer = await readResponse(peer);
        expect([answer.status, answer.body.toString() === body]).toEqual([200, true]);
        peer.destroy();
      }
      expect(refusals(host)).toBeGreaterThan(0);
    }
  });
});

test("a stream that was refused unread is sent once more, with its body", async () => {
  const documents = [nodeWorkload("orders", "till-2", alive.port), serviceDoc("orders")];
  await pair.apply({ documents });
  const peer = await connectRaw({ port: pair.source.outbound });
  const proofs = () => pair.there.stats.counter(ATTESTATION_COUNTER.mtls);
  expect((await ask(peer, post("orders", "first"))).body.toString()).toBe("first");
  // What was proven is over there, and the caller's node does not know.
  await pair.apply({ documents, webNode: "till-2" }, "till-2");
  await pair.apply({ documents }, "till-2");
  const before = proofs();
  const retries = pair.source.stats.counter(COUNTER.retries);
  expect((await ask(peer, chunked("orders", "in chunks"))).body.toString()).toBe("in chunks");
  await until(() => proofs() > before, "the new proof");
  expect(pair.source.stats.counter(COUNTER.retries)).toBe(retries + 1);
  peer.destroy();
});

describe("it is not, and the other node's answer passes,", () => {
  const counted = () => pair.source.stats.counter(LIMIT_COUNTER.kept_bodies);

  test("where the body is too long to be kept, which is counted", async () => {
    const host = await halfDead("till-2");
    const before = counted();
    const body = "x".repeat(KEPT_BODY_BYTES_MAX + 1);
    for (let i = 0; i < 200 && refusals(host) === 0; i++) {
      const peer = await connectRaw({ port: pair.source.outbound });
      const answer = await ask(peer, post(host, body));
      peer.destroy();
      if (answer.status !== 200) expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UF"]);
      await Bun.sleep(1);
    }
    await until(() => counted() - before === refusals(host) && refusals(host) > 0, "all of them to be counted");
  });

  test("where nobody else is there; and the connection goes on, or says that it does not", async () => {
    const host = await halfDead(null);
    const peer = await connectRaw({ port: pair.source.outbound });
    peer.send(post(host, "nobody takes it") + getText("/after", host));
    const answer = await readResponse(peer);
    expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UF"]);
    expect((await readResponse(peer)).status).toBe(503);
    peer.destroy();
    const paths = await until(() => {
      const found = pair.source.records().filter((record) => record.host === host);
      return found.length === 2 && found.map(({ path }) => path);
    }, "both records");
    expect(paths).toEqual(["/echo", "/after"]);
  });

  test("where every endpoint is dead: each is tried, and the last one's answer passes", async () => {
    const name = `dead-${++services}`;
    const both = { serviceAccount: name };
    const endpoints = [1, 2, 3, 4].map((n) =>
      nodeWorkload(`${name}-${n}`, n === 4 ? "till-1" : "till-2", deadPort(), both, { app: name }),
    );
    await pair.apply({ documents: [...endpoints, serviceDoc(name)] });
    for (let i = 0; i < 10; i++) {
      const peer = await connectRaw({ port: pair.source.outbound });
      const answer = await ask(peer, post(name, "tried"));
      expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UF"]);
      peer.destroy();
    }
  });
});
