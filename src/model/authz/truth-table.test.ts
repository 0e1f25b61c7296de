/**
 * One field against one request, row by row. Each row says whether the field matches in an ALLOW and in a DENY policy; they
 * differ only where an attribute is missing or ambiguous, and then to the safe side. Every row is judged twice, as the only
 * rule of an ALLOW policy (matches = allowed) and of a DENY beside an open ALLOW (matches = denied).
 */
import { describe, expect, test } from "bun:test";
import type { Caller } from "../request-facts.ts";
import type { PolicyRecord } from "../snapshot.ts";
import { buildPolicySet } from "./decide.ts";
import { callerOf, PlainRequest, type PlainRequestInit, plainConnection, strangerAt } from "./plain-facts.ts";
import type { PolicyRuleRecord } from "./record.ts";

const DOMAIN = "shop.example";
const web = callerOf(DOMAIN, "prod", "web", "10.0.0.5");
const nobody = strangerAt("10.0.0.5");
const origin = { file: "t", line: 1, col: 1 };

function setOf(action: "ALLOW" | "DENY", rule: PolicyRuleRecord, aliases: readonly string[] = []) {
  const base = { kind: "policy", name: "p", namespace: "n", dryRun: false, origin } as const;
  const subject: PolicyRecord = { ...base, key: "policy/n/subject", action, rules: [rule] };
  const open: PolicyRecord = { ...base, key: "policy/n/open", action: "ALLOW", rules: [{}] };
  const refs = {
    deny: action === "DENY" ? [subject.key] : [],
    allow: [action === "ALLOW" ? subject.key : open.key],
    audit: [],
  };
  const site = { defaultAction: "deny" as const, trustDomain: DOMAIN, trustDomainAliases: aliases };
  return buildPolicySet(refs, (key) => (key === subject.key ? subject : open), site, true);
}

function expectMatch(
  rule: PolicyRuleRecord,
  init: PlainRequestInit,
  allow: boolean,
  deny = allow,
  aliases: readonly string[] = [],
) {
  const facts = new PlainRequest(init);
  expect({ allow: setOf("ALLOW", rule, aliases).decide(facts).allowed }).toEqual({ allow });
  expect({ deny: !setOf("DENY", rule, aliases).decide(facts).allowed }).toEqual({ deny });
}

describe("principals", () => {
  const rows: readonly (readonly [pattern: string, caller: Caller, matches: boolean])[] = [
    ["shop.example/ns/prod/sa/web", web, true],
    ["cluster.local/ns/prod/sa/web", web, true],
    ["shop.example/ns/prod/sa/web2", web, false],
    ["shop.example/ns/prod/sa/we", web, false],
    ["shop.example/ns/prod2/sa/web", web, false],
    ["shop.example/ns/pro/sa/web", web, false],
    ["shop.example.evil/ns/prod/sa/web", web, false],
    ["evil.shop.example/ns/prod/sa/web", web, false],
    ["shop.exampl/ns/prod/sa/web", web, false],
    ["SHOP.EXAMPLE/ns/prod/sa/web", web, false],
    ["shop.example/ns/prod/sa/Web", web, false],
    ["shop.example/ns/prod/sa/web/", web, false],
    ["shop.example/ns/prod/sa/", web, false],
    ["shop.example/ns/prod", web, false],
    ["/shop.example/ns/prod/sa/web", web, false],
    ["shop_example/ns/prod/sa/web", web, false],
    ["*", web, true],
    ["*", nobody, false],
    ["cluster.local/*", web, true],
    ["cluster.local/*", callerOf("shop.example.evil", "prod", "web"), false],
    ["shop.example/*", callerOf("shop.examplevil", "prod", "web"), false],
    ["cluster.local/ns/prod/*", web, true],
    ["cluster.local/ns/prod/*", callerOf(DOMAIN, "prod2", "web"), false],
    ["cluster.local/ns/prod/sa/*", web, true],
    ["cluster.local/ns/prod/sa/we*", web, true],
    ["cluster.local/ns/dev/*", web, false],
    ["*/sa/web", web, true],
    ["*/sa/web", callerOf("evil", "x", "web"), true],
    ["*/sa/web", callerOf(DOMAIN, "prod", "myweb"), false],
    ["*/ns/prod/sa/web", web, true],
    ["*/ns/prod/sa/web", callerOf(DOMAIN, "nonprod", "web"), false],
    ["*web", callerOf(DOMAIN, "prod", "myweb"), true],
    ["cluster.local/ns/prod/sa/web", callerOf("cluster.local", "prod", "web"), false],
    ["evil/ns/prod/sa/web", callerOf("evil", "prod", "web"), true],
    ["shop.example/ns/prod/sa/web", nobody, false],
  ];
  test.each(rows)("%s against %j: %p", (pattern, caller, matches) => {
    expectMatch({ from: [{ principals: [pattern] }] }, { caller }, matches);
    expectMatch({ when: [{ key: "source.principal", values: [pattern] }] }, { caller }, matches);
    // A caller without identity escapes no DENY by a negation and passes no ALLOW by one.
    const isStranger = caller.principal === "";
    expectMatch(
      { from: [{ notPrincipals: [pattern] }] },
      { caller },
      isStranger ? false : !matches,
      isStranger || !matches,
    );
  });

  const aliased: readonly (readonly [pattern: string, domain: string, matches: boolean])[] = [
    ["cluster.local/ns/prod/sa/web", "old.example", true],
    ["old.example/ns/prod/sa/web", DOMAIN, true],
    ["shop.example/ns/prod/sa/web", "old.example", true],
    ["old.example/*", DOMAIN, true],
    ["old.example/*", "old.example.evil", false],
    ["cluster.local/*", "older.example", false],
    ["other.example/ns/prod/sa/web", DOMAIN, false],
    ["other.example/ns/prod/sa/web", "old.example", false],
  ];
  test.each(aliased)("with the alias old.example, %s against a caller of %s: %p", (pattern, domain, matches) => {
    expectMatch({ from: [{ principals: [pattern] }] }, { caller: callerOf(domain, "prod", "web") }, matches, matches, [
      "old.example",
    ]);
  });
});

describe("namespaces and service accounts", () => {
  const rows: readonly (readonly [
    field: "namespaces" | "serviceAccounts",
    value: string,
    caller: Caller,
    matches: boolean,
  ])[] = [
    ["namespaces", "prod", web, true],
    ["namespaces", "prod2", web, false],
    ["namespaces", "pro", web, false],
    ["namespaces", "Prod", web, false],
    ["namespaces", "pro*", web, true],
    ["namespaces", "*od", web, true],
    ["namespaces", "*", web, true],
    ["namespaces", "*", nobody, false],
    ["namespaces", "", nobody, false],
    ["serviceAccounts", "prod/web", web, true],
    ["serviceAccounts", "prod/web2", web, false],
    ["serviceAccounts", "dev/web", web, false],
    ["serviceAccounts", "web", web, false],
    ["serviceAccounts", "prod/web", nobody, false],
  ];
  test.each(rows)("%s [%j] against %j: %p", (field, value, caller, matches) => {
    expectMatch({ from: [{ [field]: [value] }] }, { caller }, matches);
    const key = field === "namespaces" ? "source.namespace" : "source.serviceAccount";
    expectMatch({ when: [{ key, values: [value] }] }, { caller }, matches);
    const isStranger = caller.principal === "";
    const negation = field === "namespaces" ? "notNamespaces" : "notServiceAccounts";
    expectMatch({ from: [{ [negation]: [value] }] }, { caller }, isStranger ? false : !matches, isStranger || !matches);
  });
});

describe("addresses", () => {
  const rows: readonly (readonly [block: string, ip: string, matches: boolean | undefined])[] = [
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.0.0.5", "10.0.0.5", true],
    ["10.0.0.5", "10.0.0.50", false],
    ["10.0.0.4/31", "10.0.0.5", true],
    ["10.0.0.6/31", "10.0.0.5", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["128.0.0.0/1", "200.1.2.3", true],
    ["128.0.0.0/1", "127.255.255.255", false],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["::ffff:10.0.0.0/104", "10.1.2.3", true],
    ["::/0", "10.1.2.3", false],
    ["0.0.0.0/0", "::1", false],
    ["fd00::/8", "fd12:3456::1", true],
    ["fd00::/8", "fe80::1", false],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["::1/128", "::2", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["10.0.0.0/8", "", undefined],
    ["0.0.0.0/0", "not an address", undefined],
    ["0.0.0.0/0", "010.0.0.1", undefined],
  ];
  test.each(rows)("%s against %j: %p", (block, ip, matches) => {
    const at = (address: string): Caller => ({ ...web, ip: address });
    const positive = matches ?? false;
    const allowed = matches === undefined ? false : !matches;
    const denied = matches === undefined ? true : !matches;
    expectMatch({ from: [{ ipBlocks: [block] }] }, { caller: at(ip), remoteIp: "192.0.2.1" }, positive);
    expectMatch({ from: [{ notIpBlocks: [block] }] }, { caller: at(ip), remoteIp: "192.0.2.1" }, allowed, denied);
    expectMatch({ from: [{ remoteIpBlocks: [block] }] }, { caller: at("192.0.2.1"), remoteIp: ip }, positive);
    expectMatch(
      { when: [{ key: "remote.ip", notValues: [block] }] },
      { caller: at("192.0.2.1"), remoteIp: ip },
      allowed,
      denied,
    );
    expectMatch({ when: [{ key: "destination.ip", values: [block] }] }, { caller: web, destinationIp: ip }, positive);
    expectMatch({ when: [{ key: "source.ip", values: [block] }] }, { caller: at(ip), remoteIp: "192.0.2.1" }, positive);
  });
});

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
    expect(setOf("ALLOW", rule).decideConnection(facts).allowed).toBe(allow);
    expect(setOf("DENY", rule).decideConnection(facts).allowed).toBe(!deny);
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
