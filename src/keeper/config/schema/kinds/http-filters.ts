/** Filters of an HTTPRoute: Gateway API v1, standard channel. */
import type { HttpFilter } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import { dnsName, port, preciseHostname } from "../names.ts";
import type { ObjectOf, Rule } from "../object.ts";
import { object, optional, required, withDefault } from "../object.ts";
import { oneOf, oneOfNumbers } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { mapped } from "../schema.ts";
import { corsFilter } from "./cors-filter.ts";
import { headerModifier } from "./header-modifier.ts";
import { pathModifier } from "./path-modifier.ts";
import { apiGroup, backendPortRule, backendRefFields, kindName } from "./references.ts";

/** Most filters of one rule or backend (Gateway API). */
export const FILTERS_MAX = 16;

const redirect = object("RequestRedirect", {
  scheme: optional(oneOf(["http", "https"]), "Scheme of the new location.", "that of the request"),
  hostname: optional(preciseHostname, "Host of the new location.", "that of the request"),
  path: optional(pathModifier, "Path of the new location.", "that of the request"),
  port: optional(port, "Port of the new location.", "that of the scheme, else of the listener"),
  statusCode: withDefault(oneOfNumbers([301, 302, 303, 307, 308]), "Status of the answer.", 302),
});

const rewrite = object("URLRewrite", {
  hostname: optional(preciseHostname, "Host that the backend is asked for.", "that of the request"),
  path: optional(pathModifier, "Path that the backend is asked for.", "that of the request"),
});

export const mirror = object(
  "RequestMirror",
  { backendRef: required(object("MirrorBackend", backendRefFields, { rules: [backendPortRule] }), "Who gets a copy.") },
  {
    unsupported: {
      percent: "every request is mirrored or none",
      fraction: "every request is mirrored or none",
    },
  },
);

export const extensionRef = object("ExtensionRef", {
  group: required(apiGroup, "API group."),
  kind: required(kindName, "Kind."),
  name: required(dnsName, "Name."),
});

const filterTypes = oneOf(
  [
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestRedirect",
    "URLRewrite",
    "CORS",
    "RequestMirror",
    "ExtensionRef",
  ],
  { ExternalAuth: "decide with an AuthorizationPolicy" },
);

const written = {
  type: required(filterTypes, "What the filter does; the field of the same name holds its settings."),
  requestHeaderModifier: optional(headerModifier, "Edits headers of the request."),
  responseHeaderModifier: optional(headerModifier, "Edits headers of the response."),
  requestRedirect: optional(redirect, "Answers with a redirect."),
  urlRewrite: optional(rewrite, "Rewrites host and path before forwarding."),
  cors: optional(corsFilter, "Answers preflight requests and adds CORS headers."),
  requestMirror: optional(mirror, "Sends a copy elsewhere."),
  extensionRef: optional(extensionRef, "A filter of another vendor; such requests are answered 500."),
};

type WrittenFilter = ObjectOf<typeof written>;

const SETTINGS = {
  RequestHeaderModifier: "requestHeaderModifier",
  ResponseHeaderModifier: "responseHeaderModifier",
  RequestRedirect: "requestRedirect",
  URLRewrite: "urlRewrite",
  CORS: "cors",
  RequestMirror: "requestMirror",
  ExtensionRef: "extensionRef",
} as const satisfies Record<HttpFilter["type"], keyof typeof written>;

/** Exactly the field that belongs to the type is set. */
export const unionRule: Rule<Partial<WrittenFilter> & Pick<WrittenFilter, "type">> = {
  says: "Exactly the field that belongs to `type` is set.",
  check(value, report) {
    for (const [type, field] of Object.entries(SETTINGS)) {
      if (type === value.type && value[field] === undefined) {
        report([], "SV0416", `filter.${field} must be specified for ${type} filter.type`);
      }
      if (type !== value.type && value[field] !== undefined) {
        report([field], "SV0416", `filter.${field} must be nil if the filter.type is not ${type}`);
      }
    }
  },
};

const httpFilter: Schema<HttpFilter> = mapped(
  object("HTTPRouteFilter", written, {
    rules: [unionRule],
    unsupported: { externalAuth: "decide with an AuthorizationPolicy" },
  }),
  filterToModel,
  (model): WrittenFilter => ({
    requestHeaderModifier: undefined,
    responseHeaderModifier: undefined,
    requestRedirect: undefined,
    urlRewrite: undefined,
    cors: undefined,
    requestMirror: undefined,
    extensionRef: undefined,
    ...model,
  }),
);

/** A filter that `unionRule` has passed, as it stands in the model. */
export function filterToModel(value: Partial<WrittenFilter> & Pick<WrittenFilter, "type">): HttpFilter {
  const field = SETTINGS[value.type];
  const settings: unknown = value.type === "RequestMirror" ? mirrorToModel(value) : value[field];
  return { type: value.type, [field]: settings } as unknown as HttpFilter;
}

function mirrorToModel(value: Partial<WrittenFilter>): unknown {
  return { backendRef: { ...value.requestMirror?.backendRef, weight: 1 } };
}

/** The filters of a rule or of a backend. */
export const httpFilters = list(httpFilter, { itemsMax: FILTERS_MAX });
