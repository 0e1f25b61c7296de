/** gRPC's interop cases across two nodes: h2c to the caller's node, the tunnel's mTLS between them, `grpc` to the server. */
import { expect, test } from "bun:test";
import { interopSuite } from "../../support/grpc/interop-suite.ts";
import { SiteOfNodes } from "../../support/site-of-nodes.ts";
import { doc, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";

const PORT = 50_051;
const OWN_UID = process.getuid?.() ?? 0;

/** What each node had counted when all cases were over. */
const counted = { source: 0, destination: 0 };

interopSuite("through a tunnel", async (server) => {
  const behind = (name: string, port: number) => [
    workloadDoc(name, port, { node: "till-2" }),
    serviceDoc(name, {}, PORT, "grpc"),
    doc("security.istio.io/v1", "AuthorizationPolicy", name, {
      selector: { matchLabels: { app: name } },
      action: "ALLOW",
      rules: [{ from: [{ source: { serviceAccounts: ["prod/web"] } }] }],
    }),
  ];
  const web = doc("selvedge/v1", "Workload", "web", { node: "till-1", selectors: [[`unix:uid:${OWN_UID}`]] });
  const documents = [web, ...behind("plain", server.port), ...behind("compressing", server.compressingPort)];
  const more = documents.map((one) => `---\n${JSON.stringify(one)}\n`).join("");
  const site = new SiteOfNodes();
  for (const number of [1, 2]) site.node(number).write(site.documents(number, more));
  const first = await site.start(1);
  const second = await site.add(2);
  const target = (name: string) => ({ address: `127.0.0.1:${first.outboundPort}`, authority: `${name}.prod:${PORT}` });
  return {
    targets: { plain: target("plain"), compressing: target("compressing") },
    async [Symbol.asyncDispose]() {
      const calls = { request_protocol: "grpc" };
      counted.source = (await first.metrics()).sum("istio_requests_total", { ...calls, reporter: "source" });
      counted.destination = (await second.metrics()).sum("istio_requests_total", { ...calls, reporter: "destination" });
      await site[Symbol.asyncDispose]();
    },
  };
});

test("the calls were counted at both nodes", () => {
  expect(counted.source).toBeGreaterThanOrEqual(18);
  expect(counted.destination).toBeGreaterThanOrEqual(18);
});
