/**
 * The configuration documents as they stand after decoding: shapes checked, defaults filled in, unknown fields refused.
 * References between documents are not resolved yet; that is compiling.
 *
 * Shapes are those of Gateway API v1, Kubernetes core v1 and Istio security/networking v1; `Site`, `Node`, `Workload` and
 * `Assertion` are ours. Durations are milliseconds here (`0` = disabled).
 */
import type { Origin } from "./issue.ts";

/** A step into a document: `["spec", "rules", 0, "matches"]`. */
export type FieldPath = readonly (string | number)[];

export interface Metadata {
  readonly name: string;
  /** `default` where the author left it out. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Document<Kind extends string, Spec> {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: Metadata;
  readonly spec: Spec;
  readonly origin: Origin;
  /** The position of a field, or of its nearest ancestor that was written. */
  readonly at: (path: FieldPath) => Origin;
}

export type DefaultAction = "deny" | "audit" | "allow";
export type OutboundTrafficPolicy = "REGISTRY_ONLY" | "ALLOW_ANY";

export interface SiteSpec {
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  readonly node: string | undefined;
  /** `host:port`, port 0 = any free one. */
  readonly outbound: string;
  readonly metrics: string;
  readonly tunnel: string | undefined;
  readonly defaultAction: DefaultAction;
  readonly outboundTrafficPolicy: OutboundTrafficPolicy;
  /** Policies in this namespace hold for the whole mesh. Default `selvedge-system`. */
  readonly rootNamespace: string;
  /** Share of successful requests that reach the access log, 0 to 100. Errors and denials always do. */
  readonly accessLogSamplePercent: number;
}

export interface NodeSpec {
  readonly address: string;
}

export interface WorkloadSpec {
  readonly serviceAccount: string;
  /** Outer list: any of; inner list: all of. `undefined`: never recognised as a caller by selector. */
  readonly selectors: readonly (readonly string[])[] | undefined;
  /** A node's name, `all` (from `nodes: all`), or `undefined` for this node. */
  readonly node: string | undefined;
  /** An IP address, or `unix:/path`; `undefined`: a caller only. */
  readonly address: string | undefined;
  readonly ports: Readonly<Record<string, number>>;
  /** `undefined`: anybody whose policy lets it. Items: `name`, `name.namespace`, `host:port`. */
  readonly calls: readonly string[] | undefined;
}

export type AppProtocol = "http" | "kubernetes.io/h2c" | "grpc" | "tcp";

export interface ServicePort {
  readonly name: string | undefined;
  readonly port: number;
  /** Number or name of a workload port; default: the same number as `port`. */
  readonly targetPort: number | string;
  readonly appProtocol: AppProtocol;
}

export interface ServiceSpec {
  /** `undefined`: a virtual frontend that only routes give backends. */
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly ports: readonly ServicePort[];
  /** A loopback address the worker listens on at the Service's ports. */
  readonly clusterIP: string | undefined;
}

export interface ParentRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly port: number | undefined;
  readonly sectionName: string | undefined;
}

export type StringMatchType = "Exact" | "RegularExpression";

export interface HeaderMatch {
  readonly type: StringMatchType;
  readonly name: string;
  readonly value: string;
}

export interface HttpRouteMatch {
  readonly path: { readonly type: "Exact" | "PathPrefix" | "RegularExpression"; readonly value: string };
  readonly headers: readonly HeaderMatch[];
  readonly queryParams: readonly HeaderMatch[];
  readonly method: string | undefined;
}

export interface HeaderModifier {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

export type PathModifier =
  | { readonly type: "ReplaceFullPath"; readonly replaceFullPath: string }
  | { readonly type: "ReplacePrefixMatch"; readonly replacePrefixMatch: string };

export interface CorsFilter {
  readonly allowOrigins: readonly string[];
  readonly allowCredentials: boolean;
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  /** Seconds. */
  readonly maxAge: number;
}

export type HttpFilter =
  | { readonly type: "RequestHeaderModifier"; readonly requestHeaderModifier: HeaderModifier }
  | { readonly type: "ResponseHeaderModifier"; readonly responseHeaderModifier: HeaderModifier }
  | {
      readonly type: "RequestRedirect";
      readonly requestRedirect: {
        readonly scheme: "http" | "https" | undefined;
        readonly hostname: string | undefined;
        readonly path: PathModifier | undefined;
        readonly port: number | undefined;
        readonly statusCode: number;
      };
    }
  | {
      readonly type: "URLRewrite";
      readonly urlRewrite: { readonly hostname: string | undefined; readonly path: PathModifier | undefined };
    }
  | { readonly type: "CORS"; readonly cors: CorsFilter }
  | { readonly type: "RequestMirror"; readonly requestMirror: { readonly backendRef: BackendRef } }
  | {
      readonly type: "ExtensionRef";
      readonly extensionRef: { readonly group: string; readonly kind: string; readonly name: string };
    };

export interface BackendRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly port: number | undefined;
  /** 0 to 1,000,000; default 1. */
  readonly weight: number;
}

export interface HttpBackendRef extends BackendRef {
  readonly filters: readonly HttpFilter[];
}

export interface HttpRouteRule {
  readonly name: string | undefined;
  readonly matches: readonly HttpRouteMatch[];
  readonly filters: readonly HttpFilter[];
  readonly backendRefs: readonly HttpBackendRef[];
  readonly timeouts: { readonly requestMs: number | undefined; readonly backendRequestMs: number | undefined };
}

export interface HttpRouteSpec {
  readonly hostnames: readonly string[];
  readonly parentRefs: readonly ParentRef[];
  readonly rules: readonly HttpRouteRule[];
}

export interface GrpcMethodMatch {
  readonly type: StringMatchType;
  /** `package.Service`; `undefined`: any. Never `undefined` together with `method`. */
  readonly service: string | undefined;
  readonly method: string | undefined;
}

export interface GrpcRouteMatch {
  readonly method: GrpcMethodMatch | undefined;
  readonly headers: readonly HeaderMatch[];
}

export interface GrpcRouteRule {
  readonly name: string | undefined;
  /** Empty: every request. */
  readonly matches: readonly GrpcRouteMatch[];
  /** No redirect, rewrite or CORS among them. */
  readonly filters: readonly HttpFilter[];
  readonly backendRefs: readonly HttpBackendRef[];
}

export interface GrpcRouteSpec {
  readonly hostnames: readonly string[];
  readonly parentRefs: readonly ParentRef[];
  readonly rules: readonly GrpcRouteRule[];
}

export interface TcpRouteSpec {
  readonly parentRefs: readonly ParentRef[];
  readonly rules: readonly { readonly name: string | undefined; readonly backendRefs: readonly BackendRef[] }[];
}

export interface ReferenceGrantSpec {
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name: string | undefined }[];
}

/** A plain-HTTP listener for callers from outside the mesh (tills, browsers). */
export interface GatewaySpec {
  readonly gatewayClassName: string;
  /** Addresses to bind; empty: all of the machine's. */
  readonly addresses: readonly string[];
  readonly listeners: readonly {
    readonly name: string;
    readonly hostname: string | undefined;
    readonly port: number;
    readonly protocol: "HTTP";
    /** Which namespaces' routes may attach. */
    readonly allowedNamespaces: "Same" | "All";
  }[];
}

export interface WorkloadSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
}

export interface PolicyTargetRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
}

export interface AuthorizationSource {
  readonly principals: readonly string[];
  readonly notPrincipals: readonly string[];
  readonly requestPrincipals: readonly string[];
  readonly notRequestPrincipals: readonly string[];
  readonly namespaces: readonly string[];
  readonly notNamespaces: readonly string[];
  readonly serviceAccounts: readonly string[];
  readonly notServiceAccounts: readonly string[];
  readonly ipBlocks: readonly string[];
  readonly notIpBlocks: readonly string[];
  readonly remoteIpBlocks: readonly string[];
  readonly notRemoteIpBlocks: readonly string[];
}

export interface AuthorizationOperation {
  readonly hosts: readonly string[];
  readonly notHosts: readonly string[];
  readonly ports: readonly string[];
  readonly notPorts: readonly string[];
  readonly methods: readonly string[];
  readonly notMethods: readonly string[];
  readonly paths: readonly string[];
  readonly notPaths: readonly string[];
}

export interface AuthorizationCondition {
  readonly key: string;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

export interface AuthorizationRule {
  /** `undefined`: any source. */
  readonly from: readonly AuthorizationSource[] | undefined;
  readonly to: readonly AuthorizationOperation[] | undefined;
  readonly when: readonly AuthorizationCondition[];
}

export interface AuthorizationPolicySpec {
  readonly selector: WorkloadSelector | undefined;
  readonly targetRefs: readonly PolicyTargetRef[];
  readonly action: "ALLOW" | "DENY" | "AUDIT" | "CUSTOM";
  /** `undefined`: never matches; `[]` cannot be told from it in Istio either. `[{}]`: always matches. */
  readonly rules: readonly AuthorizationRule[] | undefined;
}

export interface PeerAuthenticationSpec {
  readonly selector: WorkloadSelector | undefined;
  readonly mode: "UNSET" | "STRICT" | "PERMISSIVE" | "DISABLE";
  readonly portLevelMtls: Readonly<Record<string, "UNSET" | "STRICT" | "PERMISSIVE" | "DISABLE">>;
}

export interface ServiceEntrySpec {
  readonly hosts: readonly string[];
  readonly ports: readonly {
    readonly number: number;
    readonly name: string;
    readonly protocol: "HTTP" | "HTTPS" | "TLS" | "TCP";
    readonly targetPort: number | undefined;
  }[];
  readonly location: "MESH_EXTERNAL" | "MESH_INTERNAL";
  readonly resolution: "NONE" | "STATIC" | "DNS";
  readonly endpoints: readonly { readonly address: string; readonly ports: Readonly<Record<string, number>> }[];
}

export interface DestinationRuleSpec {
  readonly host: string;
  readonly loadBalancer: "ROUND_ROBIN" | "LEAST_REQUEST" | "RANDOM" | undefined;
  readonly connectTimeoutMs: number | undefined;
  readonly maxConnections: number | undefined;
  readonly http1MaxPendingRequests: number | undefined;
  readonly idleTimeoutMs: number | undefined;
}

/** A fact about access that every accepted configuration must satisfy; a change that breaks it is refused. */
export interface AssertionSpec {
  /** `allow` or `deny`: what must hold for every pair the two patterns name. */
  readonly expect: "allow" | "deny";
  /** `namespace/serviceAccount`, either part may be `*`. */
  readonly from: string;
  /** `namespace/service`, either part may be `*`. */
  readonly to: string;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export type AnyDocument =
  | Document<"Site", SiteSpec>
  | Document<"Node", NodeSpec>
  | Document<"Workload", WorkloadSpec>
  | Document<"Assertion", AssertionSpec>
  | Document<"Service", ServiceSpec>
  | Document<"HTTPRoute", HttpRouteSpec>
  | Document<"GRPCRoute", GrpcRouteSpec>
  | Document<"TCPRoute", TcpRouteSpec>
  | Document<"ReferenceGrant", ReferenceGrantSpec>
  | Document<"Gateway", GatewaySpec>
  | Document<"AuthorizationPolicy", AuthorizationPolicySpec>
  | Document<"PeerAuthentication", PeerAuthenticationSpec>
  | Document<"ServiceEntry", ServiceEntrySpec>
  | Document<"DestinationRule", DestinationRuleSpec>;

/** The document type of one kind: `DocumentOf<"Service">`. */
export type DocumentOf<K extends AnyDocument["kind"]> = Extract<AnyDocument, { kind: K }>;
