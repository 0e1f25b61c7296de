import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TO_KEEPER } from "../../../src/wire/channel/frames.ts";
import { answering, answerText, ask, getText, headerOf, headersOf, type RawMessage } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, doc, ISTIO_SECURITY, meshText, policyDoc, routeDoc, tcpDocs } from "../../support/test-mesh.ts";
import { until } from "../../support/until.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

/** The node's address as machines outside would know it. */
const NODE_IP = "127.0.0.9";
let shop: RawServer;
let db: RawServer;
let worker: WorkerHarness;
let seen: RawMessage;

const ANYBODY = [{ from: [{ source: { ipBlocks: ["127.0.0.0/8"] } }] }];
const GET_OPEN = [{ to: [{ operation: { methods: ["GET"], paths: ["/open"] } }] }];

function text(mode: string, more: readonly Readonly<Record<string, unknown>>[] = []): string {
  const documents = [
    doc("selvedge/v1", "Node", "default/here", { address: `${NODE_IP}:15008` }),
    ...backendDocs("shop", shop.port),
    ...tcpDocs("db", db.port),
    policyDoc("shop", "shop", "ALLOW", GET_OPEN),
    policyDoc("db", "db", "ALLOW", ANYBODY),
    doc(ISTIO_SECURITY, "PeerAuthentication", "prod/all", { mtls: { mode } }),
    ...more,
  ];
  return meshText({ documents, site: { defaultAction: "deny" } });
}

const at = (server: RawServer): RawPeerAddress => ({ hostname: NODE_IP, port: server.port });
type RawPeerAddress = { readonly hostname: string; readonly port: number };

async function status(request: string): Promise<string> {
  const peer = await connectRaw(at(shop));
  const answer = await ask(peer, request);
  peer.destroy();
  return `${answer.status} ${headerOf(answer, "x-selvedge-reason") ?? answer.body.toString()}`;
}

async function refusesConnections(server: RawServer): Promise<boolean> {
  try {
    (await connectRaw(at(server))).destroy();
    return false;
  } catch {
    return true;
  }
}

beforeAll(async () => {
  shop = listenRaw(
    answering((request) => {
      seen = request;
      return answerText("shop");
    }),
  );
  db = listenRaw(async (peer: RawPeer) => {
    peer.send(`${await peer.readThrough("\n")}`.toUpperCase());
  });
  worker = await startWorker(text("PERMISSIVE"));
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  shop[Symbol.dispose]();
  db[Symbol.dispose]();
});

describe("a PERMISSIVE port", () => {
  test("lets a plaintext caller in as far as policy says, whatever name it uses", async () => {
    expect(await status(getText("/open", "shop.prod"))).toBe("200 shop");
    expect(await status(getText("/open", `${NODE_IP}:${shop.port}`))).toBe("200 shop");
    expect(await status(getText("/closed", "shop.prod"))).toBe("403 RBAC");
    expect(await status("POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")).toBe("403 RBAC");
  });

  test("gives its callers no identity, and they cannot forge one", async () => {
    await status(getText("/open", "shop", "X-Forwarded-Client-Cert: URI=spiffe://test.example/ns/prod/sa/web"));
    expect(headersOf(seen, "x-forwarded-client-cert")).toEqual([]);
    expect(headersOf(seen, "x-forwarded-for")).toEqual(["127.0.0.1"]);
  });

  test("leads to its own workload and nowhere else", async () => {
    for (const authority of ["db.prod:5432", "shop.prod:80", `127.0.0.1:${shop.port}`]) {
      expect(await status(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)).toBe("404 NR");
    }
    expect(await status(getText("/open", "db.prod"))).toBe("200 shop");
  });

  test("is not routed: routes are the caller's side", async () => {
    const redirect = { requestRedirect: { statusCode: 301, hostname: "elsewhere" }, type: "RequestRedirect" };
    await worker.apply(text("PERMISSIVE", [routeDoc("shop", "shop", [{ filters: [redirect] }])]));
    expect(await status(getText("/open", "shop.prod"))).toBe("200 shop");
  });

  test("carries TCP, as far as policy says", async () => {
    const peer = await connectRaw(at(db));
    peer.send("select\n");
    expect(await peer.readThrough("\n")).toBe("SELECT\n");
    const nobody = policyDoc("nobody", "db", "DENY", ANYBODY);
    await worker.apply(text("PERMISSIVE", [nobody]));
    await peer.closed();
    // The reset may come before the caller has even noticed that it is connected.
    const answered = connectRaw(at(db)).then(
      async (refused) => {
        await refused.closed();
        return refused.totalBytes;
      },
      () => 0,
    );
    expect(await answered).toBe(0);
  });
});

test("a port that becomes STRICT again closes its listener and what came in by it", async () => {
  await worker.apply(text("PERMISSIVE"));
  const http = await connectRaw(at(shop));
  expect((await ask(http, getText("/open", "shop"))).status).toBe(200);
  const tcp = await connectRaw(at(db));
  tcp.send("select\n");
  await tcp.readThrough("\n");
  await worker.apply(text("STRICT"));
  await tcp.closed();
  http.send(getText("/open", "shop"));
  expect(await http.readAll()).toBe("");
  http.destroy();
  expect(await refusesConnections(shop)).toBe(true);
  expect(await refusesConnections(db)).toBe(true);
});

test("an address that is not free yet is listened on as soon as it is", async () => {
  const squatter = listenRaw(undefined, { hostname: NODE_IP, port: shop.port });
  try {
    const told = worker.frames.length;
    const reports = () =>
      worker.frames
        .slice(told)
        .flatMap((frame) =>
          frame.type === TO_KEEPER.LISTENING && frame.listener.endsWith(`:${shop.port}`) ? [frame] : [],
        );
    await worker.apply(text("PERMISSIVE"));
    expect(reports().map(({ port }) => port)).toEqual([0]);
    squatter.stop();
    await until(() => reports().some(({ port }) => port === shop.port), "the listener", 10_000);
    expect(await status(getText("/open", "shop"))).toBe("200 shop");
  } finally {
    squatter[Symbol.dispose]();
  }
}, 15_000);
