/** The rules of one route to records. */
import type { DocumentOf, FieldPath, GrpcRouteRule, HttpRouteRule } from "../../../model/documents.ts";
import type { MatchRecord, RuleRecord } from "../../../model/route/record.ts";
import { qualifiedName } from "./document-set.ts";
import { compileGrpcMatch } from "./grpc-match.ts";
import type { Route } from "./port-routes.ts";
import type { Report } from "./report.ts";
import type { BackendProblem, BackendResolver } from "./route-backends.ts";
import { compileFilters } from "./route-filters.ts";
import { compileHttpMatch } from "./route-matches.ts";

/** A route's rules, and what its conditions must say about them. */
export interface CompiledRules {
  readonly rules: readonly RuleRecord[];
  /** The first backendRef that does not resolve. */
  readonly refProblem: BackendProblem | undefined;
  /** Positions of rules with a filter that is not supported. */
  readonly unsupported: readonly number[];
}

/** Compiles the rules of a route; see `BackendResolver.resolve` for `needsGrant`. */
export function compileRules(
  route: Route,
  resolver: BackendResolver,
  needsGrant: boolean,
  report: Report,
): CompiledRules {
  resolver.firstProblem = undefined;
  const ids = ruleIds(route);
  const rules = compileEach(route, ids, resolver, needsGrant, report);
  const unsupported = rules.flatMap((rule, index) => (isUnsupported(rule) ? [index] : []));
  return { rules, refProblem: resolver.firstProblem, unsupported };
}

function compileEach(
  route: Route,
  ids: readonly string[],
  resolver: BackendResolver,
  needsGrant: boolean,
  report: Report,
): RuleRecord[] {
  switch (route.kind) {
    case "HTTPRoute":
      return route.spec.rules.map((rule, index) => {
        const { requestMs, backendRequestMs } = rule.timeouts;
        const matches = rule.matches.map((match, at) =>
          compileHttpMatch(match, route, ["spec", "rules", index, "matches", at], report),
        );
        return {
          ...requestRule(route, rule, index, ids[index]!, matches, resolver, needsGrant, report),
          ...(requestMs === undefined ? {} : { requestTimeoutMs: requestMs }),
          ...(backendRequestMs === undefined ? {} : { backendRequestTimeoutMs: backendRequestMs }),
        };
      });
    case "GRPCRoute":
      return route.spec.rules.map((rule, index) => {
        const written = rule.matches.length > 0 ? rule.matches : [{ method: undefined, headers: [] }];
        const matches = written.map((match, at) =>
          compileGrpcMatch(match, route, ["spec", "rules", index, "matches", at], report),
        );
        return requestRule(route, rule, index, ids[index]!, matches, resolver, needsGrant, report);
      });
    case "TCPRoute":
      return route.spec.rules.map((rule, index) => ({
        id: ids[index]!,
        routeName: qualifiedName(route),
        matches: [],
        backends: rule.backendRefs.map((ref, at) =>
          resolver.resolve(ref, route, ["spec", "rules", index, "backendRefs", at], needsGrant),
        ),
      }));
  }
}

/** `httproute/<namespace>/<name>/<rule name or index>`, and so on for the other kinds. */
function ruleIds(route: Route): string[] {
  const prefix = `${route.kind.toLowerCase()}/${qualifiedName(route)}`;
  const taken = new Set<string>();
  return route.spec.rules.map((rule, index) => {
    const name = rule.name === undefined || taken.has(rule.name) ? String(index) : rule.name;
    taken.add(name);
    return `${prefix}/${name}`;
  });
}

function requestRule(
  route: DocumentOf<"HTTPRoute"> | DocumentOf<"GRPCRoute">,
  rule: Pick<HttpRouteRule | GrpcRouteRule, "filters" | "backendRefs">,
  index: number,
  id: string,
  matches: readonly MatchRecord[],
  resolver: BackendResolver,
  needsGrant: boolean,
  report: Report,
): RuleRecord {
  const path: FieldPath = ["spec", "rules", index];
  const filters = compileFilters(rule.filters, route, [...path, "filters"], report);
  return {
    id,
    routeName: qualifiedName(route),
    matches,
    ...(filters === undefined ? {} : { filters }),
    backends: rule.backendRefs.map((ref, at) => {
      const refPath: FieldPath = [...path, "backendRefs", at];
      const own = compileFilters(ref.filters, route, [...refPath, "filters"], report);
      const backend = resolver.resolve(ref, route, refPath, needsGrant);
      return own === undefined ? backend : { ...backend, filters: own };
    }),
  };
}

function isUnsupported(rule: RuleRecord): boolean {
  return rule.filters?.unsupported !== undefined || rule.backends.some((one) => one.filters?.unsupported !== undefined);
}
