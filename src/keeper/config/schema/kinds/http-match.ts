/** Matches of an HTTPRoute (Gateway API v1). */
import type { HeaderMatch, HttpRouteMatch } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import type { Rule } from "../object.ts";
import { object, optional, required, withDefault } from "../object.ts";
import { oneOf, text } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { HTTP_METHODS, headerMatchValue, headerName } from "./http-values.ts";

/** Most header and query matches of one match (Gateway API). */
export const FIELD_MATCHES_MAX = 16;

/** Longest value of a path match (Gateway API). */
export const PATH_LENGTH_MAX = 1024;

/** How values are compared. */
export const stringMatchType = oneOf(["Exact", "RegularExpression"]);

/** A header that must be there. */
export const headerMatch: Schema<HeaderMatch> = object("HTTPHeaderMatch", {
  type: withDefault(stringMatchType, "How the value is compared.", "Exact"),
  name: required(headerName, "Name of the header; case counts for nothing."),
  value: required(headerMatchValue, "What the first header of this name must be."),
});

const queryMatch: Schema<HeaderMatch> = object("HTTPQueryParamMatch", {
  type: withDefault(stringMatchType, "How the value is compared.", "Exact"),
  name: required(
    text({ what: "a parameter name", pattern: /^[!-~]+$/, lengthMax: 256 }),
    "Name of the parameter; case counts.",
  ),
  value: required(
    text({ what: "the value to compare with", lengthMax: 1024 }),
    "What the first parameter of this name must be.",
  ),
});

const pathRule: Rule<HttpRouteMatch["path"]> = {
  says: "Exact and PathPrefix values are absolute, without empty, `.` or `..` segments, without encoded slashes.",
  check(value, report) {
    const problem = value.type === "RegularExpression" ? undefined : pathProblem(value.value);
    if (problem !== undefined) report(["value"], "SV0313", problem);
  },
};

function pathProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return "must be an absolute path and start with '/'";
  for (const part of ["//", "/./", "/../", "%2f", "%2F", "#"]) {
    if (path.includes(part)) return `must not contain '${part}'`;
  }
  for (const end of ["/..", "/."]) if (path.endsWith(end)) return `must not end with '${end}'`;
  const isPlain = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/.test(path);
  return isPlain ? undefined : "must contain only characters of a path; everything else percent-encoded";
}

/** The path match that stands where none is written. */
export const ANY_PATH: HttpRouteMatch["path"] = { type: "PathPrefix", value: "/" };

const pathMatch: Schema<HttpRouteMatch["path"]> = object(
  "HTTPPathMatch",
  {
    type: withDefault(
      oneOf(["Exact", "PathPrefix", "RegularExpression"]),
      "How the path is compared; prefixes go by whole segments.",
      "PathPrefix",
    ),
    value: withDefault(text({ what: "a path", lengthMax: PATH_LENGTH_MAX }), "What the path is compared with.", "/"),
  },
  { rules: [pathRule] },
);

const headersRule: Rule<HttpRouteMatch> = {
  says: "Each header and each parameter is matched once.",
  check(value, report) {
    for (const field of ["headers", "queryParams"] as const) {
      const names = value[field].map((item) => (field === "headers" ? item.name.toLowerCase() : item.name));
      names.forEach((name, index) => {
        const first = names.indexOf(name);
        if (first === index) return;
        // Gateway API refuses equal names, and lets the first of those count that differ in case only.
        const isSame = value[field][first]!.name === value[field][index]!.name;
        report([field, index, "name"], isSame ? "SV0403" : "SV0414", `${name} is matched in entry ${first} already`);
      });
    }
  },
};

/** One match: everything in it must hold. */
export const httpRouteMatch: Schema<HttpRouteMatch> = object(
  "HTTPRouteMatch",
  {
    path: withDefault(pathMatch, "Path, without query.", ANY_PATH),
    headers: withDefault(list(headerMatch, { itemsMax: FIELD_MATCHES_MAX }), "Headers; all must match.", []),
    queryParams: withDefault(
      list(queryMatch, { itemsMax: FIELD_MATCHES_MAX }),
      "Query parameters; all must match.",
      [],
    ),
    method: optional(oneOf(HTTP_METHODS), "Method.", "any"),
  },
  { rules: [headersRule] },
);

/** The matches that stand where none are written. */
export const ANY_REQUEST: readonly HttpRouteMatch[] = [
  { path: ANY_PATH, headers: [], queryParams: [], method: undefined },
];
