import type { TcpRouteSpec } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import { asWritten, declareKind } from "../kind.ts";
import { dnsName } from "../names.ts";
import { object, optional, required, withDefault } from "../object.ts";
import { BACKEND_REFS_MAX, backendRef, parentRefs, parentRefsRule } from "./references.ts";

const rule = object("TCPRouteRule", {
  name: optional(dnsName, "Name of the rule."),
  backendRefs: required(
    list(backendRef, { itemsMin: 1, itemsMax: BACKEND_REFS_MAX }),
    "Backends that share the connections by weight.",
  ),
});

/** Routing of TCP connections: Gateway API's TCPRoute. */
export const tcpRouteKind = declareKind({
  kind: "TCPRoute",
  apiVersions: [
    "gateway.networking.k8s.io/v1",
    "gateway.networking.k8s.io/v1beta1",
    "gateway.networking.k8s.io/v1alpha2",
  ],
  doc: "Routing of TCP connections to a Service.",
  spec: object(
    "TCPRouteSpec",
    {
      parentRefs: withDefault(parentRefs, "What the route attaches to.", []),
      rules: required(list(rule, { itemsMin: 1, itemsMax: 1 }), "Exactly one rule."),
    },
    { rules: [parentRefsRule], unsupported: { useDefaultGateways: "name the parent in parentRefs" } },
  ),
  toModel: asWritten<TcpRouteSpec>,
  toFile: asWritten<TcpRouteSpec>,
});
