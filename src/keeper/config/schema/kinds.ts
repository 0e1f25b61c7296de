/** All kinds, and what is said about those that are known and not supported. */
import type { KindDeclaration } from "./kind.ts";
import { assertionKind } from "./kinds/assertion.ts";
import { authorizationPolicyKind } from "./kinds/authorization-policy.ts";
import { destinationRuleKind } from "./kinds/destination-rule.ts";
import { gatewayKind } from "./kinds/gateway.ts";
import { grpcRouteKind } from "./kinds/grpc-route.ts";
import { httpRouteKind } from "./kinds/http-route.ts";
import { nodeKind } from "./kinds/node.ts";
import { peerAuthenticationKind } from "./kinds/peer-authentication.ts";
import { referenceGrantKind } from "./kinds/reference-grant.ts";
import { serviceKind } from "./kinds/service.ts";
import { serviceEntryKind } from "./kinds/service-entry.ts";
import { siteKind } from "./kinds/site.ts";
import { tcpRouteKind } from "./kinds/tcp-route.ts";
import { workloadKind } from "./kinds/workload.ts";

/** In the order of the reference. */
export const KINDS: readonly KindDeclaration[] = [
  siteKind,
  nodeKind,
  workloadKind,
  serviceKind,
  httpRouteKind,
  grpcRouteKind,
  tcpRouteKind,
  authorizationPolicyKind,
  serviceEntryKind,
  destinationRuleKind,
  gatewayKind,
  referenceGrantKind,
  peerAuthenticationKind,
  assertionKind,
];

const KUBERNETES = "Selvedge starts nothing; declare a Workload for what runs on the machine";
const ISTIO_ENVOY = "it configures another proxy";

/** Kinds that are known and refused, with the reason. */
export const UNSUPPORTED_KINDS: Readonly<Record<string, string>> = {
  TLSRoute: "use a TCPRoute",
  UDPRoute: "the mesh carries TCP only",
  GatewayClass: "on this machine nothing else serves Gateways",
  ListenerSet: "write the listeners into the Gateway",
  BackendTLSPolicy: "TLS to hosts outside the mesh is the application's own",
  RequestAuthentication: "JSON Web Tokens are not checked yet",
  VirtualService: "use an HTTPRoute",
  Sidecar: "use calls of the Workload",
  WorkloadEntry: "declare a Workload",
  WorkloadGroup: "declare a Workload",
  EnvoyFilter: ISTIO_ENVOY,
  WasmPlugin: ISTIO_ENVOY,
  ProxyConfig: ISTIO_ENVOY,
  Telemetry: "telemetry is set in the Site",
  Ingress: "use a Gateway and an HTTPRoute",
  NetworkPolicy: "use an AuthorizationPolicy",
  EndpointSlice: "declare Workloads",
  Endpoints: "declare Workloads",
  Namespace: "a namespace exists as soon as a document is in it",
  ServiceAccount: "a service account exists as soon as a Workload names it",
  Deployment: KUBERNETES,
  StatefulSet: KUBERNETES,
  DaemonSet: KUBERNETES,
  Pod: KUBERNETES,
  Job: KUBERNETES,
  ConfigMap: KUBERNETES,
  Secret: KUBERNETES,
};

/** The declaration of a kind, or `undefined` where it is not supported. */
export function kindNamed(kind: string): KindDeclaration | undefined {
  return KINDS.find((declaration) => declaration.kind === kind);
}
