import { describe, expect, test } from "bun:test";
import type { HttpFilter } from "../../../model/documents.ts";
import type { ServiceRecord } from "../../../model/snapshot.ts";
import type { CompileResult } from "./compile.ts";
import {
  backend,
  compileAll,
  document,
  httpRoute,
  match,
  rule,
  service,
  tcpRoute,
  toGateway,
  toService,
  workload,
} from "./testing.ts";

const EXTENSION: HttpFilter = { type: "ExtensionRef", extensionRef: { group: "x.example", kind: "Thing", name: "x" } };
const BASE = [service("orders"), workload("orders"), service("web"), workload("web")];

function routesOf(result: CompileResult, key = "service/prod/orders") {
  const record = result.records.find((one): one is ServiceRecord => one.key === key);
  return record?.ports[0]?.routes;
}

function conditions(result: CompileResult): string[] {
  return result.conditions.map((one) => `${one.type}=${one.status} ${one.reason}`);
}

describe("a filter that is not supported", () => {
  const withFilters = (...filters: HttpFilter[]) => rule({ filters, backendRefs: [backend("orders")] });

  test("makes one rule of several answer 500, and the route partially invalid", () => {
    const result = compileAll([
      ...BASE,
      httpRoute("r", [toService("orders")], [withFilters(EXTENSION), withFilters()]),
    ]);
    expect(routesOf(result)?.producer.map((one) => one.filters?.unsupported)).toEqual(["ExtensionRef", undefined]);
    expect(conditions(result)).toEqual([
      "Accepted=True Accepted",
      "ResolvedRefs=True ResolvedRefs",
      "PartiallyInvalid=True UnsupportedValue",
    ]);
    expect(result.issues.map((issue) => issue.code)).toEqual(["SV1122"]);
  });

  test("in every rule leaves the route in its place, but not accepted", () => {
    const result = compileAll([...BASE, httpRoute("r", [toService("orders")], [withFilters(EXTENSION)])]);
    expect(conditions(result)[0]).toBe("Accepted=False UnsupportedValue");
    expect(routesOf(result)?.hasProducer).toBe(true);
  });

  test("counts where it stands at a backend", () => {
    const result = compileAll([
      ...BASE,
      httpRoute("r", [toService("orders")], [rule({ backendRefs: [{ ...backend("orders"), filters: [EXTENSION] }] })]),
    ]);
    expect(routesOf(result)?.producer[0]?.backends[0]?.filters?.unsupported).toBe("ExtensionRef");
  });
});

describe("a route", () => {
  test("that names one port twice is attached once", () => {
    const parents = [toService("orders"), toService("orders", { port: 80 })];
    const http = compileAll([...BASE, httpRoute("r", parents, [rule({ backendRefs: [backend("web")] })])]);
    expect(routesOf(http)?.producer.length).toBe(1);
    const tcp = compileAll([...BASE, tcpRoute("r", parents, [backend("web")])]);
    expect(tcp.issues).toEqual([]);
    expect(routesOf(tcp)).toMatchObject({ protocol: "tcp", hasProducer: true });
  });

  test("with a backend of another kind says InvalidKind", () => {
    const ref = backend("bucket", { group: "storage.example", kind: "Bucket" });
    const result = compileAll([...BASE, httpRoute("r", [toService("orders")], [rule({ backendRefs: [ref] })])]);
    expect(conditions(result)[1]).toBe("ResolvedRefs=False InvalidKind");
    expect(result.issues[0]!.message).toBe("backend bucket is a Bucket.storage.example, expected a Service");
  });

  test("that is attached nowhere is checked all the same", () => {
    const result = compileAll([...BASE, httpRoute("r", [], [rule({ backendRefs: [backend("nowhere")] })])]);
    expect(result.issues.map((issue) => issue.code)).toEqual(["SV1111"]);
    expect(result.conditions).toEqual([]);
  });

  test("of a Service and of a Gateway is told of a mistake once", () => {
    const gateway = document("Gateway", "edge", {
      gatewayClassName: "selvedge",
      addresses: ["127.0.0.1"],
      listeners: [{ name: "any", hostname: undefined, port: 8000, protocol: "HTTP", allowedNamespaces: "Same" }],
    });
    const parents = [toService("orders"), toGateway("edge")];
    const result = compileAll([
      ...BASE,
      gateway,
      httpRoute("r", parents, [rule({ backendRefs: [backend("nowhere")] })]),
    ]);
    expect(result.issues.map((issue) => issue.code)).toEqual(["SV1111"]);
    expect(result.conditions.length).toBe(4);
  });

  test("with a rule name twice gets distinct ids", () => {
    const named = rule({ name: "same", backendRefs: [backend("web")] });
    const result = compileAll([...BASE, httpRoute("r", [toService("orders")], [named, named])]);
    expect(routesOf(result)?.producer.map((one) => one.id)).toEqual(["httproute/prod/r/same", "httproute/prod/r/1"]);
  });

  test("is positioned in the file by its problem's field", () => {
    const bad = match({ headers: [{ type: "RegularExpression", name: "X", value: "(" }] });
    const result = compileAll([...BASE, httpRoute("r", [toService("orders")], [rule({ matches: [bad] })])]);
    // The helper's column is one more than the depth of the field: spec.rules.0.matches.0.headers.0.value.
    expect(result.issues.map((issue) => [issue.code, issue.col])).toEqual([["SV1121", 9]]);
  });
});
