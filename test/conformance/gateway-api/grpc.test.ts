/** GRPCRoute: GRPC{ExactMethodMatching, HeaderMatching, ListenerHostnameMatching, NamedRule, RequestHeaderModifier, Weight}, MeshGRPCRoute{RequestHeaderModifier, Weight}, precedence and conflicts with HTTPRoute. */
import { describe, expect, test } from "bun:test";
import type { RequestSketch } from "../../../src/model/route/testing.ts";
import { routeYaml, SmallMesh } from "./small-mesh.ts";

const grpcYaml = (rules: string, options: Parameters<typeof routeYaml>[1] = {}) =>
  routeYaml(rules, { kind: "GRPCRoute", ...options });

/** Rules by name; each goes to the Service itself. */
function rules(byName: Readonly<Record<string, string>>): string {
  const list = Object.entries(byName).map(
    ([name, matches]) => `{ name: ${name}, matches: ${matches}, backendRefs: [{ name: orders, port: 80 }] }`,
  );
  return `[${list.join(", ")}]`;
}

const call = (method: string, headers: RequestSketch["headers"] = {}): RequestSketch => ({
  method: "POST",
  path: `/${method}`,
  headers: { "content-type": "application/grpc", ...headers },
});

type Case = readonly [what: string, request: RequestSketch, rule: string | 404];

function check(group: string, mesh: SmallMesh, cases: readonly Case[]): void {
  describe(group, () => {
    test("compiles without a complaint", () => expect(mesh.issues).toEqual([]));
    for (const [what, request, expected] of cases) {
      test(what, () => {
        const outcome = mesh.ask(request);
        if (expected === 404) expect(outcome.status).toBe(404);
        else expect(outcome.rule?.id).toBe(`grpcroute/prod/route/${expected}`);
      });
    }
  });
}

check(
  "gRPC methods",
  new SmallMesh(
    grpcYaml(
      rules({
        service: "[{ method: { service: shop.Orders } }]",
        both: "[{ method: { service: shop.Orders, method: Get } }]",
        method: "[{ method: { method: Get } }]",
        regex: '[{ method: { type: RegularExpression, service: "shop\\\\.[A-Z][a-z]+", method: "List.*" } }]',
        "regex-method": '[{ method: { type: RegularExpression, method: "Li[s]t.*" } }]',
        either: "[{ method: { service: a.B, method: C } }, { method: { service: a.B, method: D } }]",
      }),
    ),
  ),
  [
    ["service and method match exactly", call("shop.Orders/Get"), "both"],
    ["a service matches all of its methods", call("shop.Orders/Delete"), "service"],
    ["a service goes before a method of another length", call("shop.Orders/ListAll"), "service"],
    ["a method matches in every service", call("other.Service/Get"), "method"],
    ["a dot of a service is a dot", call("shopXOrders/Delete"), 404],
    ["case counts", call("shop.orders/Delete"), 404],
    ["regular expressions match the whole of service and method", call("shop.Carts/ListAll"), "regex"],
    ["a regular expression does not match a part", call("a.shop.Carts/X"), 404],
    ["the longer service goes first among regular expressions", call("shop.Carts/List"), "regex"],
    ["a regular expression for the method alone matches in every service", call("x.Y/Listing"), "regex-method"],
    ["any of several matches is enough", call("a.B/D"), "either"],
    ["a path of another depth is no method", call("shop.Orders/Get/x"), 404],
    ["a service alone is no method", call("shop.Orders"), 404],
    ["gRPC is always POST", { path: "/shop.Orders/Get", method: "GET" }, 404],
  ],
);

check(
  "gRPC headers",
  new SmallMesh(
    grpcYaml(
      rules({
        two: "[{ headers: [{ name: Version, value: two }, { name: color, value: blue }] }]",
        one: "[{ headers: [{ name: version, value: two }] }]",
        regex: '[{ headers: [{ name: color, value: "r[a-z]+", type: RegularExpression }] }]',
        method: "[{ method: { method: Get }, headers: [{ name: version, value: three }] }]",
        rest: "[]",
      }),
    ),
  ),
  [
    ["a header matches, its name in any case", call("a.B/C", { version: "two" }), "one"],
    ["more headers go before fewer", call("a.B/C", { version: "two", color: "blue" }), "two"],
    ["a value matches by regular expression", call("a.B/C", { color: "red" }), "regex"],
    ["a method goes before headers", call("a.B/Get", { version: "three", color: "red" }), "method"],
    ["a method and its headers must match both", call("a.B/Get", { version: "one" }), "rest"],
    ["no matches match every request", call("a.B/C"), "rest"],
  ],
);

describe("a GRPCRoute", () => {
  const mesh = new SmallMesh(
    grpcYaml(`[{
      filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-a, value: "1" }], remove: [x-b] } }],
      backendRefs: [{ name: orders-v1, port: 80, weight: 3 }, { name: orders-v2, port: 80, weight: 1 }, { name: orders, port: 80, weight: 0 }] }]`),
  );

  test("keeps weights exactly", () => {
    const seen: Record<string, number> = {};
    for (let i = 0; i < 40; i++) {
      const { service = "" } = mesh.ask(call("a.B/C"));
      seen[service] = (seen[service] ?? 0) + 1;
    }
    expect(seen).toEqual({ "prod/orders-v1": 30, "prod/orders-v2": 10 });
  });

  test("edits metadata", () => {
    const { headers } = mesh.ask(call("a.B/C", { "x-a": "0", "x-b": "0" }));
    expect(headers).toEqual({ "content-type": "application/grpc", "x-a": "1" });
  });

  test("makes the ports that it stands at and sends to speak gRPC, and no others", () => {
    const protocol = (service: string, port: number) => mesh.port(service, port).protocol;
    expect([protocol("prod/orders", 80), protocol("prod/orders-v1", 80)]).toEqual(["grpc", "grpc"]);
    expect([protocol("prod/orders", 8080), protocol("prod/orders-v1", 8080)]).toEqual(["http", "http"]);
  });

  test("does not stand at a port that speaks TCP, nor send to one", () => {
    const parents = '[{ group: "", kind: Service, name: orders, port: 7000 }]';
    const wrong = new SmallMesh(grpcYaml("[{ backendRefs: [{ name: orders-v1, port: 7000 }] }]", { parents }));
    expect(wrong.conditionsOf("prod/route")).toEqual([
      "Service/prod/orders:7000 Accepted=False NoMatchingParent",
      "Service/prod/orders:7000 ResolvedRefs=False UnsupportedProtocol",
    ]);
  });

  test("of the caller's namespace takes the place of the producer's", () => {
    const consumer = grpcYaml("[{ backendRefs: [{ name: tools, port: 80 }] }]", {
      namespace: "dev",
      parents: '[{ group: "", kind: Service, name: orders, namespace: prod, port: 80 }]',
    });
    const both = new SmallMesh(grpcYaml("[{ backendRefs: [{ name: orders-v1, port: 80 }] }]"), consumer);
    expect(both.ask({ ...call("a.B/C"), callerNamespace: "dev" }).service).toBe("dev/tools");
    expect(both.ask(call("a.B/C")).service).toBe("prod/orders-v1");
  });

  test("with a filter that is not supported answers 500 instead of passing it over", () => {
    const mirror = "{ type: RequestMirror, requestMirror: { backendRef: { name: orders, port: 80 } } }";
    const mirrored = new SmallMesh(grpcYaml(`[{ filters: [${mirror}], backendRefs: [{ name: orders, port: 80 }] }]`));
    expect(mirrored.ask(call("a.B/C")).status).toBe(500);
  });

  test("refuses a regular expression outside the dialect, in any part", () => {
    const bad = (fields: string) =>
      new SmallMesh(grpcYaml(`[{ matches: [{ method: { type: RegularExpression, ${fields} } }] }]`)).issues.map(
        ({ code }) => code,
      );
    expect(bad('service: "(?i)a", method: b')).toContain("SV1121");
    expect(bad('service: a, method: "(?=b)"')).toContain("SV1121");
    expect(bad(`service: ${"a".repeat(200)}, method: ${"b".repeat(200)}`)).toEqual(["SV1121"]);
  });
});

describe("GRPCRoute and HTTPRoute", () => {
  test("at one port do not merge: the GRPCRoute has it", () => {
    const mesh = new SmallMesh(
      routeYaml("[{ backendRefs: [{ name: orders-v1, port: 80 }] }]", { name: "a" }),
      grpcYaml("[{ matches: [{ method: { service: a.B } }], backendRefs: [{ name: orders-v2, port: 80 }] }]", {
        name: "b",
      }),
    );
    expect(mesh.conditionsOf("prod/a")[0]).toBe("Service/prod/orders:80 Accepted=False Conflicted");
    expect(mesh.conditionsOf("prod/b")[0]).toBe("Service/prod/orders:80 Accepted=True Accepted");
    expect(mesh.ask(call("a.B/C")).service).toBe("prod/orders-v2");
    expect(mesh.ask(call("x.Y/Z")).status).toBe(404);
  });

  test("at different ports of a Service live side by side", () => {
    const at = (port: number) => ({ parents: `[{ group: "", kind: Service, name: orders, port: ${port} }]` });
    const mesh = new SmallMesh(
      routeYaml("[{ backendRefs: [{ name: orders-v1, port: 8080 }] }]", { name: "a", ...at(8080) }),
      grpcYaml("[{ backendRefs: [{ name: orders-v2, port: 80 }] }]", { name: "b", ...at(80) }),
    );
    expect(mesh.issues).toEqual([]);
    expect(mesh.ask(call("a.B/C")).service).toBe("prod/orders-v2");
    expect(mesh.ask({}, "prod/orders", 8080).service).toBe("prod/orders-v1");
  });

  const gateway = `
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: prod }
spec: { gatewayClassName: selvedge, listeners: [{ name: any, port: 8000, protocol: HTTP }, { name: grpc, port: 8001, protocol: HTTP, hostname: "*.grpc.example" }] }
`;
  const to = (
    kind: string,
    name: string,
    service: string,
    hostnames: string,
    parent = "name: edge, sectionName: any",
  ) =>
    routeYaml(`[{ backendRefs: [{ name: ${service}, port: 80 }] }], hostnames: ${hostnames}`, {
      kind,
      name,
      parents: `[{ ${parent} }]`,
    });

  test("at a Gateway are told apart by host name", () => {
    const mesh = new SmallMesh(
      gateway,
      to("GRPCRoute", "b", "orders-v2", "[grpc.example]"),
      to("HTTPRoute", "a", "orders-v1", "[www.example]"),
    );
    expect(mesh.issues).toEqual([]);
    expect(mesh.enter({ ...call("a.B/C"), host: "grpc.example" }).service).toBe("prod/orders-v2");
    expect(mesh.enter({ ...call("a.B/C"), host: "www.example" }).service).toBe("prod/orders-v1");
    expect(mesh.enter({ host: "grpc.example" }).status).toBe(404);
  });

  test("a GRPCRoute serves only the host names it has in common with the listener", () => {
    const at = to(
      "GRPCRoute",
      "b",
      "orders-v2",
      '[a.grpc.example, "*.other.example"]',
      "name: edge, sectionName: grpc",
    );
    const mesh = new SmallMesh(gateway, at);
    expect(mesh.enter({ ...call("a.B/C"), host: "a.grpc.example" }, "0.0.0.0:8001").status).toBe(200);
    expect(mesh.enter({ ...call("a.B/C"), host: "b.grpc.example" }, "0.0.0.0:8001").status).toBe(404);
    expect(mesh.enter({ ...call("a.B/C"), host: "x.other.example" }, "0.0.0.0:8001").status).toBe(404);
  });

  const clashes: readonly [http: string, grpc: string, clash: boolean][] = [
    ["[a.example]", "[a.example]", true],
    ['["*.example"]', "[a.example]", true],
    ["[a.example]", '["*.example"]', true],
    ["[]", "[a.example]", true],
    ["[a.example, b.example]", "[c.example, B.example]", true],
    ["[a.example]", "[b.example]", false],
    ['["*.a.example"]', "[a.example]", false],
  ];
  for (const [http, grpc, clash] of clashes) {
    test(`at one listener with ${http} and ${grpc}: ${clash ? "the first by name has them" : "both attach"}`, () => {
      // Upper case is not a host name in a document, but compares as one.
      const mesh = new SmallMesh(
        gateway,
        to("GRPCRoute", "b", "orders-v2", grpc.toLowerCase()),
        to("HTTPRoute", "a", "orders-v1", http),
      );
      expect(mesh.conditionsOf("prod/a")[0]).toBe("Gateway/prod/edge#any Accepted=True Accepted");
      const accepted = clash ? "Accepted=False Conflicted" : "Accepted=True Accepted";
      expect(mesh.conditionsOf("prod/b")[0]).toBe(`Gateway/prod/edge#any ${accepted}`);
    });
  }

  test("of one name: the GRPCRoute has it", () => {
    const mesh = new SmallMesh(
      gateway,
      to("HTTPRoute", "a", "orders-v1", "[]"),
      to("GRPCRoute", "a", "orders-v2", "[]"),
    );
    expect(mesh.enter(call("a.B/C")).service).toBe("prod/orders-v2");
  });

  test("at different listeners of a Gateway do not clash", () => {
    const mesh = new SmallMesh(
      gateway,
      to("HTTPRoute", "a", "orders-v1", "[]"),
      to("GRPCRoute", "b", "orders-v2", "[]", "name: edge, sectionName: grpc"),
    );
    expect(mesh.issues).toEqual([]);
  });
});
