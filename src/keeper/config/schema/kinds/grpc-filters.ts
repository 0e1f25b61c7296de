/** Filters of a GRPCRoute: those of an HTTPRoute that mean something to gRPC (Gateway API v1, standard channel). */
import type { HttpFilter } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import type { ObjectOf } from "../object.ts";
import { object, optional, required } from "../object.ts";
import { oneOf } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { mapped } from "../schema.ts";
import { headerModifier } from "./header-modifier.ts";
import { extensionRef, FILTERS_MAX, filterToModel, mirror, unionRule } from "./http-filters.ts";

const NO_REDIRECT = "gRPC knows no redirects";
const NO_REWRITE = "the path is the method: route to a Service that has it";
const NO_CORS = "browsers do not speak gRPC; use an HTTPRoute for gRPC-Web";

const types = oneOf(["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "ExtensionRef"], {
  RequestRedirect: NO_REDIRECT,
  URLRewrite: NO_REWRITE,
  CORS: NO_CORS,
});

const written = {
  type: required(types, "What the filter does; the field of the same name holds its settings."),
  requestHeaderModifier: optional(headerModifier, "Edits metadata of the request."),
  responseHeaderModifier: optional(headerModifier, "Edits metadata of the response."),
  requestMirror: optional(mirror, "Sends a copy elsewhere."),
  extensionRef: optional(extensionRef, "A filter of another vendor; such requests are answered 500."),
};

const grpcFilter: Schema<HttpFilter> = mapped(
  object("GRPCRouteFilter", written, {
    rules: [unionRule],
    unsupported: { requestRedirect: NO_REDIRECT, urlRewrite: NO_REWRITE, cors: NO_CORS },
  }),
  filterToModel,
  (model): ObjectOf<typeof written> => ({
    // Only these types were ever read.
    type: model.type as ObjectOf<typeof written>["type"],
    requestHeaderModifier: model.type === "RequestHeaderModifier" ? model.requestHeaderModifier : undefined,
    responseHeaderModifier: model.type === "ResponseHeaderModifier" ? model.responseHeaderModifier : undefined,
    requestMirror: model.type === "RequestMirror" ? model.requestMirror : undefined,
    extensionRef: model.type === "ExtensionRef" ? model.extensionRef : undefined,
  }),
);

/** The filters of a rule or of a backend. */
export const grpcFilters = list(grpcFilter, { itemsMax: FILTERS_MAX });
