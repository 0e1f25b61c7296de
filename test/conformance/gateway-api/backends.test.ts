/** Backends: MeshTrafficSplit, MeshHTTPRouteWeight, -SimpleSameNamespace, HTTPRoute{NoBackendRefs, InvalidNonExistentBackendRef, InvalidBackendRefUnknownKind, CrossNamespace}, TCPRoute weights. */
import { describe, expect, test } from "bun:test";
import { routeYaml, SmallMesh } from "./small-mesh.ts";

function tally(mesh: SmallMesh, requests: number): Record<string, number> {
  const seen: Record<string, number> = {};
  for (let request = 0; request < requests; request++) {
    const outcome = mesh.ask();
    const key = outcome.service ?? String(outcome.status);
    seen[key] = (seen[key] ?? 0) + 1;
  }
  return seen;
}

const backends = (...refs: readonly string[]) => routeYaml(`[{ backendRefs: [${refs.join(", ")}] }]`);

describe("weights", () => {
  test("are kept exactly", () => {
    const mesh = new SmallMesh(
      backends("{ name: orders-v1, port: 80, weight: 70 }", "{ name: orders-v2, port: 80, weight: 30 }"),
    );
    for (let block = 0; block < 20; block++)
      expect(tally(mesh, 10)).toEqual({ "prod/orders-v1": 7, "prod/orders-v2": 3 });
  });

  test("send exactly one in a hundred to a canary", () => {
    const mesh = new SmallMesh(
      backends("{ name: orders-v1, port: 80, weight: 99 }", "{ name: orders-v2, port: 80, weight: 1 }"),
    );
    expect(tally(mesh, 1000)).toEqual({ "prod/orders-v1": 990, "prod/orders-v2": 10 });
  });

  test("are 1 where they are not given", () => {
    const mesh = new SmallMesh(backends("{ name: orders-v1, port: 80 }", "{ name: orders-v2, port: 80 }"));
    expect(tally(mesh, 10)).toEqual({ "prod/orders-v1": 5, "prod/orders-v2": 5 });
  });

  test("of 0 get nothing", () => {
    const mesh = new SmallMesh(
      backends("{ name: orders-v1, port: 80, weight: 0 }", "{ name: orders-v2, port: 80, weight: 5 }"),
    );
    expect(tally(mesh, 50)).toEqual({ "prod/orders-v2": 50 });
  });

  test("that are all 0 give 500", () => {
    expect(tally(new SmallMesh(backends("{ name: orders-v1, port: 80, weight: 0 }")), 3)).toEqual({ "500": 3 });
  });

  test("of a million are kept", () => {
    const mesh = new SmallMesh(
      backends("{ name: orders-v1, port: 80, weight: 1000000 }", "{ name: orders-v2, port: 80, weight: 250000 }"),
    );
    expect(tally(mesh, 50)).toEqual({ "prod/orders-v1": 40, "prod/orders-v2": 10 });
  });
});

describe("a rule without backends", () => {
  test("answers 500", () =>
    expect(new SmallMesh(routeYaml("[{ matches: [{ path: { value: / } }] }]")).ask().status).toBe(500));
});

describe("a backendRef that does not resolve", () => {
  const cases: readonly [what: string, ref: string, reason: string, code: string][] = [
    ["names no Service", "{ name: order-v2, port: 80 }", "BackendNotFound", "SV1111"],
    ["names a port that the Service lacks", "{ name: orders-v2, port: 81 }", "BackendNotFound", "SV1111"],
    ["is in a namespace without it", "{ name: orders-v2, namespace: dev, port: 80 }", "BackendNotFound", "SV1111"],
    ["speaks no HTTP", "{ name: orders-v2, port: 7000 }", "UnsupportedProtocol", "SV1114"],
  ];
  for (const [what, ref, reason, code] of cases) {
    test(`that ${what} gets 500 for exactly its share`, () => {
      const mesh = new SmallMesh(backends("{ name: orders-v1, port: 80, weight: 3 }", ref));
      expect(tally(mesh, 40)).toEqual({ "prod/orders-v1": 30, "500": 10 });
      expect(mesh.issues.map((issue) => `${issue.severity} ${issue.code}`)).toEqual([`warning ${code}`]);
      expect(mesh.conditionsOf("prod/route")).toEqual([
        "Service/prod/orders:80 Accepted=True Accepted",
        `Service/prod/orders:80 ResolvedRefs=False ${reason}`,
      ]);
    });
  }

  test("gives all 500 where it is the only one", () => {
    expect(tally(new SmallMesh(backends("{ name: nowhere, port: 80 }")), 5)).toEqual({ "500": 5 });
  });

  test("is answered with the name that was probably meant", () => {
    const mesh = new SmallMesh(backends("{ name: order-v2, port: 80 }"));
    expect(mesh.issues[0]!.hint).toBe("did you mean prod/orders-v2?");
  });

  test("is told which namespace has such a Service", () => {
    const mesh = new SmallMesh(backends("{ name: tools, port: 80 }"));
    expect(mesh.issues[0]!.hint).toBe("there is dev/tools: add its namespace");
  });
});

describe("a backend in another namespace", () => {
  test("needs no ReferenceGrant in the mesh", () => {
    const mesh = new SmallMesh(backends("{ name: tools, namespace: dev, port: 80 }"));
    expect(mesh.ask().service).toBe("dev/tools");
    expect(mesh.issues).toEqual([]);
  });
});

describe("a backend", () => {
  test("is not routed again by its own routes", () => {
    const mesh = new SmallMesh(
      backends("{ name: orders-v1, port: 80 }"),
      routeYaml("[{ backendRefs: [{ name: orders-v2, port: 80 }] }]", {
        name: "second",
        parents: '[{ group: "", kind: Service, name: orders-v1 }]',
      }),
    );
    expect(mesh.ask().service).toBe("prod/orders-v1");
    expect(mesh.ask({}, "prod/orders-v1").service).toBe("prod/orders-v2");
  });

  test("may be the parent itself, at its endpoints", () => {
    expect(new SmallMesh(backends("{ name: orders, port: 80 }")).ask().service).toBe("prod/orders");
  });

  test("may listen on another port of the Service", () => {
    expect(new SmallMesh(backends("{ name: orders-v1, port: 8080 }")).ask().port).toBe(8080);
  });
});

describe("time-outs", () => {
  test("are carried to the rule in milliseconds", () => {
    const mesh = new SmallMesh(
      routeYaml(
        "[{ timeouts: { request: 1s500ms, backendRequest: 500ms }, backendRefs: [{ name: orders, port: 80 }] }]",
      ),
    );
    expect(mesh.ask().rule).toMatchObject({ requestTimeoutMs: 1500, backendRequestTimeoutMs: 500 });
  });

  test("of 0s are disabled, and absent ones are the default", () => {
    const mesh = new SmallMesh(routeYaml("[{ timeouts: { request: 0s }, backendRefs: [{ name: orders, port: 80 }] }]"));
    expect(mesh.ask().rule?.requestTimeoutMs).toBe(0);
    expect(mesh.ask().rule?.backendRequestTimeoutMs).toBeUndefined();
  });
});

describe("a TCPRoute", () => {
  const tcp = (refs: string, name = "tcp", namespace = "prod", port = 7000) => `
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  parentRefs: [{ group: "", kind: Service, name: orders, namespace: prod, port: ${port} }]
  rules: [{ backendRefs: [${refs}] }]
`;

  test("splits connections exactly", () => {
    const mesh = new SmallMesh(
      tcp("{ name: orders-v1, port: 7000, weight: 9 }, { name: orders-v2, port: 7000, weight: 1 }"),
    );
    expect(mesh.issues).toEqual([]);
    expect(mesh.port("prod/orders", 7000).protocol).toBe("tcp");
    const seen = Array.from({ length: 10 }, () => mesh.connect()).sort();
    expect(seen).toEqual([...Array.from({ length: 9 }, () => "prod/orders-v1"), "prod/orders-v2"]);
  });

  test("refuses the share of a backend that does not exist", () => {
    expect(new SmallMesh(tcp("{ name: nowhere, port: 7000 }")).connect()).toBeNull();
  });

  test("of the caller's namespace takes the place of the Service's", () => {
    const mesh = new SmallMesh(
      tcp("{ name: orders-v1, port: 7000 }"),
      tcp("{ name: orders-v2, namespace: prod, port: 7000 }", "own", "dev"),
    );
    expect(mesh.connect("prod")).toBe("prod/orders-v1");
    expect(mesh.connect("dev")).toBe("prod/orders-v2");
  });

  test("loses a port to an HTTPRoute, and says Conflicted", () => {
    const mesh = new SmallMesh(
      backends("{ name: orders-v1, port: 80 }"),
      tcp("{ name: orders-v2, port: 80 }", "tcp", "prod", 80),
    );
    expect(mesh.ask().service).toBe("prod/orders-v1");
    expect(mesh.conditionsOf("prod/tcp")[0]).toBe("Service/prod/orders:80 Accepted=False Conflicted");
    expect(mesh.issues.map((issue) => issue.code)).toEqual(["SV1104"]);
  });

  test("loses a port to the TCPRoute that goes before it by name", () => {
    const mesh = new SmallMesh(
      tcp("{ name: orders-v2, port: 7000 }", "b"),
      tcp("{ name: orders-v1, port: 7000 }", "a"),
    );
    expect(mesh.connect()).toBe("prod/orders-v1");
    expect(mesh.conditionsOf("prod/b")[0]).toEndWith("Accepted=False Conflicted");
  });

  test("makes streams of a port that has no HTTPRoute", () => {
    const mesh = new SmallMesh(tcp("{ name: orders-v1, port: 7000 }", "tcp", "prod", 80));
    expect(mesh.port("prod/orders", 80).protocol).toBe("tcp");
  });
});
