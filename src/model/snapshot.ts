/**
 * The snapshot: what the keeper hands to a proxy worker, and the only thing that crosses between them besides stats.
 *
 * A snapshot is a list of records, each small, each with a key that is unique and stable across generations. On disk and
 * on the channel a record is one line of JSON, so that a worker takes up any number of them in slices of at most 1 ms.
 * A delta is a list of records to set and keys to delete against the generation before it. Records refer to each other by key.
 * No key material is ever in a record.
 */

import type { PolicyRuleRecord } from "./authz/record.ts";
import type { AppProtocol, CorsFilter, DefaultAction, OutboundTrafficPolicy } from "./documents.ts";
import type { Origin } from "./issue.ts";
import type { RouteTableRecord } from "./route/record.ts";

export type { CorsFilter };

export interface SiteRecord {
  readonly kind: "site";
  readonly key: "site";
  readonly name: string;
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  readonly node: string;
  readonly defaultAction: DefaultAction;
  readonly outboundTrafficPolicy: OutboundTrafficPolicy;
  readonly accessLogSamplePercent: number;
}

/** A node of the site, this one included. */
export interface NodeRecord {
  readonly kind: "node";
  /** `node/<name>` */
  readonly key: string;
  readonly name: string;
  /** Where its tunnel is reached; absent: it only dials. */
  readonly hostname?: string;
  readonly port?: number;
  readonly isLocal: boolean;
}

/** A socket the worker listens on. */
export interface ListenerRecord {
  readonly kind: "listener";
  /** `listener/<role>/<hostname>:<port>` */
  readonly key: string;
  /**
   * outbound: the shared listener, destination by `Host` or CONNECT. service: a loopback `clusterIP`, destination known.
   * gateway: callers from outside the mesh. metrics: `GET /metrics` and nothing else. tunnel: mutual TLS from other nodes.
   * inbound: plaintext from outside the node for one workload, where its PeerAuthentication is PERMISSIVE; callers have no
   * identity, the destination is `service`, and of its endpoints the one of `workload`.
   */
  readonly role: "outbound" | "service" | "gateway" | "metrics" | "tunnel" | "inbound";
  readonly hostname: string;
  /** 0 = any free port; the worker reports the one it got. */
  readonly port: number;
  /** roles service and inbound: key of the ServiceRecord. */
  readonly service?: string;
  /** roles service and inbound: which of its ports. */
  readonly servicePort?: number;
  /** role inbound: key of the WorkloadRecord. */
  readonly workload?: string;
  /** role gateway: name of the other node whose address it is. Not opened here, but its routes hold for what that node sends on. */
  readonly node?: string;
  /** role gateway: routes by host name, most specific first; see `route/record.ts`. */
  readonly gateway?: GatewayListenerRecord;
}

export interface GatewayListenerRecord {
  /** `namespace/name/listener` */
  readonly name: string;
  readonly namespace: string;
  /** In order of precedence; `hostname` undefined = any, `*.a.b` = suffix. */
  readonly hosts: readonly { readonly hostname?: string; readonly routes: RouteTableRecord }[];
  /** Keys of the policies that target this Gateway. */
  readonly policies: PolicyRefs;
}

/** One way to recognise a local process; all selectors of one entry must hold. */
export type CallerSelector =
  | { readonly type: "uid"; readonly uid: number }
  /** A cgroup v2 path (`/shop/orders`) or, from `systemd:id:`, the unit's; matches its subtree. */
  | { readonly type: "cgroup"; readonly path: string }
  | { readonly type: "systemd"; readonly unit: string }
  /** Resolved by the keeper among the descendants of registered runs. */
  | { readonly type: "path"; readonly path: string };

/** Keys of the policies that hold for one workload, Service or Gateway, by action. */
export interface PolicyRefs {
  readonly deny: readonly string[];
  readonly allow: readonly string[];
  readonly audit: readonly string[];
}

/** Whom a workload may call; compared by the service the request is for, before any split. */
export interface CallsRecord {
  /** Keys of ServiceRecords and ExternalRecords. */
  readonly services: readonly string[];
  /** `host:port` outside the mesh, lower case. */
  readonly hosts: readonly string[];
}

export interface WorkloadRecord {
  readonly kind: "workload";
  /** `workload/<namespace>/<name>` */
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Istio's form, without `spiffe://`: `<trust domain>/ns/<namespace>/sa/<service account>`. */
  readonly principal: string;
  readonly app: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly isLocal: boolean;
  /** Where it runs; with `isOnEveryNode` this node, and its equals run on all others. */
  readonly node: string;
  /** `nodes: all`: every node of the site may speak for it. */
  readonly isOnEveryNode?: true;
  /** Empty for a workload of another node: its users need not exist here. */
  readonly selectors: readonly (readonly CallerSelector[])[];
  readonly calls: CallsRecord | null;
  readonly policies: PolicyRefs;
  /** What PeerAuthentication asks of plaintext from outside the node, by port of the workload where it differs. Absent: STRICT. */
  readonly mtls?: {
    readonly mode: "STRICT" | "PERMISSIVE";
    readonly ports: Readonly<Record<string, "STRICT" | "PERMISSIVE">>;
  };
  readonly origin: Origin;
}

export interface EndpointRecord {
  /** Key of the WorkloadRecord behind it; absent for external endpoints. */
  readonly workload?: string;
  /** An IP address or, for external hosts, a DNS name; absent for a unix socket. */
  readonly hostname?: string;
  readonly port?: number;
  /** Path of a unix socket. */
  readonly unix?: string;
  /** Name of the node it lives on where that is another one: reached by the tunnel, `hostname` and `port` are that node's view. */
  readonly node?: string;
  /** Taken out of rotation by an operator: keeps its connections, gets no new request. */
  readonly drained?: boolean;
}

export interface ServicePortRecord {
  readonly port: number;
  readonly name: string;
  readonly protocol: AppProtocol;
  readonly endpoints: readonly EndpointRecord[];
  /** Routes attached to this port, or null for the implicit one (everything to `endpoints`). */
  readonly routes: RouteTableRecord | null;
  readonly connectTimeoutMs?: number;
  readonly maxConnections?: number;
  readonly maxPendingRequests?: number;
  readonly idleTimeoutMs?: number;
  readonly loadBalancer?: "ROUND_ROBIN" | "LEAST_REQUEST" | "RANDOM";
}

export interface ServiceRecord {
  readonly kind: "service";
  /** `service/<namespace>/<name>` */
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  /** `<name>.<namespace>.svc.cluster.local`, the label `destination_service`. */
  readonly host: string;
  /** Further names it answers to, lower case, without port; the short name is not among them. */
  readonly aliases: readonly string[];
  readonly ports: readonly ServicePortRecord[];
  /** Policies that target the Service judge the request as received. */
  readonly policies: PolicyRefs;
  readonly clusterIP?: string;
  readonly origin: Origin;
}

/** A known host outside the mesh (Istio ServiceEntry), one record per host. */
export interface ExternalRecord {
  readonly kind: "external";
  /** `external/<namespace>/<name>/<host>` */
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  /** Lower case; `*.example.com` = suffix. */
  readonly host: string;
  readonly ports: readonly {
    readonly port: number;
    readonly protocol: "HTTP" | "HTTPS" | "TLS" | "TCP";
    readonly endpoints: readonly EndpointRecord[];
  }[];
  readonly policies: PolicyRefs;
  readonly origin: Origin;
}

export interface PolicyRecord {
  readonly kind: "policy";
  /** `policy/<namespace>/<name>` */
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly action: "ALLOW" | "DENY" | "AUDIT";
  /** Annotation `istio.io/dry-run: "true"`: counted and logged, never enforced. */
  readonly dryRun: boolean;
  readonly rules: readonly PolicyRuleRecord[];
  /** Why it could not be compiled; such a policy denies whatever it is attached to. */
  readonly broken?: string;
  readonly origin: Origin;
}

export type SnapshotRecord =
  | SiteRecord
  | NodeRecord
  | ListenerRecord
  | WorkloadRecord
  | ServiceRecord
  | ExternalRecord
  | PolicyRecord;

/** What the compiling child answers for a set of documents. */
export interface Compiled {
  readonly records: readonly SnapshotRecord[];
}
