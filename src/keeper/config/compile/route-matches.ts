/** Matches of routes to records. */
import type { FieldPath, HeaderMatch, HttpRouteMatch } from "../../../model/documents.ts";
import { Pattern } from "../../../model/route/pattern.ts";
import { PatternError } from "../../../model/route/pattern-parse.ts";
import type { MatchRecord } from "../../../model/route/record.ts";
import { normalisePath } from "../../../wire/http1/normalise-path.ts";
import type { Located, Report } from "./report.ts";

/** One match of an HTTPRoute. */
export function compileHttpMatch(
  match: HttpRouteMatch,
  document: Located,
  path: FieldPath,
  report: Report,
): MatchRecord {
  const { type, value } = match.path;
  checkPattern(type, value, document, [...path, "path", "value"], report);
  return {
    // Requests are matched by their normalised path, so the wanted one has to be in the same form.
    path: { type, value: type === "RegularExpression" ? value : (normalisePath(value, {}) ?? value) },
    ...(match.method === undefined ? {} : { method: match.method }),
    headers: headerMatches(match.headers, document, path, report),
    queryParams: match.queryParams.map((param, at) => {
      checkPattern(param.type, param.value, document, [...path, "queryParams", at, "value"], report);
      return { type: param.type, name: param.name, value: param.value };
    }),
  };
}

/** The headers of a match, names in lower case. */
export function headerMatches(
  headers: readonly HeaderMatch[],
  document: Located,
  path: FieldPath,
  report: Report,
): MatchRecord["headers"] {
  return headers.map((header, at) => {
    checkPattern(header.type, header.value, document, [...path, "headers", at, "value"], report);
    return { type: header.type, name: header.name.toLowerCase(), value: header.value };
  });
}

/** Reports a regular expression outside the dialect; true where there is nothing to report. */
export function checkPattern(type: string, value: string, document: Located, path: FieldPath, report: Report): boolean {
  if (type !== "RegularExpression") return true;
  try {
    new Pattern(value);
    return true;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    report.add(document, path, "SV1121", `regular expression ${JSON.stringify(value)}: ${error.message}`);
    return false;
  }
}
