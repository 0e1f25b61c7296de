/** Who a stream of a tunnel is from, however often the same lines came before. */
import { expect, test } from "bun:test";
import { NodeDecider } from "../../../test/support/node-decider.ts";
import { getText } from "../../../test/support/raw-http.ts";
import { doc, serviceDoc } from "../../../test/support/test-mesh.ts";
import { FLAG } from "../../model/response-flags.ts";
import { REGION_BYTES } from "../../telemetry/layout.ts";
import { StatsWriter } from "../../telemetry/stats-writer.ts";
import { RequestHead } from "../../wire/http1/head.ts";
import { parseRequestHead } from "../../wire/http1/parse-request.ts";
import type { StreamOrigin } from "../http2/stream-origins.ts";
import { Pins } from "../pin/pin.ts";
import type { ProvenCaller } from "../tunnel/proven-callers.ts";
import { RemoteOrigins } from "./remote-origins.ts";

const workload = (name: string, more: Readonly<Record<string, unknown>>) =>
  doc("selvedge/v1", "Workload", name, more, { app: name });
const served = (port: number) => ({ node: "till-2", address: "127.0.0.1", ports: { main: port } });
const site = {
  trustDomain: "test.example",
  outbound: "127.0.0.1:0",
  metrics: "127.0.0.1:0",
  tunnel: "127.0.0.1:0",
  defaultAction: "allow",
};
const documents = [
  doc("selvedge/v1", "Site", "test", site),
  ...["till-1", "till-2"].map((name, at) => doc("selvedge/v1", "Node", name, { address: `10.0.0.${at + 1}:15008` })),
  workload("web", { node: "till-1", selectors: [["unix:uid:1"]] }),
  workload("other", { node: "till-1", selectors: [["unix:uid:2"]] }),
  workload("orders", served(9001)),
  serviceDoc("orders"),
];
const textOf = (list: readonly unknown[]): string => list.map((one) => `---\n${JSON.stringify(one)}\n`).join("");

const WEB = "workload/prod/web";
const OTHER = "workload/prod/other";
const ORDERS = "service/prod/orders:80 service/prod/orders:80 workload/prod/orders|127.0.0.1:9001";
const NO_PIN = ORDERS.replace("9001", "9002");

/** The tunnel of a node whose workloads prove themselves as a test says. */
class Proven {
  readonly node = new NodeDecider("till-2", textOf(documents));
  readonly callers = new Map<number, ProvenCaller>();
  readonly ended = new Set<number>();
  readonly #stats = new StatsWriter(new Uint8Array(REGION_BYTES), { workerId: 1, startedAtMs: 0 });
  readonly origins = new RemoteOrigins(
    { mesh: this.node.mesh, pins: new Pins(this.node.mesh), stats: this.#stats },
    {
      caller: (handle) => this.callers.get(handle),
      hasEnded: (handle) => this.ended.has(handle),
      reportStream: () => {},
    },
    { node: "till-1", ip: "10.0.0.1" },
  );

  prove(handle: number, of: string): ProvenCaller {
    const proven = {
      ...{ handle, workload: of, namespace: "prod", serviceAccount: of.split("/")[2]!, chain: [] },
      verified: { issuerNode: "till-1", keyHashes: ["", "", ""] as const, notAfterMs: Number.MAX_SAFE_INTEGER },
    };
    this.callers.set(handle, proven);
    return proven;
  }

  end(proven: ProvenCaller): void {
    this.callers.delete(proven.handle);
    this.ended.add(proven.handle);
    this.origins.over([proven]);
  }

  of(...lines: readonly string[]): StreamOrigin | null {
    const bytes = Buffer.from(getText("/a", "orders", ...lines), "latin1");
    const head = new RequestHead();
    if (parseRequestHead(bytes, 0, bytes.length, head) <= 0) throw new Error("the test's request is malformed");
    return this.origins.of(head, bytes);
  }

  stream(handle: number, pin = ORDERS): StreamOrigin | null {
    return this.of(`x-selvedge-as: ${handle}`, `x-selvedge-to: ${pin}`);
  }
}

const nameOf = (origin: StreamOrigin | null): string | undefined => origin?.caller.facts.workload;

test("streams of one handle and pin come from one origin, those of another handle from another", () => {
  const tunnel = new Proven();
  tunnel.prove(1, WEB);
  tunnel.prove(3, OTHER);
  const web = tunnel.stream(1);
  expect(nameOf(web)).toBe(WEB);
  expect(tunnel.stream(1)).toBe(web);
  expect([tunnel.origins.handle, tunnel.origins.reader]).toEqual([1, "workload/prod/orders"]);
  expect(nameOf(tunnel.stream(3))).toBe(OTHER);
  expect(tunnel.origins.handle).toBe(3);
  expect(tunnel.stream(1)).toBe(web);
});

test("handles are told apart, however many there are", () => {
  const tunnel = new Proven();
  for (let round = 0; round < 2; round++) {
    for (let handle = 1; handle < 200; handle += 2) {
      const who = handle % 3 === 1 ? WEB : OTHER;
      if (round === 0) tunnel.prove(handle, who);
      expect(nameOf(tunnel.stream(handle))).toBe(who);
    }
  }
});

test("a pin that is none is refused, whatever was asked for before, and says nothing of a reader", () => {
  const tunnel = new Proven();
  tunnel.prove(1, WEB);
  tunnel.stream(1);
  for (const pin of [NO_PIN, `${ORDERS} `, ORDERS.slice(0, -1), `${ORDERS}1`, "-", ORDERS.toUpperCase()]) {
    const isTrimmed = pin.trim() === ORDERS;
    const origin = tunnel.stream(1, pin);
    expect(origin?.refusal).toEqual(isTrimmed ? undefined : { status: 503, flag: FLAG.UH });
    expect(tunnel.origins.reader).toBe(isTrimmed ? "workload/prod/orders" : "");
  }
});

test("two handles or two pins are none", () => {
  const tunnel = new Proven();
  tunnel.prove(1, WEB);
  tunnel.stream(1);
  const [as, to] = ["x-selvedge-as: 1", `x-selvedge-to: ${ORDERS}`];
  for (const lines of [[as, as, to], [as, as, as, to], [to]]) {
    expect(tunnel.of(...lines)?.refusal).toEqual({ status: 403, flag: FLAG.RBAC });
    expect(tunnel.origins.handle).toBe(0);
  }
  for (const lines of [[as, to, to], [as]]) expect(tunnel.of(...lines)?.refusal?.status).toBe(503);
});

test("a handle that ended asks for a new proof at once, and an unknown one is refused", () => {
  const tunnel = new Proven();
  const proven = tunnel.prove(1, WEB);
  const before = tunnel.stream(1);
  tunnel.end(proven);
  expect(tunnel.stream(1)).toBeNull();
  expect(before?.refresh()).toBe(false);
  expect(tunnel.stream(5)?.refusal?.status).toBe(403);
});

test("a proof whose life is over is not believed, before anybody was told", () => {
  const tunnel = new Proven();
  tunnel.prove(1, WEB);
  tunnel.stream(1);
  tunnel.callers.delete(1);
  tunnel.ended.add(1);
  expect(tunnel.stream(1)).toBeNull();
});

test("a handle that somebody else has proven since is that one's", () => {
  const tunnel = new Proven();
  const first = tunnel.prove(1, WEB);
  tunnel.stream(1);
  tunnel.end(first);
  tunnel.prove(1, OTHER);
  expect(nameOf(tunnel.stream(1))).toBe(OTHER);
});

test("another snapshot is looked at before the next stream: the endpoint and the caller may be gone", () => {
  const tunnel = new Proven();
  tunnel.prove(1, WEB);
  tunnel.stream(1);
  const without = (name: string): string => textOf(documents.filter((one) => !isOf(one, name)));
  tunnel.node.serve(without("orders"));
  expect(tunnel.stream(1)?.refusal).toEqual({ status: 503, flag: FLAG.UH });
  tunnel.node.serve(textOf(documents));
  expect(nameOf(tunnel.stream(1))).toBe(WEB);
  tunnel.node.serve(without("web"));
  expect(tunnel.stream(1)?.refusal).toEqual({ status: 403, flag: FLAG.RBAC });
});

function isOf(document: Readonly<Record<string, unknown>>, name: string): boolean {
  return document["kind"] === "Workload" && JSON.stringify(document["metadata"]).includes(`"name":"${name}"`);
}

test("ids are written out for who is served, not where two lines say two things", () => {
  const tunnel = new Proven();
  tunnel.prove(1, WEB);
  const [as, to] = ["x-selvedge-as: 1", `x-selvedge-to: ${ORDERS}`];
  const [series, number] = [`x-selvedge-ids: ${"0a".repeat(16)}`, "x-selvedge-ids-at: 00"];
  const added = (...lines: readonly string[]): number => {
    const text = getText("/a", "orders", ...lines);
    const bytes = Buffer.alloc(text.length + 1024);
    bytes.write(text, "latin1");
    const head = new RequestHead();
    if (parseRequestHead(bytes, 0, text.length, head) <= 0) throw new Error("the test's request is malformed");
    const before = head.lines.count;
    tunnel.origins.of(head, bytes);
    return head.lines.count - before;
  };
  expect(added(as, to, series, number)).toBe(2);
  expect(added(as, to, series, series, number)).toBe(0);
  expect(added(as, to, series, number, number)).toBe(0);
  expect(added(as, to, series)).toBe(0);
  expect(added(as, to, number)).toBe(0);
});
