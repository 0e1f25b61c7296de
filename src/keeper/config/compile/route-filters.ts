/** Filters of a rule or a backendRef to what they come to. */
import type { FieldPath, HeaderModifier, HttpFilter, PathModifier } from "../../../model/documents.ts";
import type {
  FiltersRecord,
  HeaderEditRecord,
  PathRewriteRecord,
  RedirectRecord,
} from "../../../model/route/record.ts";
import { normalisePath } from "../../../wire/http1/normalise-path.ts";
import type { Located, Report } from "./report.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Compiles filters in their order; `undefined` where there are none. */
export function compileFilters(
  filters: readonly HttpFilter[],
  document: Located,
  path: FieldPath,
  report: Report,
): FiltersRecord | undefined {
  if (filters.length === 0) return undefined;
  const record: Mutable<FiltersRecord> = {};
  for (const [index, filter] of filters.entries()) {
    addFilter(record, filter, (modifier) => {
      const { value } = modifier;
      if (value === "" || normalisePath(value, {}) === value) return;
      const message = `the replacement path ${JSON.stringify(value)} is not in normal form`;
      report.add(document, [...path, index], "SV1123", message);
    });
    if (filter.type === "RequestMirror" || filter.type === "ExtensionRef") {
      const message = `filter ${filter.type} is not supported: requests of this rule get 500`;
      report.add(document, [...path, index], "SV1122", message);
    }
  }
  return record;
}

function addFilter(
  record: Mutable<FiltersRecord>,
  filter: HttpFilter,
  checkPath: (modifier: PathRewriteRecord) => void,
): void {
  switch (filter.type) {
    case "RequestHeaderModifier":
      record.requestHeaders = headerEdit(filter.requestHeaderModifier);
      return;
    case "ResponseHeaderModifier":
      record.responseHeaders = headerEdit(filter.responseHeaderModifier);
      return;
    case "RequestRedirect":
      record.redirect = redirect(filter.requestRedirect, checkPath);
      return;
    case "URLRewrite": {
      const { hostname, path } = filter.urlRewrite;
      if (hostname !== undefined) record.rewriteHostname = hostname.toLowerCase();
      if (path !== undefined) record.rewritePath = checked(pathRewrite(path), checkPath);
      return;
    }
    case "CORS":
      record.cors = filter.cors;
      return;
    case "RequestMirror":
    case "ExtensionRef":
      record.unsupported ??= filter.type;
  }
}

function redirect(
  source: Extract<HttpFilter, { type: "RequestRedirect" }>["requestRedirect"],
  checkPath: (modifier: PathRewriteRecord) => void,
): RedirectRecord {
  const { scheme, hostname, path, port, statusCode } = source;
  return {
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { hostname: hostname.toLowerCase() }),
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { path: checked(pathRewrite(path), checkPath) }),
    statusCode,
  };
}

function checked(record: PathRewriteRecord, check: (modifier: PathRewriteRecord) => void): PathRewriteRecord {
  check(record);
  return record;
}

function pathRewrite(path: PathModifier): PathRewriteRecord {
  return path.type === "ReplaceFullPath"
    ? { type: "full", value: path.replaceFullPath }
    : { type: "prefix", value: path.replacePrefixMatch };
}

function headerEdit(modifier: HeaderModifier): HeaderEditRecord {
  return {
    set: modifier.set.map(({ name, value }) => [name, value] as const),
    add: modifier.add.map(({ name, value }) => [name, value] as const),
    remove: modifier.remove.map((name) => name.toLowerCase()),
  };
}
