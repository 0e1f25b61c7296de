import { expect, test } from "bun:test";
import { NodeDecider } from "../../../test/support/node-decider.ts";
import { doc, GATEWAY_API, serviceDoc } from "../../../test/support/test-mesh.ts";
import { Pins } from "../pin/pin.ts";
import { RemoteOrigin } from "./remote-origin.ts";

const CLUSTER_IP = "127.77.40.1";
const text = [
  doc("selvedge/v1", "Site", "test", {
    trustDomain: "test.example",
    outbound: "127.0.0.1:0",
    metrics: "127.0.0.1:0",
    tunnel: "127.0.0.1:0",
    defaultAction: "allow",
  }),
  ...["till-1", "till-2"].map((name, at) => doc("selvedge/v1", "Node", name, { address: `10.0.0.${at + 1}:15008` })),
  doc("selvedge/v1", "Workload", "web", { node: "till-1", selectors: [["unix:uid:1"]] }, { app: "web" }),
  doc(
    "selvedge/v1",
    "Workload",
    "orders",
    { node: "till-2", address: "127.0.0.1", ports: { main: 9001 } },
    { app: "orders" },
  ),
  serviceDoc("orders", { clusterIP: CLUSTER_IP }),
  serviceDoc("plain", { selector: { app: "orders" } }),
  doc(GATEWAY_API, "Gateway", "front", {
    gatewayClassName: "selvedge",
    addresses: [{ value: "127.77.40.2" }],
    listeners: [{ name: "web", port: 8080, protocol: "HTTP" }],
  }),
]
  .map((one) => `---\n${JSON.stringify(one)}\n`)
  .join("");

/** Where a caller came in, as the endpoint's node has it for policies. */
function ipOf(parent: string): string {
  const node = new NodeDecider("till-2", text);
  const host = { mesh: node.mesh, pins: new Pins(node.mesh) };
  const caller = node.caller("workload/prod/web");
  const pin = `${parent} service/prod/plain:80 workload/prod/orders|127.0.0.1:9001`;
  const origin = RemoteOrigin.make(host, () => caller, pin, caller);
  if (!origin) throw new Error(`${pin} is no pin of the documents`);
  return origin.localIp;
}

test("a call from another node came in at the address of the Service, where it has one", () => {
  expect(ipOf("service/prod/orders:80")).toBe(CLUSTER_IP);
  expect(ipOf("service/prod/plain:80")).toBe("");
});

test("a call from a Gateway of another node came in at the address of the Gateway", () => {
  expect(ipOf("gateway/prod/front/web")).toBe("127.77.40.2");
});
