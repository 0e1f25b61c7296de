import { describe, expect, test } from "bun:test";
import { meshName, splitAuthority } from "./authority.ts";

describe("splitAuthority()", () => {
  const cases: [string, { host: string; port: number } | null][] = [
    ["orders", { host: "orders", port: -1 }],
    ["Orders.PROD:80", { host: "orders.prod", port: 80 }],
    ["127.0.0.1:9000", { host: "127.0.0.1", port: 9000 }],
    ["[::1]:80", { host: "::1", port: 80 }],
    ["[::1]", { host: "::1", port: -1 }],
    ["[::1", null],
    ["[::1]80", null],
    ["orders:", null],
    ["orders:0", null],
    ["orders:65536", null],
    ["orders:8o", null],
    [":80", null],
    ["", null],
  ];
  for (const [text, expected] of cases) {
    test(`${JSON.stringify(text)} is ${JSON.stringify(expected)}`, () =>
      expect(splitAuthority(text)).toEqual(expected));
  }
});

describe("meshName()", () => {
  for (const host of ["orders.prod.mesh", "orders.prod.svc", "orders.prod.svc.cluster.local"]) {
    test(`${host} is the service orders in prod, and nothing else`, () =>
      expect(meshName(host)).toEqual({ kind: "qualified", name: "orders", namespace: "prod", isExplicit: true }));
  }
  test("orders.prod may also be a name outside the mesh", () =>
    expect(meshName("orders.prod")).toEqual({
      kind: "qualified",
      name: "orders",
      namespace: "prod",
      isExplicit: false,
    }));
  test("a name without a dot is short", () => expect(meshName("orders")).toEqual({ kind: "short", name: "orders" }));
  for (const host of ["a.orders.prod.mesh", ".mesh", "orders..mesh", "www.example.com", ".prod", "orders.", "::1"]) {
    test(`${host} is no name of the mesh`, () => expect(meshName(host)).toBeNull());
  }
});
