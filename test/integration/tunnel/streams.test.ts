/** TCP and WebSockets between two nodes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { WebSocket as Client, WebSocketServer } from "ws";
import { headerOf, readResponse } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawPeer, type RawServer } from "../../support/raw-peer.ts";
import { policyDoc, serviceDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";

type Json = Readonly<Record<string, unknown>>;

const CLUSTER_IP = "127.77.31.1";
const PORT = 15_871;

let database: RawServer;
let websockets: WebSocketServer;
let pair: TunnelPair;
let script: (peer: RawPeer) => Promise<void>;

const documents = (hasListener: boolean): readonly Json[] => [
  nodeWorkload("db", "till-2", database.port),
  serviceDoc("db", hasListener ? { clusterIP: CLUSTER_IP } : {}, PORT, "tcp"),
  nodeWorkload("chat", "till-2", portOf(websockets)),
  serviceDoc("chat"),
];

function portOf(server: WebSocketServer): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

beforeAll(async () => {
  database = listenRaw((peer) => script(peer));
  websockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => websockets.once("listening", resolve));
  websockets.on("connection", (socket) =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  pair = await startPair({ documents: documents(true) }, { documents: documents(false) });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  database[Symbol.dispose]();
  for (const one of websockets.clients) one.terminate();
  await new Promise((resolve) => websockets.close(resolve));
});

/** Both documents anew, with these besides. */
async function serve(more: readonly Json[]): Promise<void> {
  await pair.apply({ documents: [...documents(true), ...more] }, "till-1");
  await pair.apply({ documents: [...documents(false), ...more] }, "till-2");
}

async function byAddress(): Promise<RawPeer> {
  return connectRaw({ hostname: CLUSTER_IP, port: PORT });
}

async function byConnect(): Promise<RawPeer> {
  const peer = await connectRaw({ port: pair.source.outbound });
  peer.send(`CONNECT db:${PORT} HTTP/1.1\r\nHost: db:${PORT}\r\n\r\n`);
  expect(await peer.readThrough("\r\n\r\n")).toStartWith("HTTP/1.1 200 ");
  return peer;
}

const WAYS = [
  ["the service's address", byAddress],
  ["CONNECT", byConnect],
] as const;

describe.each(WAYS)("TCP to another node by %s", (_name, open) => {
  test("lets either side speak first", async () => {
    script = async (peer) => {
      peer.send("220 ready\n");
      peer.send((await peer.readThrough("\n")).toUpperCase());
    };
    const caller = await open();
    expect(await caller.readThrough("\n")).toBe("220 ready\n");
    caller.send("select\n");
    expect(await caller.readThrough("\n")).toBe("SELECT\n");
    caller.destroy();
  });

  test("passes the caller's half-close on, and what the server still says", async () => {
    script = async (peer) => {
      const all = await peer.readAll();
      peer.send(`all ${all.length}`);
      peer.finish();
    };
    const caller = await open();
    caller.send("x".repeat(1_000_000));
    caller.finish();
    expect(await caller.readAll()).toBe("all 1000000");
    caller.destroy();
  });

  test("passes the server's half-close on, and what the caller still says", async () => {
    const heard = Promise.withResolvers<string>();
    script = async (peer) => {
      peer.send("over");
      peer.finish();
      heard.resolve(await peer.readAll());
    };
    const caller = await open();
    expect(await caller.readAll()).toBe("over");
    caller.send("still here");
    caller.finish();
    expect(await heard.promise).toBe("still here");
    caller.destroy();
  });

  test("passes a reset on, in both directions", async () => {
    script = async (peer) => {
      await peer.read(1);
      peer.destroy();
    };
    const caller = await open();
    caller.send("x");
    await caller.closed();
    const gone = Promise.withResolvers<void>();
    script = async (peer) => {
      peer.send("ready");
      await peer.ended();
      gone.resolve();
    };
    const other = await open();
    await other.read(5);
    other.destroy();
    await gone.promise;
  });

  test("carries 20 MiB each way at once, unchanged", async () => {
    const chunk = crypto.getRandomValues(new Uint8Array(65_536));
    const total = 20 * 2 ** 20;
    const pour = async (peer: RawPeer): Promise<void> => {
      for (let sent = 0; sent < total; sent += chunk.length) {
        peer.send(chunk);
        if (!peer.isFlushed) await peer.until(() => peer.isFlushed);
      }
      peer.finish();
    };
    const digest = async (peer: RawPeer): Promise<string> => {
      const hash = createHash("sha256");
      for (;;) {
        await peer.until(() => peer.received.length > 0 || peer.hasEnded);
        if (peer.received.length === 0) return hash.digest("hex");
        hash.update(await peer.read(peer.received.length));
      }
    };
    const there = Promise.withResolvers<string>();
    script = async (peer) => {
      const poured = pour(peer);
      there.resolve(await digest(peer));
      await poured;
    };
    const caller = await open();
    const poured = pour(caller);
    const [up, down] = await Promise.all([there.promise, digest(caller), poured]);
    const expected = createHash("sha256");
    for (let sent = 0; sent < total; sent += chunk.length) expected.update(chunk);
    expect([up, down]).toEqual(Array(2).fill(expected.digest("hex")));
    caller.destroy();
  });

  test("stops reading from a caller while the server takes nothing", async () => {
    const goOn = Promise.withResolvers<void>();
    script = async (peer) => {
      peer.pause();
      await goOn.promise;
      peer.resume();
      await peer.ended();
      peer.send(String(peer.totalBytes));
      peer.finish();
    };
    const caller = await open();
    const piece = Buffer.alloc(1024 * 1024);
    let sent = 0;
    while (caller.isFlushed && sent < 200 * piece.length) {
      caller.send(piece);
      sent += piece.length;
      await Bun.sleep(5);
    }
    expect(caller.isFlushed).toBe(false);
    expect(sent).toBeLessThan(40 * piece.length);
    goOn.resolve();
    caller.finish();
    expect(await caller.readAll()).toBe(String(sent));
    caller.destroy();
  });
});

describe("a TCP stream that is open", () => {
  const denying = policyDoc("no-web", "db", "DENY", [
    { from: [{ source: { principals: ["test.example/ns/prod/sa/web"] } }] },
  ]);

  test.each(["till-1", "till-2"] as const)("is cut when a policy of %s comes to deny it", async (node) => {
    script = async (peer) => {
      peer.send("ready");
      await peer.ended();
    };
    const caller = await byAddress();
    await caller.read(5);
    const more = [...documents(node === "till-1"), denying];
    await pair.apply({ documents: more }, node);
    await caller.closed();
    await serve([]);
  });

  test("is not granted where the endpoint's node denies it, and the caller learns why", async () => {
    await pair.apply({ documents: [...documents(false), denying] }, "till-2");
    const peer = await connectRaw({ port: pair.source.outbound });
    peer.send(`CONNECT db:${PORT} HTTP/1.1\r\nHost: db:${PORT}\r\n\r\n`);
    const answer = await readResponse(peer);
    expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([403, "RBAC"]);
    peer.destroy();
    // By address there is nobody to explain it to, so the connection ends; both logs have it under one id.
    const raw = await byAddress();
    await raw.closed();
    const here = await until(
      () => pair.source.records().find(({ verdict, protocol }) => verdict === "elsewhere" && protocol === "TCP"),
      "the record here",
    );
    expect(here.flag).toBe("RBAC");
    const there = await until(() => pair.there.records().find(({ id }) => id === here.id), "the record there");
    expect(there).toMatchObject({ verdict: "denied", policy: "prod/no-web", reporter: "destination" });
    await serve([]);
  });

  test("is counted at both nodes, by Istio's names for its ends", async () => {
    script = async (peer) => {
      peer.send((await peer.read(5)).toString().repeat(2));
      peer.finish();
    };
    const caller = await byAddress();
    caller.send("hello");
    caller.finish();
    expect(await caller.readAll()).toBe("hellohello");
    for (const [worker, reporter, security] of [
      [pair.source, "source", "none"],
      [pair.there, "destination", "mutual_tls"],
    ] as const) {
      const record = await until(
        () => worker.records().findLast(({ protocol, bytesReceived }) => protocol === "TCP" && bytesReceived === 5),
        "the record",
      );
      expect(record).toMatchObject({ bytesSent: 10, reporter });
      const edges = worker.stats.edges.filter((one) => one.protocol === "tcp" && one.destination.workload === "db");
      expect(edges.map((one) => [one.reporter, one.security])).toEqual([[reporter, security]]);
    }
    caller.destroy();
  });
});

describe("a WebSocket", () => {
  const open = (): Client =>
    new Client(`ws://127.0.0.1:${pair.source.outbound}/ws?a=1`, { headers: { host: "chat.prod" } });

  test("carries messages of a real client and a real server, large ones too, and its close", async () => {
    const client = open();
    const received: string[] = [];
    const sent = ["first", "x".repeat(3_000_000), "", "last"];
    await new Promise<void>((resolve, reject) => {
      client.on("error", reject);
      client.on("open", () => {
        for (const text of sent) client.send(text);
      });
      client.on("message", (data) => {
        received.push(data.toString());
        if (received.length === sent.length) resolve();
      });
    });
    expect(received).toEqual(sent);
    const closed = new Promise<number>((resolve) => client.on("close", resolve));
    client.close(4001, "bye");
    expect(await closed).toBe(4001);
  });

  test("that is open is cut when the endpoint's node comes to deny it", async () => {
    const client = open();
    await new Promise((resolve, reject) => {
      client.on("open", resolve);
      client.on("error", reject);
    });
    const closed = new Promise<number>((resolve) => client.on("close", resolve));
    await pair.apply({ documents: [...documents(false), policyDoc("closed", "chat", "DENY", [{}])] }, "till-2");
    expect(await closed).toBe(1006);
    await serve([]);
  });
});

describe("a TCP stream whose endpoint is not reached", () => {
  const both = (port: number, listener: Json): readonly Json[] => [
    nodeWorkload("dead", "till-2", port, { serviceAccount: "both" }, { app: "both" }),
    nodeWorkload("alive", "till-2", database.port, { serviceAccount: "both" }, { app: "both" }),
    serviceDoc("both", listener, PORT, "tcp"),
  ];
  const ways = [
    ["CONNECT", { port: 0 }, `CONNECT both:${PORT} HTTP/1.1\r\nHost: both:${PORT}\r\n\r\n`],
    ["the service's address", { hostname: "127.77.31.2", port: PORT }, ""],
  ] as const;

  test.each(ways)("by its node's word goes to another one, by %s", async (_name, at, first) => {
    const refusing = listenRaw();
    const { port } = refusing;
    refusing[Symbol.dispose]();
    script = async (peer) => peer.send("220 ready\n");
    await pair.apply({ documents: [...documents(true), ...both(port, { clusterIP: "127.77.31.2" })] }, "till-1");
    await pair.apply({ documents: [...documents(false), ...both(port, {})] }, "till-2");
    for (let i = 0; i < 12; i++) {
      const caller = await connectRaw(at.port === 0 ? { port: pair.source.outbound } : at);
      caller.send(first);
      expect(await caller.readThrough("220 ready\n")).toEndWith("220 ready\n");
      caller.destroy();
    }
    const refusedThere = pair.there.records().filter(({ destination }) => destination.workload === "dead");
    expect(refusedThere.length).toBeGreaterThan(0);
    const failedHere = pair.source.records().filter(({ host, flag }) => host.startsWith("both") && flag !== "-");
    expect(failedHere).toEqual([]);
    await serve([]);
  });

  test("is refused where there is no other one", async () => {
    const refusing = listenRaw();
    const { port } = refusing;
    refusing[Symbol.dispose]();
    await serve([nodeWorkload("gone", "till-2", port), serviceDoc("gone", {}, PORT, "tcp")]);
    const caller = await connectRaw({ port: pair.source.outbound });
    caller.send(`CONNECT gone:${PORT} HTTP/1.1\r\nHost: gone:${PORT}\r\n\r\n`);
    const answer = await readResponse(caller);
    expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "UF"]);
    caller.destroy();
    await serve([]);
  });
});
