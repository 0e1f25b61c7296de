/** The rules of one route to records. */
import type { DocumentOf, FieldPath, HttpRouteMatch, HttpRouteRule } from "../../../model/documents.ts";
import { Pattern } from "../../../model/route/pattern.ts";
import { PatternError } from "../../../model/route/pattern-parse.ts";
import type { MatchRecord, RuleRecord } from "../../../model/route/record.ts";
import { normalisePath } from "../../../wire/http1/normalise-path.ts";
import { qualifiedName } from "./document-set.ts";
import type { Report } from "./report.ts";
import type { BackendProblem, BackendResolver } from "./route-backends.ts";
import { compileFilters } from "./route-filters.ts";

type Route = DocumentOf<"HTTPRoute"> | DocumentOf<"TCPRoute">;

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
  const rules =
    route.kind === "HTTPRoute"
      ? route.spec.rules.map((rule, index) => httpRule(route, rule, index, ids[index]!, resolver, needsGrant, report))
      : route.spec.rules.map((rule, index) => ({
          id: ids[index]!,
          routeName: qualifiedName(route),
          matches: [],
          backends: rule.backendRefs.map((ref, at) =>
            resolver.resolve(ref, route, ["spec", "rules", index, "backendRefs", at], needsGrant),
          ),
        }));
  const unsupported = rules.flatMap((rule, index) => (isUnsupported(rule) ? [index] : []));
  return { rules, refProblem: resolver.firstProblem, unsupported };
}

/** `httproute/<namespace>/<name>/<rule name or index>`. */
function ruleIds(route: Route): string[] {
  const prefix = `${route.kind.toLowerCase()}/${qualifiedName(route)}`;
  const taken = new Set<string>();
  return route.spec.rules.map((rule, index) => {
    const name = rule.name === undefined || taken.has(rule.name) ? String(index) : rule.name;
    taken.add(name);
    return `${prefix}/${name}`;
  });
}

function httpRule(
  route: DocumentOf<"HTTPRoute">,
  rule: HttpRouteRule,
  index: number,
  id: string,
  resolver: BackendResolver,
  needsGrant: boolean,
  report: Report,
): RuleRecord {
  const path: FieldPath = ["spec", "rules", index];
  const filters = compileFilters(rule.filters, route, [...path, "filters"], report);
  const { requestMs, backendRequestMs } = rule.timeouts;
  return {
    id,
    routeName: qualifiedName(route),
    matches: rule.matches.map((match, at) => compileMatch(match, route, [...path, "matches", at], report)),
    ...(filters === undefined ? {} : { filters }),
    backends: rule.backendRefs.map((ref, at) => {
      const refPath: FieldPath = [...path, "backendRefs", at];
      const own = compileFilters(ref.filters, route, [...refPath, "filters"], report);
      const backend = resolver.resolve(ref, route, refPath, needsGrant);
      return own === undefined ? backend : { ...backend, filters: own };
    }),
    ...(requestMs === undefined ? {} : { requestTimeoutMs: requestMs }),
    ...(backendRequestMs === undefined ? {} : { backendRequestTimeoutMs: backendRequestMs }),
  };
}

function compileMatch(
  match: HttpRouteMatch,
  route: DocumentOf<"HTTPRoute">,
  path: FieldPath,
  report: Report,
): MatchRecord {
  const { type, value } = match.path;
  checkPattern(type, value, route, [...path, "path", "value"], report);
  return {
    // Requests are matched by their normalised path, so the wanted one has to be in the same form.
    path: { type, value: type === "RegularExpression" ? value : (normalisePath(value, {}) ?? value) },
    ...(match.method === undefined ? {} : { method: match.method }),
    headers: match.headers.map((header, at) => {
      checkPattern(header.type, header.value, route, [...path, "headers", at, "value"], report);
      return { type: header.type, name: header.name.toLowerCase(), value: header.value };
    }),
    queryParams: match.queryParams.map((param, at) => {
      checkPattern(param.type, param.value, route, [...path, "queryParams", at, "value"], report);
      return { type: param.type, name: param.name, value: param.value };
    }),
  };
}

function checkPattern(type: string, value: string, route: Route, path: FieldPath, report: Report): void {
  if (type !== "RegularExpression") return;
  try {
    new Pattern(value);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    report.add(route, path, "SV1121", `regular expression ${JSON.stringify(value)}: ${error.message}`);
  }
}

function isUnsupported(rule: RuleRecord): boolean {
  return rule.filters?.unsupported !== undefined || rule.backends.some((one) => one.filters?.unsupported !== undefined);
}
