import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { RequestFacts } from "../request-facts.ts";
import type { MatchRecord, RuleRecord } from "./record.ts";
import { SplitRegistry } from "./split-registry.ts";
import { RouteTable } from "./table.ts";
import { TcpRouteTable } from "./tcp.ts";
import { matchRecord, producerTable, requestFacts, ruleRecord } from "./testing.ts";

const splits = () => new SplitRegistry(() => 0.5);

/** Every match of every rule in turn, straight from the text of Gateway API; the slow truth. */
function naiveMatch(rules: readonly RuleRecord[], facts: RequestFacts): string | null {
  const order = { Exact: 3, RegularExpression: 2, PathPrefix: 1 };
  let best: { key: readonly (number | string)[]; id: string } | null = null;
  for (const [ruleIndex, rule] of rules.entries()) {
    for (const match of rule.matches) {
      if (!naiveHolds(match, facts)) continue;
      const trimmed = match.path.type === "PathPrefix" ? match.path.value.replace(/\/$/, "") : match.path.value;
      const key = [
        -order[match.path.type],
        -trimmed.length,
        match.method === undefined ? 1 : 0,
        -match.headers.length,
        -match.queryParams.length,
        rule.routeName,
        ruleIndex,
      ];
      if (best === null || isBefore(key, best.key)) best = { key, id: rule.id };
    }
  }
  return best?.id ?? null;
}

function isBefore(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  for (let i = 0; i < a.length; i++) {
    if (a[i]! < b[i]!) return true;
    if (a[i]! > b[i]!) return false;
  }
  return false;
}

function naiveHolds(match: MatchRecord, facts: RequestFacts): boolean {
  const { type, value } = match.path;
  if (type === "Exact" && facts.path !== value) return false;
  if (type === "RegularExpression" && !new RegExp(`^(?:${value})$`).test(facts.path)) return false;
  if (type === "PathPrefix") {
    const wanted = value.split("/").filter((segment) => segment !== "");
    const given = facts.path.split("/").filter((segment) => segment !== "");
    if (wanted.some((segment, index) => given[index] !== segment)) return false;
  }
  if (match.method !== undefined && match.method !== facts.method) return false;
  const query = new URLSearchParams(facts.query);
  const fits = (wanted: MatchRecord["headers"][number], given: string | null | undefined): boolean =>
    given !== null &&
    given !== undefined &&
    (wanted.type === "Exact" ? given === wanted.value : new RegExp(`^(?:${wanted.value})$`).test(given));
  return (
    match.headers.every((wanted) => fits(wanted, facts.header(wanted.name))) &&
    match.queryParams.every((wanted) => fits(wanted, query.get(wanted.name)))
  );
}

const segment = fc.constantFrom("a", "b", "ab", "c");
const path = fc.tuple(fc.array(segment, { maxLength: 4 }), fc.boolean()).map(([parts, slash]) => {
  const joined = `/${parts.join("/")}`;
  return slash && joined !== "/" ? `${joined}/` : joined;
});
const pathMatch = fc.oneof(
  path.map((value) => ({ type: "Exact" as const, value })),
  path.map((value) => ({ type: "PathPrefix" as const, value })),
  fc
    .constantFrom("/a/.*", "/[ab]+", "/a/b(/c)?", ".*b", "/ab/[^/]+/c")
    .map((value) => ({ type: "RegularExpression" as const, value })),
);
const entries = fc
  .uniqueArray(fc.record({ name: fc.constantFrom("x", "y", "z"), value: fc.constantFrom("1", "2", "[12]") }), {
    selector: (entry) => entry.name,
    maxLength: 2,
  })
  .map((list) =>
    list.map((one) => ({ ...one, type: one.value === "[12]" ? ("RegularExpression" as const) : ("Exact" as const) })),
  );
const anyMatch = fc
  .record({
    path: pathMatch,
    method: fc.constantFrom(undefined, "GET", "POST"),
    headers: entries,
    queryParams: entries,
  })
  .map(({ method, ...rest }): MatchRecord => (method === undefined ? rest : { ...rest, method }));
const anyRules = fc.array(
  fc.record({
    route: fc.constantFrom("prod/a", "prod/b"),
    matches: fc.array(anyMatch, { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 30 },
);
const pairs = fc.dictionary(fc.constantFrom("x", "y", "z"), fc.constantFrom("1", "2", "3"));
const anyRequest = fc.record({
  path,
  method: fc.constantFrom("GET", "POST", "PUT"),
  headers: pairs,
  query: pairs.map((values) =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${value}`)
      .join("&"),
  ),
});

describe("a route table", () => {
  test("answers as a naive reading of the precedence does, on random tables and requests", () => {
    fc.assert(
      fc.property(anyRules, fc.array(anyRequest, { minLength: 5, maxLength: 20 }), (sketches, requests) => {
        const rules = sketches.map((sketch, index) => ruleRecord(sketch.route, index, sketch.matches));
        const table = new RouteTable(producerTable(rules), splits());
        for (const request of requests) {
          const facts = requestFacts(request);
          expect(table.match(facts)?.id ?? null).toBe(naiveMatch(rules, facts));
        }
      }),
      { numRuns: 400 },
    );
  });

  test("finds among ten thousand matches on one path by header, query and method as the naive reading does", () => {
    const rules = Array.from({ length: 200 }, (_, index) =>
      ruleRecord("prod/many", index, [
        matchRecord({ headers: [{ type: "Exact", name: "x-user", value: `u${index}` }] }),
        matchRecord({ queryParams: [{ type: "Exact", name: "user", value: `u${index}` }] }),
        matchRecord({ method: `M${index}` }),
      ]),
    );
    const table = new RouteTable(producerTable(rules), splits());
    for (const facts of [
      requestFacts({ headers: { "x-user": "u77" } }),
      requestFacts({ headers: { "x-user": "u77" }, query: "user=u3", method: "M5" }),
      requestFacts({ query: "user=u3", method: "M5" }),
      requestFacts({ query: "user=u3" }),
      requestFacts({ headers: { "x-user": "u777" } }),
    ]) {
      expect(table.match(facts)?.id ?? null).toBe(naiveMatch(rules, facts));
    }
  });

  test("matches prefixes by whole segments", () => {
    const table = new RouteTable(
      producerTable([ruleRecord("prod/r", 0, [matchRecord({ path: { type: "PathPrefix", value: "/abc" } })])]),
      splits(),
    );
    const verdict = (requested: string) => table.match(requestFacts({ path: requested })) !== null;
    expect(["/abc", "/abc/", "/abc/def", "/abcd", "/ab", "/", "/ABC"].map(verdict)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test("gives callers of a namespace with consumer routes those and nothing else", () => {
    const only = (value: string) => [matchRecord({ path: { type: "Exact", value } })];
    const table = new RouteTable(
      {
        protocol: "http",
        producer: [ruleRecord("prod/p", 0, only("/p"))],
        hasProducer: true,
        consumers: { dev: [ruleRecord("dev/c", 0, only("/c"))] },
      },
      splits(),
    );
    const routed = (callerNamespace: string, requested: string) =>
      table.match(requestFacts({ callerNamespace, path: requested }))?.routeName ?? null;
    expect(routed("dev", "/c")).toBe("dev/c");
    expect(routed("dev", "/p")).toBeNull();
    expect(routed("prod", "/p")).toBe("prod/p");
    expect(routed("prod", "/c")).toBeNull();
  });

  test("tells no route at all from no route that matches", () => {
    const rule = ruleRecord("dev/c", 0, [matchRecord({ path: { type: "Exact", value: "/c" } })]);
    const table = new RouteTable(
      { protocol: "http", producer: [], hasProducer: false, consumers: { dev: [rule] } },
      splits(),
    );
    expect(table.hasRoutes).toBe(true);
    expect(table.match(requestFacts({ callerNamespace: "prod" }))).toBeUndefined();
    expect(table.match(requestFacts({ callerNamespace: "dev" }))).toBeNull();
    const rejecting = new RouteTable(producerTable([]), splits());
    expect(rejecting.match(requestFacts())).toBeNull();
  });

  test("keeps the exact split of a rule when it is compiled anew", () => {
    const record = {
      ...ruleRecord("prod/canary", 0, [matchRecord()]),
      backends: [
        { service: "service/prod/v1", port: 80, weight: 99 },
        { service: "service/prod/v2", port: 80, weight: 1 },
      ],
    };
    const registry = splits();
    let rare = 0;
    for (let picks = 0; picks < 1000; picks++) {
      const rule = new RouteTable(producerTable([record]), registry, "service/prod/orders:80").match(requestFacts());
      rare += rule!.split.next();
    }
    expect(rare).toBe(10);
  });
});

describe("a TCP route table", () => {
  test("splits by caller's namespace", () => {
    const table = new TcpRouteTable(
      {
        protocol: "tcp",
        producer: [ruleRecord("prod/db", 0, [])],
        hasProducer: true,
        consumers: { dev: [ruleRecord("dev/db", 0, [])], qa: [] },
      },
      splits(),
    );
    expect(table.match("prod")?.routeName).toBe("prod/db");
    expect(table.match("dev")?.routeName).toBe("dev/db");
    expect(table.match("qa")).toBeNull();
    const implicit = new TcpRouteTable({ protocol: "tcp", producer: [], hasProducer: false, consumers: {} }, splits());
    expect(implicit.match("prod")).toBeUndefined();
  });
});
