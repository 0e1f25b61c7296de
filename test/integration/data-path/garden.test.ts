import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PREFACE } from "../../../src/wire/http2/protocol.ts";
import { askOrigin } from "../../conformance/garden/ask-origin.ts";
import { type Garden, isInstalled, ORIGIN_NAMES, startGarden } from "../../conformance/garden/origins.ts";
import { bytesOf, judgeRequests } from "../../conformance/http1/judge.ts";
import type { RequestVector } from "../../conformance/http1/vector.ts";
import { HONEST_REQUESTS, REQUEST_VECTORS } from "../../conformance/http1/vectors/all.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, meshText } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

const TIMEOUT_MS = 60_000;
/** How long a verdict may take to show. */
const VERDICT_MS = 1_500;
/** How long to look on behind a verdict. */
const AFTERMATH_MS = 8;
/** How long to look on where nothing is to happen. */
const QUIET_MS = 60;
/** What every vector asks for; the worker knows it as a service of the caller's namespace. */
const SERVICE = "shop";
const AUTHORITIES: ReadonlySet<string> = new Set([SERVICE, `${SERVICE}:80`]);

interface Outcome {
  readonly vector: RequestVector;
  /** Statuses of the answers to the caller. */
  readonly statuses: readonly number[];
  readonly hasEnded: boolean;
  /** What the endpoint got, connection by connection. */
  readonly forwarded: readonly string[];
}

let garden: Garden;
let upstream: RawServer;
let worker: WorkerHarness;
let outcomes: readonly Outcome[] = [];
let forwardedNow: string[] = [];

/** Records what it gets, and answers every request that the codec finds in it, read in one piece. */
async function record(peer: RawPeer): Promise<void> {
  const own = forwardedNow;
  const at = own.push("") - 1;
  let answered = 0;
  for (;;) {
    const length = peer.totalBytes;
    await peer.until(() => peer.received.length > 0 || peer.hasEnded);
    if (peer.received.length > 0) own[at] += (await peer.read(peer.received.length)).toString("latin1");
    const { requests } = judgeRequests([own[at]!]);
    for (; answered < requests.length; answered++)
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    if (answered > 0 || (peer.hasEnded && peer.totalBytes === length)) {
      peer.finish();
      return;
    }
  }
}

async function send(vector: RequestVector): Promise<Outcome> {
  forwardedNow = [];
  const own = forwardedNow;
  const caller = await connectRaw({ port: worker.outbound });
  caller.send(bytesOf(vector.bytes));
  const look = (): Outcome => {
    const text = caller.received.toString("latin1");
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
    return {
      vector,
      statuses: statuses.filter((status) => status >= 200),
      hasEnded: caller.hasEnded,
      forwarded: own.filter((one) => one !== ""),
    };
  };
  if ("wait" in vector.verdict) await Bun.sleep(QUIET_MS);
  else await until(() => difference(look()) === "", vector.id, VERDICT_MS).catch(() => undefined);
  // Whatever would follow a verdict that looks right is on its way by now.
  await Bun.sleep(AFTERMATH_MS);
  const outcome = look();
  caller.destroy();
  return outcome;
}

beforeAll(async () => {
  garden = await startGarden();
  upstream = listenRaw(record);
  worker = await startWorker(meshText({ documents: backendDocs(SERVICE, upstream.port) }));
  const all: Outcome[] = [];
  for (const vector of [...REQUEST_VECTORS, ...HONEST_REQUESTS]) all.push(await send(vector));
  outcomes = all;
}, TIMEOUT_MS);

afterAll(async () => {
  await garden.stop();
  await worker[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

/** `""` where the worker did what the vector asks for. */
function difference({ vector, statuses, hasEnded, forwarded }: Outcome): string {
  const { verdict, id } = vector;
  const saw = `${id}: wanted ${JSON.stringify(verdict)}, saw ${statuses.join()} ${hasEnded ? "ended" : "open"}, forwarded ${JSON.stringify(forwarded)}`;
  if (vector.bytes.startsWith(PREFACE)) {
    // No request: from here on HTTP/2 is spoken, and none of it is seen on HTTP/1.1.
    return statuses.length === 0 && forwarded.length === 0 ? "" : saw;
  }
  if ("refuse" in verdict) {
    // What is wrong behind a head that was right shows when the head is gone already: then only part of it may be.
    const isCutOff = forwarded.every((one) => judgeRequests([one]).requests.length === 0);
    return statuses.length === 1 && statuses[0] === verdict.refuse && hasEnded && isCutOff ? "" : saw;
  }
  if ("wait" in verdict)
    return statuses.length === 0 && forwarded.every((one) => judgeRequests([one]).requests.length === 0) ? "" : saw;
  const { method } = verdict.accept;
  const isAnswered = statuses.length > 0;
  if (method === "CONNECT") return isAnswered ? "" : saw;
  const authority = judgeRequests([vector.bytes]).requests[0]?.authority ?? "";
  if (!AUTHORITIES.has(authority.toLowerCase())) return statuses[0] === 404 && forwarded.length === 0 ? "" : saw;
  // Filled up to the bound by the caller, the head has lines of the mesh on top.
  if (forwarded.length === 1 && judgeRequests(forwarded).end === 431) return "";
  const seen = forwarded.flatMap((one) => judgeRequests([one]).requests);
  // The endpoint does not switch protocols, so that what comes behind an upgrade is the next request.
  const isCount = verdict.end === "tunnel" ? seen.length > 0 : seen.length === verdict.requests;
  if (!isCount) return saw;
  const { path, query, body } = verdict.accept;
  const [first] = seen;
  const isSame =
    (path === undefined || first?.path === path) &&
    (query === undefined || first?.query === query) &&
    (body === undefined || first?.body === body);
  return isSame ? "" : saw;
}

describe("through a real worker", () => {
  test("every hostile and every honest request gets its verdict", () => {
    expect(outcomes.length).toBeGreaterThan(200);
    expect(outcomes.map(difference).filter((text) => text !== "")).toEqual([]);
  });

  test("nothing that is forwarded is ambiguous: each connection to the endpoint holds whole requests and nothing behind them", () => {
    const wrong = outcomes.flatMap(({ vector, forwarded }) =>
      forwarded.flatMap((bytes) => {
        const seen = judgeRequests([bytes]);
        return seen.end === "complete" || seen.end === "tunnel" || seen.end === "wait" || seen.end === 431
          ? []
          : [`${vector.id}: ${seen.end} ${seen.reason} in ${bytes}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  for (const name of ORIGIN_NAMES) {
    test.skipIf(!isInstalled(name))(
      `${name}${isInstalled(name) ? "" : " (skipped: not installed)"} sees exactly one request in each that was forwarded`,
      async () => {
        const origin = garden.origins.find((candidate) => candidate.name === name)!;
        const wrong: string[] = [];
        let asked = 0;
        for (const { vector, forwarded } of outcomes) {
          for (const bytes of forwarded) {
            const ours = judgeRequests([bytes]);
            const [request] = ours.requests;
            if (ours.end !== "complete" || !request || request.trailers !== "" || request.isUpgrade) continue;
            asked++;
            const target = request.query === "" ? request.path : `${request.path}?${request.query}`;
            const isBodyHidden = name === "bun" && (request.method === "GET" || request.method === "HEAD");
            const wanted = `${request.method} ${target} ${isBodyHidden ? 0 : request.body.length}`;
            const seen = await askOrigin(origin, bytesOf(bytes));
            const isRefused = seen.requests.length === 0 && (seen.statuses[0] ?? 400) >= 400;
            const isSame = seen.requests.length === 1 && seen.requests[0] === wanted && seen.sawSentinel;
            if (!isSame && !isRefused) wrong.push(`${vector.id}: wanted ${wanted}, saw ${JSON.stringify(seen)}`);
          }
        }
        expect(asked).toBeGreaterThan(60);
        expect(wrong).toEqual([]);
      },
      TIMEOUT_MS,
    );
  }
});
