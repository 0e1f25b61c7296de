import { expect, test } from "bun:test";
import fc from "fast-check";
import { compileAll, document, service, site, toService } from "../../src/keeper/config/compile/testing.ts";
import type { GrpcRouteMatch, GrpcRouteRule } from "../../src/model/documents.ts";
import { SplitRegistry } from "../../src/model/route/split-registry.ts";
import { RouteTable } from "../../src/model/route/table.ts";
import { requestFacts } from "../../src/model/route/testing.ts";
import type { ServiceRecord } from "../../src/model/snapshot.ts";

interface Call {
  readonly service: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Placed {
  readonly match: GrpcRouteMatch;
  readonly route: string;
  readonly rule: number;
}

/** Gateway API's order written down plainly, literal names before regular expressions; nothing of the tables is used. */
function expected(routes: Readonly<Record<string, readonly GrpcRouteRule[]>>, call: Call): string | null {
  const placed: Placed[] = Object.entries(routes).flatMap(([route, rules]) =>
    rules.flatMap(({ matches }, rule) =>
      (matches.length > 0 ? matches : [{ method: undefined, headers: [] }]).map((match) => ({ match, route, rule })),
    ),
  );
  const fitting = placed.filter(({ match }) => holds(match, call));
  const rank = ({ match: { method, headers } }: Placed): number[] => [
    method?.type === "Exact" ? 1 : 0,
    method?.service?.length ?? 0,
    method?.method?.length ?? 0,
    headers.length,
  ];
  fitting.sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return right[i]! - left[i]!;
    return a.route < b.route ? -1 : a.route > b.route ? 1 : a.rule - b.rule;
  });
  const [first] = fitting;
  return first === undefined ? null : `grpcroute/prod/${first.route}/${first.rule}`;
}

function holds({ method, headers }: GrpcRouteMatch, call: Call): boolean {
  const fits = (wanted: string | undefined, value: string): boolean => {
    if (wanted === undefined) return true;
    return method?.type === "Exact" ? wanted === value : new RegExp(`^(?:${wanted})$`).test(value);
  };
  return (
    fits(method?.service, call.service) &&
    fits(method?.method, call.method) &&
    headers.every(({ name, value }) => call.headers[name] === value)
  );
}

const exactService = fc.constantFrom("a", "a.B", "a.B.C", "b.B", "aXB");
const exactMethod = fc.constantFrom("Get", "List", "ListAll", "G");
const patternService = fc.constantFrom("a.*", "a\\.B", "[ab]\\.B", "a|b.B", ".*");
const patternMethod = fc.constantFrom("Get", "List.*", "G|Get", "[A-Z].*");
const either = (service: fc.Arbitrary<string>, method: fc.Arbitrary<string>, type: "Exact" | "RegularExpression") =>
  fc
    .record({
      type: fc.constant(type),
      service: fc.option(service, { nil: undefined }),
      method: fc.option(method, { nil: undefined }),
    })
    .filter((one) => one.service !== undefined || one.method !== undefined);
const anyMethod = fc.oneof(
  either(exactService, exactMethod, "Exact"),
  either(patternService, patternMethod, "RegularExpression"),
);
const header = fc.record({
  type: fc.constant("Exact" as const),
  name: fc.constantFrom("x", "y"),
  value: fc.constantFrom("1", "2"),
});
const anyMatch: fc.Arbitrary<GrpcRouteMatch> = fc.record({
  method: fc.option(anyMethod, { nil: undefined }),
  headers: fc.uniqueArray(header, { maxLength: 2, selector: ({ name }) => name }),
});
const anyRule: fc.Arbitrary<GrpcRouteRule> = fc
  .array(anyMatch, { maxLength: 3 })
  .map((matches) => ({ name: undefined, matches, filters: [], backendRefs: [] }));
const anyCall: fc.Arbitrary<Call> = fc.record({
  service: exactService,
  method: exactMethod,
  headers: fc.dictionary(fc.constantFrom("x", "y"), fc.constantFrom("1", "2")),
});

test("gRPC calls reach the rule that Gateway API's order puts first", () => {
  const routes = fc.dictionary(fc.constantFrom("r", "s", "t"), fc.array(anyRule, { minLength: 1, maxLength: 4 }), {
    minKeys: 1,
  });
  fc.assert(
    fc.property(routes, fc.array(anyCall, { minLength: 1, maxLength: 8 }), (byName, calls) => {
      const documents = Object.entries(byName).map(([name, rules]) =>
        document("GRPCRoute", `prod/${name}`, { hostnames: [], parentRefs: [toService("orders")], rules }),
      );
      const { records } = compileAll([site(), service("orders"), ...documents]);
      const record = records.find((one): one is ServiceRecord => one.key === "service/prod/orders");
      const table = new RouteTable(record!.ports[0]!.routes!, new SplitRegistry(Math.random));
      for (const call of calls) {
        const facts = requestFacts({ method: "POST", path: `/${call.service}/${call.method}`, headers: call.headers });
        expect(table.match(facts)?.id ?? null).toBe(expected(byName, call));
      }
    }),
    { numRuns: 1000 },
  );
});
