import type { GrpcRouteRule, GrpcRouteSpec, HttpBackendRef } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import { asWritten, declareKind } from "../kind.ts";
import { dnsName, hostname } from "../names.ts";
import type { Rule } from "../object.ts";
import { object, optional, withDefault } from "../object.ts";
import type { Schema } from "../schema.ts";
import { backendFiltersRule, checkTogether } from "./filter-rules.ts";
import { grpcFilters } from "./grpc-filters.ts";
import { grpcRouteMatch } from "./grpc-match.ts";
import { HOSTNAMES_MAX, ROUTE_MATCHES_MAX, RULE_MATCHES_MAX, RULES_MAX } from "./http-route.ts";
import {
  BACKEND_REFS_MAX,
  backendPortRule,
  backendRefFields,
  parentRefs,
  parentRefsRule,
  weightField,
} from "./references.ts";
import { reportRepeats } from "./repeats.ts";

const grpcBackendRef: Schema<HttpBackendRef> = object(
  "GRPCBackendRef",
  {
    ...backendRefFields,
    weight: weightField,
    filters: withDefault(grpcFilters, "Filters for requests that this backend gets.", []),
  },
  { rules: [backendPortRule, backendFiltersRule] },
);

const NO_TIMEOUT = "a client sets its deadline with grpc-timeout, which the mesh keeps";

const rule: Schema<GrpcRouteRule> = object(
  "GRPCRouteRule",
  {
    name: optional(dnsName, "Name of the rule, unique within the route; keeps its split over changes of order."),
    matches: withDefault(
      list(grpcRouteMatch, { itemsMax: RULE_MATCHES_MAX }),
      "Any of these must match; none: every gRPC request.",
      [],
    ),
    filters: withDefault(grpcFilters, "Filters for all requests of the rule.", []),
    backendRefs: withDefault(
      list(grpcBackendRef, { itemsMax: BACKEND_REFS_MAX }),
      "Backends that share the requests by weight.",
      [],
    ),
  },
  {
    rules: [{ says: "A filter that edits headers stands once.", check: checkTogether }],
    unsupported: {
      sessionPersistence: "a split by weight is exact and does not bind clients",
      timeouts: NO_TIMEOUT,
      retry: "a failed attempt is repeated only where nothing was sent",
    },
  },
);

const matchesRule: Rule<GrpcRouteSpec> = {
  says: `At most ${ROUTE_MATCHES_MAX} matches over all rules; rule names are unique.`,
  check(value, report) {
    const count = value.rules.reduce((sum, item) => sum + item.matches.length, 0);
    if (count > ROUTE_MATCHES_MAX) {
      const message = `${count} matches over all rules of the route, at most ${ROUTE_MATCHES_MAX} are allowed`;
      report(["rules"], "SV0407", message);
    }
    reportRepeats(value.rules, (item) => item.name, ["rules"], "name", report);
  },
};

const ANY_RULE: GrpcRouteRule = { name: undefined, matches: [], filters: [], backendRefs: [] };

/** Routing of gRPC: Gateway API's GRPCRoute. */
export const grpcRouteKind = declareKind({
  kind: "GRPCRoute",
  apiVersions: ["gateway.networking.k8s.io/v1"],
  doc: "Routing of gRPC requests to a Service (calls inside the mesh) or through a Gateway (calls that enter it). Ports that it stands at or sends to speak `grpc`, where their Service does not name a protocol.",
  isSpecRequired: false,
  spec: object(
    "GRPCRouteSpec",
    {
      hostnames: withDefault(
        list(hostname, { itemsMax: HOSTNAMES_MAX }),
        "Host names, for Gateways; without effect where the parent is a Service.",
        [],
      ),
      parentRefs: withDefault(parentRefs, "What the route attaches to.", []),
      rules: withDefault(
        list(rule, { itemsMin: 1, itemsMax: RULES_MAX }),
        "Rules; the match with the longest service, then method, wins.",
        [ANY_RULE],
      ),
    },
    { rules: [parentRefsRule, matchesRule], unsupported: { useDefaultGateways: "name the Gateway in parentRefs" } },
  ),
  toModel: asWritten<GrpcRouteSpec>,
  toFile: asWritten<GrpcRouteSpec>,
});
