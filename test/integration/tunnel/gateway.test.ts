/** Callers without identity who come in at a Gateway of one node, for an endpoint on another. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { answering, answerText, ask, getText, headerOf, headersOf, type RawMessage } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { doc, GATEWAY_API, ISTIO_SECURITY, serviceDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";

type Json = Readonly<Record<string, unknown>>;

const PORT = 18_961;
let upstream: RawServer;
let pair: TunnelPair;
let seen: RawMessage;

/** Only one node of this machine can have the listener at an address; the other has it elsewhere. */
const documents = (address: string, ipBlocks: readonly string[] = ["127.0.0.0/8"]): readonly Json[] => [
  nodeWorkload("shop", "till-2", upstream.port),
  serviceDoc("shop"),
  doc(GATEWAY_API, "Gateway", "lan", {
    gatewayClassName: "selvedge",
    addresses: [{ type: "IPAddress", value: address }],
    listeners: [{ name: "web", port: PORT, protocol: "HTTP" }],
  }),
  doc(GATEWAY_API, "HTTPRoute", "shop", {
    parentRefs: [{ name: "lan" }],
    hostnames: ["shop.example"],
    rules: [{ backendRefs: [{ name: "shop", port: 80 }] }],
  }),
  doc(ISTIO_SECURITY, "AuthorizationPolicy", "lan", {
    targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "lan" }],
    action: "ALLOW",
    rules: [{ from: [{ source: { ipBlocks } }] }],
  }),
];

beforeAll(async () => {
  upstream = listenRaw(
    answering((request) => {
      seen = request;
      return answerText("shop");
    }),
  );
  pair = await startPair({ documents: documents("127.0.78.1") }, { documents: documents("127.0.78.2") });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

async function visit(text: string) {
  const peer = await connectRaw({ hostname: "127.0.78.1", port: PORT });
  const answer = await ask(peer, text);
  peer.destroy();
  return answer;
}

test("they reach it, and it learns the address that they came from, whatever they say", async () => {
  const answer = await visit(
    getText(
      "/",
      "shop.example",
      "x-forwarded-for: 1.2.3.4",
      "x-forwarded-client-cert: URI=spiffe://x",
      "x-selvedge-as: 1",
    ),
  );
  expect(answer.body.toString()).toBe("shop");
  expect(headersOf(seen, "x-forwarded-for")).toEqual(["127.0.0.1"]);
  expect(headersOf(seen, "x-forwarded-proto")).toEqual(["http"]);
  expect(headersOf(seen, "x-forwarded-client-cert")).toEqual([]);
  expect(seen.lines.filter((line) => line.startsWith("x-selvedge"))).toEqual([]);
});

test("they are judged by that address at the other node too, and logged without identity", async () => {
  await pair.apply({ documents: documents("127.0.78.2", ["192.0.2.0/24"]) }, "till-2");
  const answer = await visit(getText("/", "shop.example"));
  expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([403, "RBAC"]);
  const id = headerOf(answer, "x-selvedge-id");
  const record = await until(() => pair.there.records().find((one) => one.id === id), "the record");
  expect(record).toMatchObject({ ip: "127.0.0.1", strength: "none", policy: "prod/lan", reporter: "destination" });
  expect(record.source).toMatchObject({ workload: "", principal: "" });
});

test("a caller on the node itself has an identity or does not cross", async () => {
  const peer = await connectRaw({ port: pair.source.outbound });
  expect((await ask(peer, getText("/", "shop"))).status).toBe(200);
  peer.destroy();
});
