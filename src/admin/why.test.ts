import { describe, expect, test } from "bun:test";
import { compile } from "../keeper/config/compile/compile.ts";
import { decodeFiles } from "../keeper/config/decode/decode-files.ts";
import { FLAG_CAUSES } from "../model/flag-causes.ts";
import { RESPONSE_FLAGS } from "../model/response-flags.ts";
import { type WhyRecord, why } from "./why.ts";

const MESH = `
mesh: store
services:
  web:    { namespace: prod, run: "unix:uid:1001", calls: [orders] }
  orders: { namespace: prod, run: "unix:uid:1003", port: 9001, allow: [web] }
  spy:    { namespace: dev, run: "unix:uid:1004" }
`;

const decoded = decodeFiles([{ path: "mesh.yaml", text: MESH }]);
const { records } = compile(decoded.documents, { node: undefined, hostname: "store", resolveUser: () => undefined });

const peer = { workload: "", namespace: "", principal: "", app: "", version: "" };
const denied: WhyRecord = {
  id: "00c0ffee00c0ffee",
  generation: 3,
  status: 403,
  flag: "RBAC",
  protocol: "HTTP/1.1",
  verdict: "denied",
  strength: "uid",
  policy: "prod/orders",
  rule: -1,
  method: "GET",
  path: "/orders/7",
  host: "orders.prod",
  ip: "127.0.0.1",
  source: { ...peer, workload: "spy", namespace: "dev", principal: "store.mesh/ns/dev/sa/spy" },
  destination: { ...peer, workload: "orders", namespace: "prod" },
  service: "orders.prod.svc.cluster.local",
  route: "",
  upstream: "",
};

describe("why", () => {
  test("shows principal, nearest miss, generation and the smallest change", () => {
    const answer = why(denied, records);
    expect(answer.change?.sentence).toContain("add cluster.local/ns/dev/sa/spy to rules[0].from[0].source.principals");
    expect(answer.trace?.nearest?.rule.fields.filter((field) => !field.holds).map((field) => field.at)).toEqual([
      "from[0].source.principals",
    ]);
    expect(answer.notes).toEqual([]);
    const text = answer.lines.join("\n");
    for (const part of [
      "spiffe://store.mesh/ns/dev/sa/spy",
      "recognised by uid",
      "generation  3",
      "prod/orders",
      "hint:",
    ]) {
      expect(text).toContain(part);
    }
  });

  test("names the caller's side where that refused", () => {
    const source = { ...peer, workload: "web", namespace: "prod", principal: "store.mesh/ns/prod/sa/web" };
    const record: WhyRecord = { ...denied, flag: "CALLS", policy: "", source, service: "web.prod.svc.cluster.local" };
    expect(why(record, records).cause).toContain("spec.calls");
  });

  test("judges a request by the service that was asked for, not by the version that the split chose", () => {
    const text = `
mesh: store
services:
  web:    { namespace: prod, run: "unix:uid:1001", calls: [orders] }
  orders: { namespace: prod, allow: [web], versions: { v1: { port: 9001 }, v2: { port: 9002 } } }
`;
    const { documents } = decodeFiles([{ path: "mesh.yaml", text }]);
    const split = compile(documents, { node: undefined, hostname: "store", resolveUser: () => undefined });
    const record: WhyRecord = {
      ...denied,
      status: 503,
      flag: "UF",
      verdict: "allowed",
      host: "orders",
      source: { ...peer, workload: "web", namespace: "prod", principal: "store.mesh/ns/prod/sa/web" },
      destination: { ...peer, workload: "orders-v2", namespace: "prod" },
      service: "orders-v2.prod.svc.cluster.local",
      route: "httproute/prod/orders/0",
    };
    const answer = why(record, split.records);
    expect(answer.judged?.service).toBe("service/prod/orders");
    expect(answer.judged?.calls.allowed).toBe(true);
    expect(answer.notes).toEqual([]);
    // By another name the record alone tells.
    expect(why({ ...record, host: "web.prod" }, split.records).judged?.service).toBe("service/prod/orders-v2");
  });

  test("names the other node where that one answered", () => {
    const record: WhyRecord = {
      ...denied,
      verdict: "elsewhere",
      destination: { ...denied.destination, node: "till-2" },
    };
    const answer = why(record, records);
    expect(answer.lines.join("\n")).toContain("answered by node till-2, not by this one");
    expect(answer.notes[0]).toContain("till-2 decides for itself: ask there with the same id");
  });

  test("a caller without identity is judged as one, from its address", () => {
    const answer = why({ ...denied, source: peer, strength: "none", ip: "10.0.0.9" }, records);
    expect(answer.trace?.principal).toBe("");
    expect(answer.lines.join("\n")).toContain("no identity, from 10.0.0.9");
  });

  test("says where to look when another node was not reached, and that strangers cannot cross", () => {
    const far = { destination: { ...denied.destination, node: "till-2" }, upstream: "till-2/127.0.0.1:9001" };
    const unreached = why({ ...denied, ...far, status: 503, flag: "UF", verdict: "allowed" }, undefined);
    expect(unreached.notes.at(-1)).toBe("how this node stands with till-2: selvedge node ls");
    const stranger = { ...denied, source: peer, strength: "none" as const, ip: "127.0.0.1" };
    const cannotCross = "whoever has no identity calls other nodes through a Gateway only, whatever policies allow";
    expect(why({ ...stranger, ...far }, records).notes).toContain(cannotCross);
    expect(why(stranger, records).notes).toEqual([]);
    expect(why({ ...denied, ...far }, records).notes).toEqual([]);
  });

  test("says when it can only tell what was recorded", () => {
    const answer = why(denied, undefined);
    expect(answer).toMatchObject({ judged: undefined, trace: undefined, change: undefined });
    expect(answer.notes[0]).toContain("no longer kept");
    expect(why({ ...denied, service: "gone.prod.svc.cluster.local" }, records).notes[0]).toContain(
      "not among the documents",
    );
  });

  test("says when another node asked for nobody that it has proven", () => {
    const unread = { ...denied, policy: "", source: { ...peer, node: "till-1" }, destination: peer, service: "" };
    const answer = why({ ...unread, strength: "none", verdict: "undecided", ip: "10.0.0.11" }, records);
    expect(answer.change).toBeUndefined();
    expect(answer.notes).toEqual([
      "node till-1 did not say, or did not prove, for which workload it asked: no policy was looked at",
    ]);
  });

  test("says what to do about a name that no service has", () => {
    const unknown = { ...denied, status: 404, flag: "NR" as const, policy: "", destination: peer, service: "" };
    const noteFor = (host: string, more: Partial<WhyRecord> = {}) =>
      why({ ...unknown, source: { ...denied.source, namespace: "prod" }, ...more, host }, records).notes[0];
    expect(noteFor("ordrs")).toBe("no service is called ordrs; did you mean orders.prod?");
    expect(noteFor("ordrs.prod.svc:80")).toBe("no service is called ordrs.prod.svc:80; did you mean orders.prod?");
    expect(noteFor("inventory")).toBe("no service is called inventory in namespace prod");
    expect(noteFor("api.pay.example:8443")).toContain("no service is called api.pay.example:8443; for a name outside");
    expect(noteFor("orders", { source: peer, strength: "none" })).toBe(
      "whoever has no identity has no namespace either: say orders.NAMESPACE",
    );
    expect(noteFor("shop.example", { source: peer, strength: "none" })).toBe(
      "no service is called shop.example, and at a Gateway no route has this hostname",
    );
    const outside = { flag: "UF" as const, status: 503, method: "CONNECT" };
    expect(noteFor("api.pay.example:443", outside)).toContain("its destination is outside the mesh");
    expect(noteFor("", { flag: "DPE" })).toContain("not among the documents");
  });

  test("says on both nodes when their documents may differ", () => {
    const pinned = { ...denied, status: 503, flag: "UH" as const, policy: "" };
    const there = { ...pinned, source: { ...denied.source, node: "till-1" }, destination: peer, service: "" };
    expect(why({ ...there, verdict: "undecided" }, records).notes).toEqual([
      "node till-1 asked for an endpoint that is drained here, or that the documents of this one do not have: are the files the same?",
    ]);
    const far = { destination: { ...denied.destination, node: "till-2" }, upstream: "till-2/127.0.0.1:9001" };
    expect(why({ ...pinned, ...far, verdict: "elsewhere" }, records).notes).toEqual([
      "this node let the request through; till-2 decides for itself: ask there with the same id",
      "it is down there, or the documents of till-2 are not the same as here",
    ]);
  });

  test("says when judging again comes out differently", () => {
    const source = { ...peer, workload: "web", namespace: "prod", principal: "store.mesh/ns/prod/sa/web" };
    expect(why({ ...denied, source }, records).notes).toEqual([
      "judged again it comes out differently: headers are not recorded, and rules may ask for them",
    ]);
    expect(why({ ...denied, path: "/orders/…" }, records).notes[0]).toContain("was cut");
  });

  test("text of a request cannot write to the terminal", () => {
    const answer = why({ ...denied, path: "/\u001b[31m", host: "a\r\nb", method: "\u0007" }, records);
    for (const line of answer.lines) expect(line).not.toMatch(/\p{Cc}/u);
  });

  test("every flag has a cause", () => {
    for (const flag of RESPONSE_FLAGS) expect(FLAG_CAUSES[flag].length).toBeGreaterThan(10);
  });
});
