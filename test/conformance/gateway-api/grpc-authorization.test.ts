/** Method-level authorization of gRPC: an AuthorizationPolicy sees `/package.Service/Method` as the path, POST as the method. */
import { describe, expect, test } from "bun:test";
import { authzCheck } from "../../../src/admin/authz-check.ts";
import { routeYaml, SmallMesh } from "./small-mesh.ts";

const policy = (action: string, operation: string) => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${action.toLowerCase()}, namespace: prod }
spec:
  selector: { matchLabels: { app: orders-v1 } }
  action: ${action}
  rules: [{ from: [{ source: { namespaces: [prod] } }], to: [{ operation: ${operation} }] }]
`;

const ROUTE = routeYaml(
  "[{ matches: [{ method: { service: shop.Orders } }], backendRefs: [{ name: orders-v1, port: 80 }] }]",
  { kind: "GRPCRoute" },
);

const allowed = (mesh: SmallMesh, path: string, from = "prod/web", method = "POST") =>
  authzCheck(mesh.records, { from, to: "prod/orders", method, path }).allowed;

describe("a policy on gRPC", () => {
  const read = new SmallMesh(
    ROUTE,
    policy("ALLOW", "{ methods: [POST], paths: [/shop.Orders/Get, /shop.Orders/List*] }"),
  );

  test("compiles without a complaint", () => expect(read.issues).toEqual([]));

  test("allows the methods it names, exactly or by prefix", () => {
    expect(allowed(read, "/shop.Orders/Get")).toBe(true);
    expect(allowed(read, "/shop.Orders/List")).toBe(true);
    expect(allowed(read, "/shop.Orders/ListAll")).toBe(true);
  });

  test("allows nothing else: no other method, case, length or caller", () => {
    for (const path of ["/shop.Orders/Delete", "/shop.Orders/get", "/shop.Orders/Gets"]) {
      expect([path, allowed(read, path)]).toEqual([path, false]);
    }
    expect(allowed(read, "/shop.Orders/Get", "dev/web")).toBe(false);
  });

  test("of a whole service is a prefix, or a suffix for one method of every service", () => {
    const service = new SmallMesh(ROUTE, policy("ALLOW", "{ paths: [/shop.Orders/*] }"));
    expect(allowed(service, "/shop.Orders/Delete")).toBe(true);
    const suffix = new SmallMesh(ROUTE, policy("ALLOW", '{ paths: ["*/Get"] }'));
    expect([allowed(suffix, "/shop.Orders/Get"), allowed(suffix, "/shop.Orders/Delete")]).toEqual([true, false]);
  });

  test("denies before another allows, and a template matches one segment", () => {
    const mesh = new SmallMesh(
      ROUTE,
      policy("ALLOW", "{ paths: [/*] }"),
      policy("DENY", '{ paths: ["/shop.Orders/{*}"] }'),
    );
    expect(allowed(mesh, "/shop.Orders/Delete")).toBe(false);
    const others = new SmallMesh(
      ROUTE,
      policy("DENY", '{ notPaths: ["/shop.Orders/Get"] }'),
      policy("ALLOW", "{ paths: [/*] }"),
    );
    expect([allowed(others, "/shop.Orders/Get"), allowed(others, "/shop.Orders/Put")]).toEqual([true, false]);
  });

  test("cannot be got around by a path that is written differently", () => {
    for (const path of ["/shop.Orders//Get", "/x/../shop.Orders/Get", "/shop%2EOrders/Get", "/./shop.Orders/%47et"]) {
      expect([path, allowed(read, path)]).toEqual([path, true]);
    }
    for (const path of ["/shop.Orders%2FGet", "/shop.Orders/Get%00", "/shop.Orders\\Get"]) {
      expect([path, allowed(read, path)]).toEqual([path, false]);
    }
  });
});
