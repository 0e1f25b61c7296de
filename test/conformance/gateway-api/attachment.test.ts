/** Where routes attach: MeshBasic, MeshPorts, MeshConsumerRoute, MeshFrontend, MeshFrontendHostname, and the conditions of routes. */
import { describe, expect, test } from "bun:test";
import { routeYaml, SmallMesh } from "./small-mesh.ts";

const to = (service: string) => `[{ backendRefs: [{ name: ${service}, namespace: prod, port: 80 }] }]`;
const parent = (fields: string) => `[{ group: "", kind: Service, ${fields} }]`;

describe("a Service without routes", () => {
  test("forwards to its own endpoints", () => {
    const mesh = new SmallMesh();
    expect(mesh.issues).toEqual([]);
    expect(mesh.ask()).toMatchObject({ status: 200, service: "prod/orders" });
    expect(mesh.port("prod/orders", 80).endpoints).toEqual([
      { workload: "workload/prod/orders", hostname: "127.0.0.1", port: 9000 },
    ]);
  });
});

describe("a route", () => {
  test("without a port holds for all HTTP ports of its parent", () => {
    const mesh = new SmallMesh(routeYaml(to("orders-v1"), { parents: parent("name: orders") }));
    expect(mesh.ask({}, "prod/orders", 80).service).toBe("prod/orders-v1");
    expect(mesh.ask({}, "prod/orders", 8080).service).toBe("prod/orders-v1");
    expect(mesh.port("prod/orders", 7000).routes).toBeNull();
  });

  test("with a port holds for that port alone", () => {
    const mesh = new SmallMesh(routeYaml(to("orders-v1"), { parents: parent("name: orders, port: 8080") }));
    expect(mesh.ask({}, "prod/orders", 80).service).toBe("prod/orders");
    expect(mesh.ask({}, "prod/orders", 8080).service).toBe("prod/orders-v1");
  });

  test("with a sectionName holds for the port of that name", () => {
    const mesh = new SmallMesh(routeYaml(to("orders-v1"), { parents: parent("name: orders, sectionName: alt") }));
    expect(mesh.ask({}, "prod/orders", 80).service).toBe("prod/orders");
    expect(mesh.ask({}, "prod/orders", 8080).service).toBe("prod/orders-v1");
  });

  test("may have several parents", () => {
    const parents =
      '[{ group: "", kind: Service, name: orders, port: 80 }, { group: core, kind: Service, name: orders-v1, port: 80 }]';
    const mesh = new SmallMesh(routeYaml(to("orders-v2"), { parents }));
    expect(mesh.issues).toEqual([]);
    expect(mesh.ask({}, "prod/orders").service).toBe("prod/orders-v2");
    expect(mesh.ask({}, "prod/orders-v1").service).toBe("prod/orders-v2");
  });

  test("says what became of it at each parent", () => {
    const mesh = new SmallMesh(
      routeYaml(to("orders-v1"), { parents: parent("name: orders, port: 80, sectionName: http") }),
    );
    expect(mesh.conditions).toEqual([
      {
        kind: "HTTPRoute",
        namespace: "prod",
        name: "route",
        parent: "Service/prod/orders:80#http",
        type: "Accepted",
        status: "True",
        reason: "Accepted",
        message: "the route is attached",
      },
      {
        kind: "HTTPRoute",
        namespace: "prod",
        name: "route",
        parent: "Service/prod/orders:80#http",
        type: "ResolvedRefs",
        status: "True",
        reason: "ResolvedRefs",
        message: "every backendRef resolves",
      },
    ]);
  });

  test("is ignored at a parent that does not exist, and says NoMatchingParent", () => {
    for (const fields of [
      "name: order",
      "name: orders, port: 81",
      "name: orders, sectionName: nope",
      "name: orders, namespace: qa",
    ]) {
      const mesh = new SmallMesh(routeYaml(to("orders-v1"), { parents: parent(fields) }));
      expect(mesh.issues.map((issue) => `${issue.severity} ${issue.code}`)).toEqual(["warning SV1101"]);
      expect(mesh.conditionsOf("prod/route")[0]).toEndWith("Accepted=False NoMatchingParent");
      expect(mesh.ask().service).toBe("prod/orders");
    }
  });

  test("does not attach to a port that speaks tcp", () => {
    const mesh = new SmallMesh(routeYaml(to("orders-v1"), { parents: parent("name: orders, port: 7000") }));
    expect(mesh.conditionsOf("prod/route")[0]).toEndWith("Accepted=False NoMatchingParent");
  });

  test("has its hostnames ignored at a Service, with a warning", () => {
    const mesh = new SmallMesh(routeYaml(`${to("orders-v1")}, hostnames: [other.example]`));
    expect(mesh.issues.map((issue) => issue.code)).toEqual(["SV1105"]);
    expect(mesh.ask({ host: "orders.prod" }).service).toBe("prod/orders-v1");
  });
});

describe("a route in the Service's namespace", () => {
  test("holds for callers of every namespace", () => {
    const mesh = new SmallMesh(routeYaml(to("orders-v1")));
    for (const callerNamespace of ["prod", "dev", ""]) {
      expect(mesh.ask({ callerNamespace }).service).toBe("prod/orders-v1");
    }
  });
});

describe("a route in another namespace", () => {
  const consumer = routeYaml(to("orders-v2"), {
    name: "own",
    namespace: "dev",
    parents: parent("name: orders, namespace: prod"),
  });

  test("holds for callers of its own namespace alone", () => {
    const mesh = new SmallMesh(consumer);
    expect(mesh.ask({ callerNamespace: "dev" }).service).toBe("prod/orders-v2");
    expect(mesh.ask({ callerNamespace: "prod" }).service).toBe("prod/orders");
    expect(mesh.ask({ callerNamespace: "" }).service).toBe("prod/orders");
  });

  test("takes the place of the Service's own routes", () => {
    const mesh = new SmallMesh(consumer, routeYaml(to("orders-v1")));
    expect(mesh.ask({ callerNamespace: "dev" }).service).toBe("prod/orders-v2");
    expect(mesh.ask({ callerNamespace: "prod" }).service).toBe("prod/orders-v1");
  });

  test("is not merged with the Service's own routes: what it does not match is 404", () => {
    const narrow = routeYaml(
      "[{ matches: [{ path: { value: /own } }], backendRefs: [{ name: orders-v2, namespace: prod, port: 80 }] }]",
      { name: "own", namespace: "dev", parents: parent("name: orders, namespace: prod") },
    );
    const mesh = new SmallMesh(narrow, routeYaml(to("orders-v1")));
    expect(mesh.ask({ callerNamespace: "dev", path: "/own" }).service).toBe("prod/orders-v2");
    expect(mesh.ask({ callerNamespace: "dev", path: "/" }).status).toBe(404);
    expect(mesh.ask({ callerNamespace: "prod", path: "/" }).service).toBe("prod/orders-v1");
  });
});

describe("a Service without a selector", () => {
  const frontend = `
---
apiVersion: v1
kind: Service
metadata: { name: front, namespace: prod }
spec: { ports: [{ port: 80 }] }
`;

  test("is a frontend that only routes give backends", () => {
    const mesh = new SmallMesh(frontend, routeYaml(to("orders-v1"), { parents: parent("name: front") }));
    expect(mesh.issues).toEqual([]);
    expect(mesh.port("prod/front", 80).endpoints).toEqual([]);
    expect(mesh.ask({}, "prod/front").service).toBe("prod/orders-v1");
  });
});
