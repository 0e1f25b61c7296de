import type { HttpBackendRef, HttpRouteRule, HttpRouteSpec } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import { asWritten, declareKind } from "../kind.ts";
import { dnsName, hostname } from "../names.ts";
import type { Rule } from "../object.ts";
import { object, optional, withDefault } from "../object.ts";
import { duration } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { mapped } from "../schema.ts";
import { backendFiltersRule, filterRules } from "./filter-rules.ts";
import { httpFilters } from "./http-filters.ts";
import { ANY_REQUEST, httpRouteMatch } from "./http-match.ts";
import {
  BACKEND_REFS_MAX,
  backendPortRule,
  backendRefFields,
  parentRefs,
  parentRefsRule,
  weightField,
} from "./references.ts";
import { reportRepeats } from "./repeats.ts";

/** Most rules of one route (Gateway API). */
export const RULES_MAX = 16;
/** Most matches of one rule (Gateway API). */
export const RULE_MATCHES_MAX = 64;
/** Most matches of one route (Gateway API). */
export const ROUTE_MATCHES_MAX = 128;
/** Most host names of one route (Gateway API). */
export const HOSTNAMES_MAX = 16;

const httpBackendRef: Schema<HttpBackendRef> = object(
  "HTTPBackendRef",
  {
    ...backendRefFields,
    weight: weightField,
    filters: withDefault(httpFilters, "Filters for requests that this backend gets.", []),
  },
  { rules: [backendPortRule, backendFiltersRule] },
);

type Timeouts = HttpRouteRule["timeouts"];

const timeouts: Schema<Timeouts> = mapped(
  object(
    "HTTPRouteTimeouts",
    {
      request: optional(
        duration,
        "Longest time from the first byte of the request to the last of the response; 0s for none.",
      ),
      backendRequest: optional(duration, "Longest time of one attempt; 0s for none."),
    },
    {
      rules: [
        {
          says: "`backendRequest` is not longer than `request`.",
          check(value: { request: number | undefined; backendRequest: number | undefined }, report) {
            const { request, backendRequest } = value;
            if (!request || backendRequest === undefined) return;
            if (backendRequest > request || backendRequest === 0) {
              report(["backendRequest"], "SV0408", "backendRequest timeout cannot be longer than request timeout");
            }
          },
        },
      ],
    },
  ),
  (written): Timeouts => ({ requestMs: written.request, backendRequestMs: written.backendRequest }),
  (model) => ({ request: model.requestMs, backendRequest: model.backendRequestMs }),
);

const rule: Schema<HttpRouteRule> = object(
  "HTTPRouteRule",
  {
    name: optional(dnsName, "Name of the rule, unique within the route; keeps its split over changes of order."),
    matches: withDefault(
      list(httpRouteMatch, { itemsMin: 1, itemsMax: RULE_MATCHES_MAX }),
      "Any of these must match.",
      ANY_REQUEST,
    ),
    filters: withDefault(httpFilters, "Filters for all requests of the rule.", []),
    backendRefs: withDefault(
      list(httpBackendRef, { itemsMax: BACKEND_REFS_MAX }),
      "Backends that share the requests by weight.",
      [],
    ),
    timeouts: withDefault(timeouts, "Time-outs.", { requestMs: undefined, backendRequestMs: undefined }),
  },
  {
    rules: filterRules,
    unsupported: {
      retry: "a failed attempt is repeated only where nothing was sent",
      sessionPersistence: "a split by weight is exact and does not bind clients",
    },
  },
);

const ANY_RULE: HttpRouteRule = {
  name: undefined,
  matches: ANY_REQUEST,
  filters: [],
  backendRefs: [],
  timeouts: { requestMs: undefined, backendRequestMs: undefined },
};

const matchesRule: Rule<HttpRouteSpec> = {
  says: `At most ${ROUTE_MATCHES_MAX} matches over all rules; rule names are unique.`,
  check(value, report) {
    const count = value.rules.reduce((sum, item) => sum + item.matches.length, 0);
    if (count > ROUTE_MATCHES_MAX) {
      report(
        ["rules"],
        "SV0407",
        `${count} matches over all rules of the route, at most ${ROUTE_MATCHES_MAX} are allowed`,
      );
    }
    reportRepeats(value.rules, (item) => item.name, ["rules"], "name", report);
  },
};

const spec = object(
  "HTTPRouteSpec",
  {
    hostnames: withDefault(
      list(hostname, { itemsMax: HOSTNAMES_MAX }),
      "Host names, for Gateways; without effect where the parent is a Service.",
      [],
    ),
    parentRefs: withDefault(parentRefs, "What the route attaches to.", []),
    rules: withDefault(list(rule, { itemsMin: 1, itemsMax: RULES_MAX }), "Rules; the most specific match wins.", [
      ANY_RULE,
    ]),
  },
  { rules: [parentRefsRule, matchesRule], unsupported: { useDefaultGateways: "name the Gateway in parentRefs" } },
);

/** Routing of HTTP requests: Gateway API's HTTPRoute. */
export const httpRouteKind = declareKind({
  kind: "HTTPRoute",
  apiVersions: ["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"],
  doc: "Routing of HTTP requests to a Service (calls inside the mesh) or through a Gateway (calls that enter it).",
  isSpecRequired: false,
  spec,
  toModel: asWritten<HttpRouteSpec>,
  toFile: asWritten<HttpRouteSpec>,
});
