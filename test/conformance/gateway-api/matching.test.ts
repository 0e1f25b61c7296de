/** HTTPRoute matching: MeshHTTPRouteMatching, -QueryParamMatching, HTTPRoute{ExactPathMatching, PathMatchOrder, HeaderMatching, MethodMatching, MatchingAcrossRoutes, NamedRule}. */
import { describe, expect, test } from "bun:test";
import type { RequestSketch } from "../../../src/model/route/testing.ts";
import { routeYaml, SmallMesh } from "./small-mesh.ts";

type Case = readonly [what: string, request: RequestSketch, rule: string | 404];

/** Rules by name; each goes to the Service itself. */
function rules(byName: Readonly<Record<string, string>>): string {
  const list = Object.entries(byName).map(
    ([name, matches]) => `{ name: ${name}, matches: ${matches}, backendRefs: [{ name: orders, port: 80 }] }`,
  );
  return `[${list.join(", ")}]`;
}

function check(group: string, mesh: SmallMesh, cases: readonly Case[]): void {
  describe(group, () => {
    test("compiles without a complaint", () => expect(mesh.issues).toEqual([]));
    for (const [what, request, expected] of cases) {
      test(what, () => {
        const outcome = mesh.ask(request);
        if (expected === 404) expect(outcome.status).toBe(404);
        else expect(outcome.rule?.id).toEndWith(`/${expected}`);
      });
    }
  });
}

const header = (name: string, value: string, type = "Exact") => `{ name: ${name}, value: "${value}", type: ${type} }`;

check(
  "path matching",
  new SmallMesh(
    routeYaml(
      rules({
        exact: "[{ path: { type: Exact, value: /one } }]",
        "exact-slash": "[{ path: { type: Exact, value: /one/ } }]",
        short: "[{ path: { type: PathPrefix, value: /two } }]",
        long: "[{ path: { type: PathPrefix, value: /two/three/ } }]",
        regex: '[{ path: { type: RegularExpression, value: "/four/[0-9]+" } }]',
        escaped: "[{ path: { type: Exact, value: /caf%c3%a9 } }]",
      }),
    ),
  ),
  [
    ["an exact path matches itself", { path: "/one" }, "exact"],
    ["an exact path with a slash at the end is another path", { path: "/one/" }, "exact-slash"],
    ["an exact path does not match what lies below it", { path: "/one/x" }, 404],
    ["an exact path is case-sensitive", { path: "/ONE" }, 404],
    ["a prefix matches itself", { path: "/two" }, "short"],
    ["a prefix matches itself with a slash", { path: "/two/" }, "short"],
    ["a prefix matches what lies below it", { path: "/two/x/y" }, "short"],
    ["a prefix does not match within a segment", { path: "/twofold" }, 404],
    ["a prefix is case-sensitive", { path: "/Two" }, 404],
    ["the longer prefix goes first, its trailing slash ignored", { path: "/two/three" }, "long"],
    ["the longer prefix goes first below it too", { path: "/two/three/four" }, "long"],
    ["a longer prefix does not match within a segment", { path: "/two/threes" }, "short"],
    ["a regular expression matches the whole path", { path: "/four/42" }, "regex"],
    ["a regular expression does not match a part of the path", { path: "/four/42/x" }, 404],
    ["a path is compared in its normalised form", { path: "/caf%C3%A9" }, "escaped"],
    ["nothing matches: 404", { path: "/" }, 404],
  ],
);

check(
  "header matching",
  new SmallMesh(
    routeYaml(
      rules({
        one: `[{ headers: [${header("version", "one")}] }]`,
        two: `[{ headers: [${header("Version", "two")}] }]`,
        both: `[{ headers: [${header("version", "two")}, ${header("color", "orange")}] }]`,
        either: `[{ headers: [${header("color", "blue")}] }, { headers: [${header("color", "green")}] }]`,
        pattern: `[{ headers: [${header("shade", "dark-[a-z]+", "RegularExpression")}] }]`,
        empty: `[{ headers: [${header("mark", "x")}] }]`,
      }),
    ),
  ),
  [
    ["a header matches by its value", { headers: { version: "one" } }, "one"],
    ["a header's name is case-insensitive", { headers: { version: "two" } }, "two"],
    ["more headers go before fewer", { headers: { version: "two", color: "orange" } }, "both"],
    ["all headers of a match must hold", { headers: { version: "one", color: "orange" } }, "one"],
    ["a header's value is case-sensitive", { headers: { version: "ONE" } }, 404],
    ["a header's value is compared whole", { headers: { version: "one-more" } }, 404],
    ["one of several matches is enough", { headers: { color: "green" } }, "either"],
    ["a pattern matches the whole value", { headers: { shade: "dark-red" } }, "pattern"],
    ["a pattern does not match a part of the value", { headers: { shade: "very dark-red" } }, 404],
    ["the first of repeated headers counts", { headers: { version: ["one", "two"] } }, "one"],
    ["an absent header does not match", { headers: {} }, 404],
  ],
);

check(
  "query matching",
  new SmallMesh(
    routeYaml(
      rules({
        whale: `[{ queryParams: [${header("animal", "whale")}] }]`,
        dolphin: `[{ queryParams: [${header("animal", "dolphin")}] }]`,
        blue: `[{ queryParams: [${header("animal", "dolphin")}, ${header("color", "blue")}] }]`,
        pattern: `[{ queryParams: [${header("id", "[0-9]{2,4}", "RegularExpression")}] }]`,
        spaced: `[{ queryParams: [${header("a-b", "c d e")}] }]`,
        blank: `[{ queryParams: [${header("flag", ".*", "RegularExpression")}] }]`,
      }),
    ),
  ),
  [
    ["a parameter matches by its value", { query: "animal=whale" }, "whale"],
    ["a parameter matches wherever it stands", { query: "x=1&animal=whale&y=2" }, "whale"],
    ["more parameters go before fewer", { query: "animal=dolphin&color=blue" }, "blue"],
    ["other parameters do not matter", { query: "animal=dolphin&color=red" }, "dolphin"],
    ["a parameter's name is case-sensitive", { query: "Animal=whale" }, 404],
    ["a parameter's value is case-sensitive", { query: "animal=Whale" }, 404],
    ["the first of repeated parameters counts", { query: "animal=shark&animal=whale" }, 404],
    ["an encoded value matches what it stands for", { query: "animal=%77hale" }, "whale"],
    ["an encoded name matches what it stands for", { query: "%61nimal=whale" }, "whale"],
    ["plus and %20 are spaces", { query: "a-b=c+d%20e" }, "spaced"],
    ["a pattern matches the whole value", { query: "id=123" }, "pattern"],
    ["a pattern does not match a part of the value", { query: "id=12345" }, 404],
    ["a parameter without a value has an empty one", { query: "flag" }, "blank"],
    ["a malformed escape is taken as it stands", { query: "animal=%zz" }, 404],
    ["an absent parameter does not match", { query: "" }, 404],
    ["a parameter's name does not match at the end of another's", { query: "xanimal=whale" }, 404],
  ],
);

check(
  "method matching and precedence",
  new SmallMesh(
    routeYaml(
      rules({
        get: "[{ method: GET }]",
        "get-a": "[{ path: { type: PathPrefix, value: /a }, method: GET }]",
        "plain-a": "[{ path: { type: PathPrefix, value: /a } }]",
        "long-a": "[{ path: { type: PathPrefix, value: /a/long } }]",
        "header-a": `[{ path: { type: PathPrefix, value: /a }, headers: [${header("x", "1")}, ${header("y", "1")}] }]`,
        "query-a": `[{ path: { type: PathPrefix, value: /a }, queryParams: [${header("q", "1")}] }]`,
        "exact-a": "[{ path: { type: Exact, value: /a/exact } }]",
        "regex-a": '[{ path: { type: RegularExpression, value: "/a/(exact|regex).*" } }]',
        first: "[{ path: { type: PathPrefix, value: /tie } }]",
        second: "[{ path: { type: PathPrefix, value: /tie } }]",
      }),
    ),
  ),
  [
    ["a method matches", { path: "/z" }, "get"],
    ["another method does not", { path: "/z", method: "POST" }, 404],
    ["a method is case-sensitive", { path: "/z", method: "get" }, 404],
    ["a longer prefix goes before a method", { path: "/a/long/x" }, "long-a"],
    ["a method goes before any number of headers", { path: "/a", headers: { x: "1", y: "1" } }, "get-a"],
    ["headers go before a query", { path: "/a", method: "PUT", headers: { x: "1", y: "1" }, query: "q=1" }, "header-a"],
    ["a query goes before nothing", { path: "/a", method: "PUT", query: "q=1" }, "query-a"],
    ["an exact path goes before a regular expression", { path: "/a/exact" }, "exact-a"],
    ["a regular expression goes before a prefix", { path: "/a/regex" }, "regex-a"],
    ["what is left is the prefix alone", { path: "/a", method: "PUT" }, "plain-a"],
    ["of equal rules the first in order has it", { path: "/tie", method: "PUT" }, "first"],
  ],
);

describe("several routes for one Service", () => {
  const one = (name: string, matches: string) =>
    routeYaml(`[{ name: ${name}, matches: ${matches}, backendRefs: [{ name: orders, port: 80 }] }]`, { name });
  const mesh = new SmallMesh(
    one("b-route", "[{ path: { type: PathPrefix, value: /same } }, { path: { type: PathPrefix, value: /b/long } }]"),
    one("a-route", "[{ path: { type: PathPrefix, value: /same } }, { path: { type: PathPrefix, value: /b } }]"),
  );

  test("are merged: the more special match goes first, whichever route it stands in", () => {
    expect(mesh.ask({ path: "/b/long/x" }).rule?.routeName).toBe("prod/b-route");
    expect(mesh.ask({ path: "/b/x" }).rule?.routeName).toBe("prod/a-route");
  });

  test("decide ties by namespace and name", () => {
    expect(mesh.ask({ path: "/same" }).rule?.routeName).toBe("prod/a-route");
  });

  test("reject together what none of them matches", () => expect(mesh.ask({ path: "/none" }).status).toBe(404));
});

describe("rules", () => {
  test("without matches take everything", () => {
    const mesh = new SmallMesh(routeYaml("[{ backendRefs: [{ name: orders-v1, port: 80 }] }]"));
    expect(mesh.ask({ path: "/any", method: "PATCH" }).service).toBe("prod/orders-v1");
  });

  test("have their name or their position in their id", () => {
    const mesh = new SmallMesh(
      routeYaml(
        "[{ name: named, matches: [{ path: { value: /n } }], backendRefs: [{ name: orders, port: 80 }] }, { backendRefs: [{ name: orders, port: 80 }] }]",
      ),
    );
    expect(mesh.ask({ path: "/n" }).rule?.id).toBe("httproute/prod/route/named");
    expect(mesh.ask({ path: "/" }).rule?.id).toBe("httproute/prod/route/1");
  });

  test("with a pattern outside the dialect are refused where they stand", () => {
    const mesh = new SmallMesh(
      routeYaml(
        '[{ matches: [{ path: { type: RegularExpression, value: "/(a)\\\\1" } }], backendRefs: [{ name: orders, port: 80 }] }]',
      ),
    );
    expect(mesh.issues.map((issue) => `${issue.severity} ${issue.code}`)).toEqual(["error SV1121"]);
    expect(mesh.issues[0]!.message).toContain("back-references are not supported");
  });
});
