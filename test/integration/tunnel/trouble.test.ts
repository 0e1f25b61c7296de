/** A tunnel that breaks, a node that restarts, an identity that ends: no request hangs, none is answered wrongly. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { withBan } from "../../../src/identity/bans.ts";
import { readCertificate } from "../../../src/identity/certificate.ts";
import { answering, answerText, ask, getText, headerOf, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { serviceDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";

let upstream: RawServer;
let database: RawServer;
let pair: TunnelPair;
let asked: string[] = [];

beforeAll(async () => {
  upstream = listenRaw(
    answering(async (request, peer) => {
      asked.push(request.line);
      if (request.line.startsWith("GET /never")) await peer.closed();
      return answerText(request.line.split(" ")[1]!);
    }),
  );
  database = listenRaw((peer) => peer.send("ready"));
  pair = await startPair({
    documents: [
      nodeWorkload("orders", "till-2", upstream.port),
      serviceDoc("orders"),
      nodeWorkload("db", "till-2", database.port),
      serviceDoc("db", {}, 5432, "tcp"),
    ],
  });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
  database[Symbol.dispose]();
});

async function openStream(): Promise<RawPeer> {
  const peer = await connectRaw({ port: pair.source.outbound });
  peer.send("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
  await peer.readThrough("\r\n\r\n");
  await peer.read(5);
  return peer;
}

interface Tally {
  readonly statuses: Map<string, number>;
  stop(): Promise<void>;
}

/** Callers that ask all the time, each for its own answer; connections that are lost are opened anew. */
function load(callers: number): Tally {
  const statuses = new Map<string, number>();
  let isOver = false;
  const caller = async (at: number): Promise<void> => {
    let peer: RawPeer | null = null;
    for (let i = 0; !isOver; i++) {
      let outcome = "";
      try {
        peer ??= await connectRaw({ port: pair.source.outbound });
        const path = `/${at}/${i}`;
        const answer = await ask(peer, getText(path, "orders"));
        outcome = answer.status === 200 ? "200" : `${answer.status} ${headerOf(answer, "x-selvedge-reason") ?? ""}`;
        if (answer.status === 200 && answer.body.toString() !== path) outcome = "another's answer";
      } catch {
        outcome = "lost";
        peer?.destroy();
        peer = null;
      }
      statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
      if (outcome !== "200") await Bun.sleep(2);
    }
    peer?.destroy();
  };
  const all = Array.from({ length: callers }, (_, at) => caller(at));
  return {
    statuses,
    stop: async () => {
      isOver = true;
      await Promise.all(all);
    },
  };
}

const visit = async (path: string) => {
  const peer = await connectRaw({ port: pair.source.outbound });
  const answer = await ask(peer, getText(path, "orders"));
  peer.destroy();
  return answer;
};

/** Waits until a request is served. */
async function served(): Promise<void> {
  const endsMs = Date.now() + 10_000;
  while ((await visit("/x")).status !== 200) {
    if (Date.now() > endsMs) throw new Error("no request was served");
    await Bun.sleep(20);
  }
}

test("the endpoint's node is killed and comes back under load: requests fail at once or are served, none hangs or is mixed up", async () => {
  const tally = load(8);
  await until(() => (tally.statuses.get("200") ?? 0) > 100, "some requests");
  const stream = await openStream();
  await pair.restart("till-2");
  await stream.closed();
  const before = tally.statuses.get("200") ?? 0;
  await until(() => (tally.statuses.get("200") ?? 0) > before + 200, "requests after the restart", 10_000);
  await tally.stop();
  const outcomes = new Set(tally.statuses.keys());
  for (const expected of ["200", "503 UF", "503 UC"]) outcomes.delete(expected);
  expect([...outcomes]).toEqual([]);
}, 20_000);

test("the caller's node is killed and comes back: the endpoint's node lets go of everything", async () => {
  const peer = await connectRaw({ port: pair.source.outbound });
  peer.send(getText("/never", "orders"));
  const stream = await openStream();
  const gone = database.peers.at(-1)!;
  await pair.restart("till-1");
  await Promise.all([peer.ended(), stream.ended(), gone.ended()]);
  await pair.up();
  expect((await visit("/again")).body.toString()).toBe("/again");
  const cut = await until(() => pair.there.records().find(({ path }) => path === "/never"), "the record");
  expect(cut.flag).toBe("DC");
}, 20_000);

test("a request that is under way when the tunnel breaks is answered at once", async () => {
  asked = [];
  const peer = await connectRaw({ port: pair.source.outbound });
  peer.send(getText("/never", "orders"));
  await until(() => asked.includes("GET /never HTTP/1.1"), "the request");
  const startedMs = Date.now();
  const answered = readResponse(peer);
  await pair.restart("till-2");
  const answer = await answered;
  expect(answer.status).toBe(503);
  expect(Date.now() - startedMs).toBeLessThan(6_000);
  peer.destroy();
  await served();
}, 20_000);

test("new certificates change nothing for requests under load and for streams that are open", async () => {
  await served();
  const tally = load(4);
  const stream = await openStream();
  for (let i = 0; i < 5; i++) {
    await pair.renew("till-1");
    await pair.renew("till-2");
    const before = tally.statuses.get("200") ?? 0;
    await until(() => (tally.statuses.get("200") ?? 0) > before + 20, "more requests");
  }
  await tally.stop();
  expect([...tally.statuses.keys()]).toEqual(["200"]);
  expect(stream.isClosed).toBe(false);
  stream.destroy();
}, 20_000);

test("a node that is banned is cut off: its requests, its streams, and what it asks for next", async () => {
  const stream = await openStream();
  const issuer = readCertificate(pair.identities.issuer("till-1").certificate);
  const ban = { keyHash: issuer.keyHash, node: "till-1", state: "banned" as const, reason: "stolen", atMs: Date.now() };
  pair.identities.bans = withBan(pair.identities.bans, ban);
  pair.there.send(pair.identities.trustFrame());
  await stream.closed();
  const answer = await visit("/x");
  expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UF"]);
}, 20_000);
