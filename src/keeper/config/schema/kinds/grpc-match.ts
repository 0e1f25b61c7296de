/** Matches of a GRPCRoute (Gateway API v1). */
import type { GrpcMethodMatch, GrpcRouteMatch } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import type { Rule } from "../object.ts";
import { object, optional, withDefault } from "../object.ts";
import { text } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { FIELD_MATCHES_MAX, headerMatch, stringMatchType } from "./http-match.ts";

/** Longest name of a service or method (Gateway API). */
export const GRPC_NAME_LENGTH_MAX = 1024;

const SERVICE = /^\.?[a-z_][a-z_0-9]*(?:\.[a-z_][a-z_0-9]*)*$/i;
const METHOD = /^[a-z_][a-z_0-9]*$/i;

const methodRule: Rule<GrpcMethodMatch> = {
  says: "`service`, `method` or both are set; with type Exact they are names as in a .proto file.",
  check({ type, service, method }, report) {
    if (service === undefined && method === undefined) {
      report([], "SV0402", "One or both of 'service' or 'method' must be specified");
    }
    if (type !== "Exact") return;
    if (service !== undefined && !SERVICE.test(service)) {
      report(["service"], "SV0303", `"${service}" is not a service (package.Service)`, regexHint(service));
    }
    if (method !== undefined && !METHOD.test(method)) {
      report(["method"], "SV0303", `"${method}" is not a method (letters, digits and underscores)`, regexHint(method));
    }
  },
};

function regexHint(value: string): string | undefined {
  if (value.includes("/")) return "service and method are two fields, without slashes";
  return /[*+?[(|\\]/.test(value) ? "add type: RegularExpression" : undefined;
}

const methodMatch: Schema<GrpcMethodMatch> = object(
  "GRPCMethodMatch",
  {
    type: withDefault(stringMatchType, "How service and method are compared.", "Exact"),
    service: optional(
      text({ what: "a gRPC service", lengthMax: GRPC_NAME_LENGTH_MAX }),
      "Service with its package.",
      "any",
    ),
    method: optional(text({ what: "a gRPC method", lengthMax: GRPC_NAME_LENGTH_MAX }), "Method.", "any"),
  },
  { rules: [methodRule] },
);

const headersRule: Rule<GrpcRouteMatch> = {
  says: "Each header is matched once.",
  check({ headers }, report) {
    const names = headers.map((item) => item.name.toLowerCase());
    names.forEach((name, index) => {
      const first = names.indexOf(name);
      if (first === index) return;
      const isSame = headers[first]!.name === headers[index]!.name;
      report(["headers", index, "name"], isSame ? "SV0403" : "SV0414", `${name} is matched in entry ${first} already`);
    });
  },
};

/** One match: everything in it must hold. */
export const grpcRouteMatch: Schema<GrpcRouteMatch> = object(
  "GRPCRouteMatch",
  {
    method: optional(methodMatch, "Service and method.", "any"),
    headers: withDefault(list(headerMatch, { itemsMax: FIELD_MATCHES_MAX }), "Headers (metadata); all must match.", []),
  },
  { rules: [headersRule] },
);
