/**
 * One field against one request, row by row. Each row says whether the field matches in an ALLOW and in a DENY policy; they
 * differ only where an attribute is missing or ambiguous, and then to the safe side. Every row is judged twice, as the only
 * rule of an ALLOW policy (matches = allowed) and of a DENY beside an open ALLOW (matches = denied).
 */
import { describe, expect, test } from "bun:test";
import { callerOf, type PlainRequestInit, plainConnection, strangerAt } from "./plain-facts.ts";
import type { PolicyRuleRecord } from "./record.ts";
import { TEST_DOMAIN as DOMAIN, matchesOf, setWithRule } from "./testing.ts";

const web = callerOf(DOMAIN, "prod", "web", "10.0.0.5");
const nobody = strangerAt("10.0.0.5");

function expectMatch(
  rule: PolicyRuleRecord,
  init: PlainRequestInit,
  allow: boolean,
  deny = allow,
  aliases: readonly string[] = [],
): void {
  expect(matchesOf(rule, init, aliases)).toEqual({ allow, deny });
}

describe("paths", () => {
  const rows: readonly (readonly [pattern: string, path: string, matches: boolean])[] = [
    ["/a", "/a", true],
    ["/a", "/a/", false],
    ["/a", "/A", false],
    ["/a", "/ab", false],
    ["/a*", "/ab", true],
    ["/a*", "/a", true],
    ["/a/*", "/a", false],
    ["/a/*", "/a/", true],
    ["/a/*", "/a/b/c", true],
    ["*/b", "/a/b", true],
    ["*.png", "/x/y.png", true],
    ["*.png", "/x/y.png/z", false],
    ["*", "/", true],
    ["*", "*", true],
    ["/a.b", "/axb", false],
    ["/a(b", "/a(b", true],
    ["/svc.Orders/Get", "/svc.Orders/Get", true],
    ["/a/{*}", "/a/b", true],
    ["/a/{*}", "/a/", false],
    ["/a/{*}", "/a/b/c", false],
    ["/a/{*}", "/a", false],
    ["/a/{*}/c", "/a/b/c", true],
    ["/a/{*}/c", "/a/b/b/c", false],
    ["/a/{*}/c", "/a//c", false],
    ["/{*}/b/{*}", "/a/b/c", true],
    ["/{*}/b/{*}", "/a/x/c", false],
    ["/a/{**}", "/a/", true],
    ["/a/{**}", "/a/b", true],
    ["/a/{**}", "/a/b/c/", true],
    ["/a/{**}", "/a", false],
    ["/a/{**}", "/ab", false],
    ["/a/{*}/b/{**}", "/a/x/b/", true],
    ["/a/{*}/b/{**}", "/a/x/b", false],
    ["/a/{*}/b/{**}", "/a/x/c/b/y", false],
    ["/{**}", "/", true],
    ["/{*}", "/\u00e9\u00ff", true],
  ];
  test.each(rows)("%s against %s: %p", (pattern, path, matches) => {
    expectMatch({ to: [{ paths: [pattern] }] }, { caller: web, path }, matches);
    expectMatch({ to: [{ notPaths: [pattern] }] }, { caller: web, path }, !matches);
    expectMatch({ to: [{ paths: ["/nowhere", pattern], methods: ["GET"] }] }, { caller: web, path }, matches);
  });
});

describe("methods, hosts and ports", () => {
  const methods: readonly (readonly [pattern: string, method: string, matches: boolean])[] = [
    ["GET", "GET", true],
    ["GET", "get", false],
    ["GET", "HEAD", false],
    ["P*", "PUT", true],
    ["*", "BREW", true],
    ["", "GET", false],
  ];
  test.each(methods)("method %j against %s: %p", (pattern, method, matches) => {
    expectMatch({ to: [{ methods: [pattern] }] }, { caller: web, method }, matches);
    expectMatch({ to: [{ notMethods: [pattern] }] }, { caller: web, method }, !matches);
  });

  const hosts: readonly (readonly [pattern: string, host: string, matches: boolean])[] = [
    ["orders.prod", "orders.prod", true],
    ["ORDERS.Prod", "orders.prod", true],
    ["orders.prod:*", "orders.prod", true],
    ["orders.prod", "orders.prod.", true],
    ["orders.prod", "xorders.prod", false],
    ["orders.prod", "orders.prod.evil", false],
    ["*.prod", "orders.prod", true],
    ["*.prod", "prod", false],
    ["orders.prod.", "orders.prod", true],
    ["orders.prod.", "orders.prod.", true],
    ["*.prod.", "orders.prod", true],
    ["*.", "orders.prod", false],
    ["orders.*", "orders.dev", true],
    ["*", "anything", true],
    ["[::1]", "::1", true],
  ];
  test.each(hosts)("host %s against %s: %p", (pattern, host, matches) => {
    expectMatch({ to: [{ hosts: [pattern] }] }, { caller: web, host }, matches);
    expectMatch({ to: [{ notHosts: [pattern] }] }, { caller: web, host }, !matches);
  });

  test("a request without a host matches no host, and a negation only in a DENY", () => {
    expectMatch({ to: [{ hosts: ["*"] }] }, { caller: web, host: "" }, false);
    expectMatch({ to: [{ notHosts: ["orders.prod"] }] }, { caller: web, host: "" }, false, true);
  });

  test.each([
    [80, 80, true],
    [80, 8080, false],
    [443, 80, false],
  ])("port %d against %d: %p", (port, destinationPort, matches) => {
    expectMatch({ to: [{ ports: [port] }] }, { caller: web, destinationPort }, matches);
    expectMatch({ to: [{ notPorts: [port] }] }, { caller: web, destinationPort }, !matches);
    expectMatch(
      { when: [{ key: "destination.port", values: [String(port)] }] },
      { caller: web, destinationPort },
      matches,
    );
  });
});

describe("headers", () => {
  /** Lines of x-role, values, whether an ALLOW and whether a DENY matches by `values`, then the same by `notValues`. */
  const rows: readonly (readonly [
    lines: readonly string[],
    pattern: string,
    allow: boolean,
    deny: boolean,
    notAllow: boolean,
    notDeny: boolean,
  ])[] = [
    [["admin"], "admin", true, true, false, false],
    [["Admin"], "admin", false, false, true, true],
    [["admin2"], "admin", false, false, true, true],
    [[], "admin", false, false, true, true],
    [[], "*", false, false, true, true],
    [[""], "*", false, true, false, true],
    [["x"], "*", true, true, false, false],
    [["guest", "admin"], "admin", false, true, false, true],
    [["admin", "guest"], "admin", false, true, false, true],
    [["admin", "admin"], "admin", false, true, false, true],
    [["admin", "admin2"], "admin*", true, true, false, false],
    [["guest,admin"], "admin", false, true, false, true],
    [["guest , admin"], "admin", false, true, false, true],
    [["guest", "x,admin"], "admin", false, true, false, true],
    [["a,b"], "a,b", true, true, false, false],
    [["a", "b"], "a,b", false, true, false, true],
    [["admin\u0080"], "admin", false, false, true, true],
    [["admin\u00ff"], "admin*", true, true, false, false],
    [["\u00e9"], "\u00e9", true, true, false, false],
    [["\u00e9", "admin"], "admin", false, true, false, true],
    [["prefix-x"], "*-x", true, true, false, false],
    [["admin\tx"], "admin", false, false, true, true],
  ];
  test.each(rows)("x-role %j against %j", (lines, pattern, allow, deny, notAllow, notDeny) => {
    const headers = lines.map((line) => ["X-Role", line] as const);
    const key = "request.headers[X-ROLE]";
    expectMatch({ when: [{ key, values: [pattern] }] }, { caller: web, headers }, allow, deny);
    expectMatch({ when: [{ key, notValues: [pattern] }] }, { caller: web, headers }, notAllow, notDeny);
  });

  test("names of object members are headers like any other", () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      expectMatch({ when: [{ key: `request.headers[${name}]`, values: ["*"] }] }, { caller: web }, false);
      expectMatch(
        { when: [{ key: `request.headers[${name}]`, values: ["x"] }] },
        { caller: web, headers: [[name, "x"]] },
        true,
      );
    }
  });
});

describe("attributes that no request has yet", () => {
  test.each([
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "request.auth.claims[a]",
    "connection.sni",
  ])("%s never matches by values, and by notValues only in a DENY", (key) => {
    expectMatch({ when: [{ key, values: ["*"] }] }, { caller: web }, false);
    expectMatch({ when: [{ key, notValues: ["*"] }] }, { caller: web }, false, true);
  });

  test("the usual DENY of requests without a token denies them all", () => {
    expectMatch({ from: [{ notRequestPrincipals: ["*"] }] }, { caller: web }, false, true);
    expectMatch({ from: [{ requestPrincipals: ["*"] }] }, { caller: web }, false);
  });
});

describe("raw TCP", () => {
  const rows: readonly (readonly [title: string, rule: PolicyRuleRecord, allow: boolean, deny: boolean])[] = [
    ["an empty rule", {}, true, true],
    ["the caller", { from: [{ principals: ["cluster.local/ns/prod/sa/web"] }] }, true, true],
    ["another caller", { from: [{ namespaces: ["dev"] }] }, false, false],
    ["the port", { to: [{ ports: [5432] }] }, true, true],
    ["another port", { to: [{ ports: [80] }] }, false, false],
    ["an address", { from: [{ ipBlocks: ["10.0.0.0/8"] }] }, true, true],
    ["a remote address, which is the packets'", { from: [{ remoteIpBlocks: ["10.0.0.0/8"] }] }, true, true],
    ["a method", { to: [{ methods: ["GET"] }] }, false, true],
    ["a negated method", { to: [{ notMethods: ["GET"] }] }, false, true],
    ["a path", { to: [{ paths: ["/x"] }] }, false, true],
    ["a host", { to: [{ hosts: ["x"] }] }, false, true],
    ["a header", { when: [{ key: "request.headers[x]", values: ["y"] }] }, false, true],
    ["an absent header", { when: [{ key: "request.headers[x]", notValues: ["*"] }] }, false, true],
    ["a token", { from: [{ requestPrincipals: ["*"] }] }, false, true],
    ["a method on another port", { to: [{ methods: ["GET"], ports: [80] }] }, false, false],
    ["a method of another caller", { from: [{ namespaces: ["dev"] }], to: [{ methods: ["GET"] }] }, false, false],
    [
      "a port beside an operation with a method",
      { to: [{ methods: ["GET"], ports: [80] }, { ports: [5432] }] },
      false,
      true,
    ],
    ["destination.port", { when: [{ key: "destination.port", values: ["5432"] }] }, true, true],
    ["source.namespace", { when: [{ key: "source.namespace", notValues: ["prod"] }] }, false, false],
  ];
  test.each(rows)("a rule with %s", (_title, rule, allow, deny) => {
    const facts = plainConnection(web, 5432, "127.0.0.1");
    expect(setWithRule("ALLOW", rule).decideConnection(facts).allowed).toBe(allow);
    expect(setWithRule("DENY", rule).decideConnection(facts).allowed).toBe(!deny);
  });
});

describe("rules", () => {
  const prodGet: PolicyRuleRecord = {
    from: [{ namespaces: ["prod"] }, { namespaces: ["ops"] }],
    to: [{ methods: ["GET"] }, { paths: ["/open"] }],
  };
  const rows: readonly (readonly [rule: PolicyRuleRecord, init: PlainRequestInit, matches: boolean])[] = [
    [prodGet, { caller: web }, true],
    [prodGet, { caller: web, method: "POST" }, false],
    [prodGet, { caller: web, method: "POST", path: "/open" }, true],
    [prodGet, { caller: callerOf(DOMAIN, "ops", "x") }, true],
    [prodGet, { caller: callerOf(DOMAIN, "dev", "x") }, false],
    [{ from: [{ namespaces: ["prod"], notPrincipals: ["*/sa/web"] }] }, { caller: web }, false],
    [
      { from: [{ namespaces: ["prod"], notPrincipals: ["*/sa/web"] }] },
      { caller: callerOf(DOMAIN, "prod", "x") },
      true,
    ],
    [{ to: [{ methods: ["GET"], notPaths: ["/admin", "/admin/*"] }] }, { caller: web, path: "/admin/x" }, false],
    [{ to: [{ methods: ["GET"], notPaths: ["/admin", "/admin/*"] }] }, { caller: web, path: "/adminx" }, true],
    [{ when: [{ key: "source.namespace", values: ["prod"], notValues: ["prod"] }] }, { caller: web }, false],
    [
      {
        when: [
          { key: "source.namespace", values: ["prod"] },
          { key: "destination.port", values: ["81"] },
        ],
      },
      { caller: web },
      false,
    ],
    [{}, { caller: nobody }, true],
  ];
  test.each(rows)("%j against %j: %p", (rule, init, matches) => {
    expectMatch(rule, init, matches);
  });
});
