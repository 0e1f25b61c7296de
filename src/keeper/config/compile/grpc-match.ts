/** A GRPCRoute's match to the path that gRPC makes of it: `/package.Service/Method`, always a POST. */
import type { FieldPath, GrpcRouteMatch } from "../../../model/documents.ts";
import type { MatchRecord } from "../../../model/route/record.ts";
import type { Located, Report } from "./report.ts";
import { checkPattern, headerMatches } from "./route-matches.ts";

const ANY_SEGMENT = "[^/]+";

/**
 * One match. Precedence is Gateway API's (longest service, longest method, most headers), with literal names before regular
 * expressions, whose length says nothing about how special they are.
 */
export function compileGrpcMatch(
  { method, headers }: GrpcRouteMatch,
  document: Located,
  path: FieldPath,
  report: Report,
): MatchRecord {
  const common = { method: "POST", headers: headerMatches(headers, document, path, report), queryParams: [] };
  if (method === undefined) return { precedence: [0, 0, 0], path: { type: "PathPrefix", value: "/" }, ...common };
  const { type, service, method: name } = method;
  const arePatterns = [
    checkPattern(type, service ?? "", document, [...path, "method", "service"], report),
    checkPattern(type, name ?? "", document, [...path, "method", "method"], report),
  ];
  const isLiteral = type === "Exact";
  const precedence = [isLiteral ? 1 : 0, service?.length ?? 0, name?.length ?? 0];
  if (isLiteral && service !== undefined && name !== undefined) {
    return { precedence, path: { type: "Exact", value: `/${service}/${name}` }, ...common };
  }
  const segments = [service, name].map((text) => {
    if (text === undefined) return ANY_SEGMENT;
    return isLiteral ? text.replaceAll(".", "\\.") : `(?:${text})`;
  });
  const value = `/${segments.join("/")}`;
  // Each may be within the dialect's bounds, and both together beyond them.
  if (arePatterns.every(Boolean)) checkPattern("RegularExpression", value, document, [...path, "method"], report);
  return { precedence, path: { type: "RegularExpression", value }, ...common };
}
