/** Routes of a Gateway: HTTPRoute{HostnameIntersection, ListenerHostnameMatching, ListenerPortMatching, CrossNamespace, ReferenceGrant, InvalidParentRef*}. */
import { describe, expect, test } from "bun:test";
import { routeYaml, SmallMesh } from "./small-mesh.ts";

const gateway = (listeners: string, name = "edge") => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: prod }
spec: { gatewayClassName: selvedge, listeners: [${listeners}] }
`;
const ANY = "{ name: any, port: 8000, protocol: HTTP }";
const route = (
  name: string,
  service: string,
  options: { hostnames?: string; match?: string; parent?: string; namespace?: string } = {},
) => {
  const { hostnames = "[]", match = "/", parent = "name: edge, namespace: prod", namespace = "prod" } = options;
  const parents = `[{ ${parent} }]`;
  const rules = `[{ matches: [{ path: { value: ${match} } }], backendRefs: [{ name: ${service}, namespace: prod, port: 80 }] }]`;
  return routeYaml(`${rules}, hostnames: ${hostnames}`, { name, namespace, parents });
};

describe("host names at a Gateway", () => {
  const mesh = new SmallMesh(
    gateway(ANY),
    route("exact", "orders-v1", { hostnames: "[very.specific.example]", match: "/only" }),
    route("wild", "orders-v2", { hostnames: '["*.example"]' }),
    route("longer", "orders", { hostnames: '["*.specific.example"]', match: "/deep" }),
    route("any", "orders", { match: "/any" }),
  );

  test("compile without a complaint", () => expect(mesh.issues).toEqual([]));

  const cases: readonly [host: string, path: string, service: string | undefined][] = [
    ["very.specific.example", "/only", "prod/orders-v1"],
    ["very.specific.example", "/deep", "prod/orders"],
    ["very.specific.example", "/other", "prod/orders-v2"],
    ["other.specific.example", "/deep", "prod/orders"],
    ["a.b.example", "/", "prod/orders-v2"],
    ["example", "/", undefined],
    ["example", "/any", "prod/orders"],
    ["elsewhere.test", "/any", "prod/orders"],
    ["elsewhere.test", "/only", undefined],
    ["notexample", "/", undefined],
  ];
  for (const [host, path, service] of cases) {
    test(`lead ${host}${path} to ${service ?? "404"}`, () => expect(mesh.enter({ host, path }).service).toBe(service));
  }
});

describe("listeners", () => {
  test("serve only the host names they have in common with a route", () => {
    const mesh = new SmallMesh(
      gateway('{ name: shop, port: 8000, protocol: HTTP, hostname: "*.shop.example" }'),
      route("r", "orders-v1", { hostnames: '["a.shop.example", "b.other.example", "*.example"]' }),
    );
    expect(mesh.issues).toEqual([]);
    expect(mesh.enter({ host: "a.shop.example" }).status).toBe(200);
    expect(mesh.enter({ host: "z.shop.example" }).status).toBe(200);
    expect(mesh.enter({ host: "b.other.example" }).status).toBe(404);
  });

  test("with no host name in common refuse the route: NoMatchingListenerHostname", () => {
    const mesh = new SmallMesh(
      gateway("{ name: shop, port: 8000, protocol: HTTP, hostname: shop.example }"),
      route("r", "orders-v1", { hostnames: "[other.example]" }),
    );
    expect(mesh.conditionsOf("prod/r")[0]).toBe("Gateway/prod/edge Accepted=False NoMatchingListenerHostname");
    expect(mesh.issues.map((issue) => issue.code)).toEqual(["SV1103"]);
  });

  test("are chosen by sectionName and by port", () => {
    const two = `${ANY}, { name: other, port: 8001, protocol: HTTP }`;
    const bySection = new SmallMesh(
      gateway(two),
      route("r", "orders-v1", { parent: "name: edge, sectionName: other" }),
    );
    expect(bySection.enter({}, "0.0.0.0:8000").status).toBe(404);
    expect(bySection.enter({}, "0.0.0.0:8001").service).toBe("prod/orders-v1");
    const byPort = new SmallMesh(gateway(two), route("r", "orders-v1", { parent: "name: edge, port: 8000" }));
    expect(byPort.enter({}, "0.0.0.0:8000").service).toBe("prod/orders-v1");
    expect(byPort.enter({}, "0.0.0.0:8001").status).toBe(404);
    const neither = new SmallMesh(gateway(two), route("r", "orders-v1", { parent: "name: edge, sectionName: no" }));
    expect(neither.conditionsOf("prod/r")[0]).toEndWith("Accepted=False NoMatchingParent");
  });

  test("on one port share a socket and are told apart by host name", () => {
    const two =
      "{ name: a, port: 8000, protocol: HTTP, hostname: a.example }, { name: b, port: 8000, protocol: HTTP, hostname: b.example }";
    const mesh = new SmallMesh(
      gateway(two),
      route("ra", "orders-v1", { parent: "name: edge, sectionName: a" }),
      route("rb", "orders-v2", { parent: "name: edge, sectionName: b" }),
    );
    expect(mesh.enter({ host: "a.example" }).service).toBe("prod/orders-v1");
    expect(mesh.enter({ host: "b.example" }).service).toBe("prod/orders-v2");
    expect(mesh.enter({ host: "c.example" }).status).toBe(404);
  });

  test("of two Gateways on one address are refused", () => {
    const mesh = new SmallMesh(gateway(ANY), gateway(ANY, "other"));
    expect(mesh.issues.map((issue) => `${issue.severity} ${issue.code}`)).toEqual(["error SV1011"]);
  });

  test("take routes of their own namespace, or of all where they say so", () => {
    const foreign = { namespace: "dev" };
    const grant = `
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: g, namespace: prod }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: dev }]
  to: [{ group: "", kind: Service }]
`;
    const closed = new SmallMesh(gateway(ANY), grant, route("r", "orders-v1", foreign));
    expect(closed.conditionsOf("dev/r")[0]).toBe("Gateway/prod/edge Accepted=False NotAllowedByListeners");
    expect(closed.enter({}).status).toBe(404);
    const open = new SmallMesh(
      gateway("{ name: any, port: 8000, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }"),
      grant,
      route("r", "orders-v1", foreign),
    );
    expect(open.issues).toEqual([]);
    expect(open.enter({}).service).toBe("prod/orders-v1");
  });
});

describe("a backend in another namespace than its Gateway's route", () => {
  const all = "{ name: any, port: 8000, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }";
  const grant = (from: string, name: string) => `
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: g, namespace: prod }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: ${from} }]
  to: [{ group: "", kind: Service${name} }]
`;
  const foreign = route("r", "orders-v1", { namespace: "dev" });

  test("is refused without a ReferenceGrant: 500 and RefNotPermitted", () => {
    for (const grants of ["", grant("qa", ""), grant("dev", ", name: orders-v2")]) {
      const mesh = new SmallMesh(gateway(all), grants, foreign);
      expect(mesh.enter({}).status).toBe(500);
      expect(mesh.conditionsOf("dev/r")[1]).toEndWith("ResolvedRefs=False RefNotPermitted");
    }
  });

  test("is reached with one", () => {
    expect(new SmallMesh(gateway(all), grant("dev", ", name: orders-v1"), foreign).enter({}).service).toBe(
      "prod/orders-v1",
    );
  });
});

describe("a route to a Gateway that does not exist", () => {
  test("says NoMatchingParent", () => {
    const mesh = new SmallMesh(route("r", "orders-v1"));
    expect(mesh.conditionsOf("prod/r")[0]).toBe("Gateway/prod/edge Accepted=False NoMatchingParent");
  });
});

test("a request that no rule of the Gateway matches gets 404, and one without routes too", () => {
  expect(new SmallMesh(gateway(ANY)).enter({}).status).toBe(404);
});
