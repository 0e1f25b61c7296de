/** Filters: MeshHTTPRoute{303Redirect, 307Redirect, 308Redirect, RedirectHostAndStatus, RedirectPath, RedirectPort, SchemeRedirect, RewritePath, RequestHeaderModifier, BackendRequestHeaderModifier}, HTTPRoute{ResponseHeaderModifier, RewriteHost, RedirectPortAndScheme, BackendURLRewrite, CORS}. */
import { describe, expect, test } from "bun:test";
import type { RequestSketch } from "../../../src/model/route/testing.ts";
import { routeYaml, SmallMesh } from "./small-mesh.ts";

const filtered = (filter: string, match = "{ path: { value: / } }", refs = "") =>
  new SmallMesh(routeYaml(`[{ matches: [${match}], filters: [${filter}]${refs} }]`));

const redirect = (fields: string, prefix = "/") =>
  filtered(`{ type: RequestRedirect, requestRedirect: { ${fields} } }`, `{ path: { value: "${prefix}" } }`);

describe("a redirect", () => {
  const cases: readonly [fields: string, request: RequestSketch, port: number, status: number, location: string][] = [
    ["hostname: example.org", {}, 80, 302, "http://example.org/"],
    ["hostname: example.org, statusCode: 301", {}, 80, 301, "http://example.org/"],
    ["hostname: example.org, statusCode: 303", {}, 80, 303, "http://example.org/"],
    ["hostname: example.org, statusCode: 307", {}, 80, 307, "http://example.org/"],
    ["hostname: example.org, statusCode: 308", {}, 80, 308, "http://example.org/"],
    ["scheme: https", {}, 80, 302, "https://orders.prod/"],
    ["scheme: http", {}, 8080, 302, "http://orders.prod/"],
    ["scheme: https", {}, 8080, 302, "https://orders.prod/"],
    ["scheme: https, port: 443", {}, 80, 302, "https://orders.prod/"],
    ["scheme: https, port: 8443", {}, 80, 302, "https://orders.prod:8443/"],
    ["port: 80", {}, 80, 302, "http://orders.prod/"],
    ["port: 443", {}, 80, 302, "http://orders.prod:443/"],
    ["port: 8083", {}, 80, 302, "http://orders.prod:8083/"],
    ["statusCode: 301", {}, 8080, 301, "http://orders.prod:8080/"],
    ["hostname: example.org", { path: "/a/b", query: "x=1&y=%20" }, 80, 302, "http://example.org/a/b?x=1&y=%20"],
    [
      "path: { type: ReplaceFullPath, replaceFullPath: /new }",
      { path: "/a", query: "q" },
      80,
      302,
      "http://orders.prod/new?q",
    ],
  ];
  for (const [fields, request, port, status, location] of cases) {
    test(`with ${fields} at port ${port} leads to ${status} ${location}`, () => {
      const all = '[{ group: "", kind: Service, name: orders }]';
      const mesh = new SmallMesh(
        routeYaml(`[{ filters: [{ type: RequestRedirect, requestRedirect: { ${fields} } }] }]`, { parents: all }),
      );
      expect(mesh.issues).toEqual([]);
      expect(mesh.ask(request, "prod/orders", port)).toMatchObject({ status, location });
    });
  }

  test("replaces the matched prefix", () => {
    const mesh = redirect("path: { type: ReplacePrefixMatch, replacePrefixMatch: /replaced }", "/original");
    expect(mesh.ask({ path: "/original" }).location).toBe("http://orders.prod/replaced");
    expect(mesh.ask({ path: "/original/x" }).location).toBe("http://orders.prod/replaced/x");
  });
});

describe("a path rewrite", () => {
  const cases: readonly [path: string, prefix: string, replacement: string, expected: string][] = [
    ["/foo/bar", "/foo", "/xyz", "/xyz/bar"],
    ["/foo/bar", "/foo", "/xyz/", "/xyz/bar"],
    ["/foo/bar", "/foo/", "/xyz", "/xyz/bar"],
    ["/foo/bar", "/foo/", "/xyz/", "/xyz/bar"],
    ["/foo", "/foo", "/xyz", "/xyz"],
    ["/foo/", "/foo", "/xyz", "/xyz/"],
    ["/foo/bar", "/foo", "", "/bar"],
    ["/foo/", "/foo", "", "/"],
    ["/foo", "/foo", "", "/"],
    ["/foo/", "/foo", "/", "/"],
    ["/foo", "/foo", "/", "/"],
    ["/foo/bar", "/foo", "/", "/bar"],
    ["/foo/bar", "/", "/xyz", "/xyz/foo/bar"],
    ["/", "/", "/xyz", "/xyz/"],
  ];
  for (const [path, prefix, replacement, expected] of cases) {
    test(`of ${path} matched by ${prefix} to ${JSON.stringify(replacement)} gives ${expected}`, () => {
      const mesh = filtered(
        `{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: "${replacement}" } } }`,
        `{ path: { value: "${prefix}" } }`,
        ", backendRefs: [{ name: orders-v1, port: 80 }]",
      );
      expect(mesh.issues).toEqual([]);
      expect(mesh.ask({ path }).path).toBe(expected);
    });
  }

  test("of the full path takes the place of all of it", () => {
    const mesh = filtered(
      "{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /one } } }",
      "{ path: { value: /full } }",
      ", backendRefs: [{ name: orders-v1, port: 80 }]",
    );
    expect(mesh.ask({ path: "/full/and/more" }).path).toBe("/one");
  });

  test("of the host name is lower case", () => {
    const mesh = filtered(
      "{ type: URLRewrite, urlRewrite: { hostname: one.example.org } }",
      "{ path: { value: / } }",
      ", backendRefs: [{ name: orders-v1, port: 80 }]",
    );
    expect(mesh.ask().host).toBe("one.example.org");
  });

  test("at a backend holds for that backend alone", () => {
    const rewrite =
      "filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /v1 } } }]";
    const mesh = new SmallMesh(
      routeYaml(`[{ backendRefs: [{ name: orders-v1, port: 80, ${rewrite} }, { name: orders-v2, port: 80 }] }]`),
    );
    const paths = new Set(
      Array.from({ length: 4 }, () => mesh.ask({ path: "/x" })).map((one) => `${one.service} ${one.path}`),
    );
    expect(paths).toEqual(new Set(["prod/orders-v1 /v1", "prod/orders-v2 /x"]));
  });

  test("to a path that is not in normal form is refused", () => {
    const mesh = filtered(
      "{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /a/../b } } }",
      "{ path: { value: / } }",
      ", backendRefs: [{ name: orders, port: 80 }]",
    );
    expect(mesh.issues.map((issue) => `${issue.severity} ${issue.code}`)).toEqual(["error SV1123"]);
  });
});

describe("request headers", () => {
  const modifier = (fields: string) =>
    filtered(
      `{ type: RequestHeaderModifier, requestHeaderModifier: { ${fields} } }`,
      "{ path: { value: / } }",
      ", backendRefs: [{ name: orders-v1, port: 80 }]",
    );
  const cases: readonly [fields: string, before: Record<string, string>, after: Record<string, string>][] = [
    ["set: [{ name: X-Set, value: new }]", {}, { "x-set": "new" }],
    ["set: [{ name: X-Set, value: new }]", { "x-set": "old" }, { "x-set": "new" }],
    ["set: [{ name: x-set, value: new }]", { "x-other": "1" }, { "x-other": "1", "x-set": "new" }],
    ["add: [{ name: X-Add, value: new }]", {}, { "x-add": "new" }],
    ["add: [{ name: X-Add, value: new }]", { "x-add": "old" }, { "x-add": "old,new" }],
    ["remove: [X-Remove]", { "x-remove": "1", "x-keep": "2" }, { "x-keep": "2" }],
    ["remove: [X-Remove]", { "x-keep": "2" }, { "x-keep": "2" }],
    [
      "set: [{ name: A, value: '1' }], add: [{ name: B, value: '2' }], remove: [C]",
      { a: "0", b: "0", c: "0", d: "0" },
      { a: "1", b: "0,2", d: "0" },
    ],
  ];
  for (const [fields, before, after] of cases) {
    test(`${fields} make ${JSON.stringify(after)} of ${JSON.stringify(before)}`, () => {
      expect(modifier(fields).ask({ headers: before }).headers).toEqual(after);
    });
  }

  test("edited by the rule are edited again by the backend, which has the last word", () => {
    const edit = (value: string) =>
      `filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-From, value: ${value} }], add: [{ name: x-all, value: ${value} }] } }]`;
    const mesh = new SmallMesh(
      routeYaml(`[{ ${edit("rule")}, backendRefs: [{ name: orders-v1, port: 80, ${edit("backend")} }] }]`),
    );
    expect(mesh.ask().headers).toEqual({ "x-from": "backend", "x-all": "rule,backend" });
  });

  test("of framing and identity cannot be edited", () => {
    for (const name of [
      "Host",
      "Content-Length",
      "Transfer-Encoding",
      "Connection",
      "X-Selvedge-Id",
      "X-Forwarded-For",
    ]) {
      const { issues } = modifier(`set: [{ name: ${name}, value: x }]`);
      expect([name, issues.map((issue) => issue.severity)]).toEqual([name, ["error"]]);
    }
  });
});

describe("response headers", () => {
  test("are edited by the backend first and the rule last", () => {
    const edit = (value: string) =>
      `filters: [{ type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: X-From, value: ${value} }], remove: [Server] } }]`;
    const mesh = new SmallMesh(
      routeYaml(`[{ ${edit("rule")}, backendRefs: [{ name: orders-v1, port: 80, ${edit("backend")} }] }]`),
    );
    const edits = mesh.ask().responseHeaders;
    expect(edits?.lines).toEqual([{ name: "X-From", value: "rule" }]);
    expect([...(edits?.dropped ?? [])].sort()).toEqual(["server", "x-from"]);
  });

  test("are left alone where no filter speaks of them", () => {
    expect(
      new SmallMesh(routeYaml("[{ backendRefs: [{ name: orders, port: 80 }] }]")).ask().responseHeaders,
    ).toBeNull();
  });
});

describe("CORS", () => {
  const cors = (fields: string) =>
    filtered(
      `{ type: CORS, cors: { ${fields} } }`,
      "{ path: { value: / } }",
      ", backendRefs: [{ name: orders, port: 80 }]",
    );
  const lines = (mesh: SmallMesh, origin: string, preflight = false): Record<string, string | number> => {
    const headers: Record<string, string> = { origin };
    if (preflight) {
      headers["access-control-request-method"] = "PUT";
      headers["access-control-request-headers"] = "x-a, x-b";
    }
    const outcome = mesh.ask({ method: preflight ? "OPTIONS" : "GET", headers });
    const found = Object.fromEntries(
      (outcome.cors ?? []).map((line) => [line.name.replace("access-control-", ""), line.value]),
    );
    return { status: outcome.status, ...found };
  };

  test("lets a listed origin in and says so to it alone", () => {
    const mesh = cors('allowOrigins: ["https://www.foo.example"], allowMethods: [GET, PUT], exposeHeaders: [X-A]');
    expect(mesh.issues).toEqual([]);
    expect(lines(mesh, "https://www.foo.example")).toEqual({
      status: 200,
      "allow-origin": "https://www.foo.example",
      vary: "Origin",
      "expose-headers": "X-A",
    });
    expect(lines(mesh, "https://www.bar.example")).toEqual({ status: 200 });
  });

  test("answers a preflight itself", () => {
    const mesh = cors('allowOrigins: ["https://a.example"], allowMethods: [GET, PUT], allowHeaders: [x-a], maxAge: 60');
    expect(lines(mesh, "https://a.example", true)).toEqual({
      status: 204,
      "allow-origin": "https://a.example",
      vary: "Origin",
      "allow-methods": "GET, PUT",
      "allow-headers": "x-a",
      "max-age": "60",
    });
    expect(lines(mesh, "https://b.example", true)).toEqual({ status: 204 });
  });

  test("answers any origin with a star, unless credentials are let in", () => {
    expect(lines(cors('allowOrigins: ["*"]'), "https://x.example")).toEqual({ status: 200, "allow-origin": "*" });
    const strict = cors('allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], allowCredentials: true');
    expect(lines(strict, "https://x.example", true)).toMatchObject({
      "allow-origin": "https://x.example",
      "allow-credentials": "true",
      "allow-methods": "PUT",
      "allow-headers": "x-a, x-b",
      "max-age": "5",
    });
  });

  test("lets a wildcard stand for one or more labels and nothing else", () => {
    const mesh = cors('allowOrigins: ["https://*.foo.example"]');
    const letIn = (origin: string) => "allow-origin" in lines(mesh, origin);
    expect(["https://a.foo.example", "https://a.b.foo.example"].map(letIn)).toEqual([true, true]);
    const kept = [
      "https://foo.example",
      "https://.foo.example.evil",
      "http://a.foo.example",
      "https://evil.example/?.foo.example",
    ];
    expect(kept.map(letIn)).toEqual([false, false, false, false]);
  });
});

describe("a filter that is not supported", () => {
  test("is never skipped: its rule answers 500, or the document is refused", () => {
    const mesh = filtered(
      "{ type: ExtensionRef, extensionRef: { group: example.org, kind: Thing, name: x } }",
      "{ path: { value: / } }",
      ", backendRefs: [{ name: orders, port: 80 }]",
    );
    const isRefused = mesh.issues.some((issue) => issue.severity === "error");
    expect(isRefused || mesh.ask().status === 500).toBe(true);
  });
});
