import type { DestinationRuleSpec } from "../../../../model/documents.ts";
import { declareKind } from "../kind.ts";
import { hostname } from "../names.ts";
import { object, optional, required } from "../object.ts";
import { duration, integer, oneOf } from "../scalars.ts";

const OUTLIERS = "endpoints are taken out when connecting to them fails";
const PROTOCOL_BOUNDS = "connections to endpoints are HTTP/1.1 and bounded by maxConnections";

const loadBalancer = object(
  "LoadBalancerSettings",
  {
    simple: optional(
      oneOf(["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"], {
        PASSTHROUGH: "use a ServiceEntry with resolution NONE",
        LEAST_CONN: "use LEAST_REQUEST",
        UNSPECIFIED: "leave it out",
      }),
      "How an endpoint is chosen.",
      "LEAST_REQUEST",
    ),
  },
  {
    unsupported: {
      consistentHash: "requests are balanced one by one",
      localityLbSetting: "there is no choice by place yet",
      warmup: "endpoints get their full share at once",
      warmupDurationSecs: "endpoints get their full share at once",
    },
  },
);

const tcp = object(
  "TCPSettings",
  {
    maxConnections: optional(integer(1, 65_535), "Most connections to one endpoint from one worker."),
    connectTimeout: optional(duration, "Longest time to connect."),
  },
  {
    unsupported: {
      tcpKeepalive: "idle connections are closed by idleTimeout",
      maxConnectionDuration: "connections live as long as they are used",
      idleTimeout: "write it under http",
    },
  },
);

const http = object(
  "HTTPSettings",
  {
    http1MaxPendingRequests: optional(
      integer(0, 1_000_000),
      "Most requests that wait for a connection to one endpoint.",
    ),
    idleTimeout: optional(duration, "How long an idle connection is kept."),
  },
  {
    unsupported: {
      http2MaxRequests: PROTOCOL_BOUNDS,
      maxRequestsPerConnection: PROTOCOL_BOUNDS,
      maxConcurrentStreams: PROTOCOL_BOUNDS,
      maxRetries: "a failed attempt is repeated only where nothing was sent",
      h2UpgradePolicy: PROTOCOL_BOUNDS,
      useClientProtocol: PROTOCOL_BOUNDS,
    },
  },
);

const connectionPool = object("ConnectionPoolSettings", {
  tcp: optional(tcp, "Bounds of connections."),
  http: optional(http, "Bounds of HTTP."),
});

const trafficPolicy = object(
  "TrafficPolicy",
  {
    loadBalancer: optional(loadBalancer, "How an endpoint is chosen."),
    connectionPool: optional(connectionPool, "Bounds."),
  },
  {
    unsupported: {
      outlierDetection: OUTLIERS,
      tls: "the mesh encrypts between nodes",
      portLevelSettings: "settings hold for all ports",
      tunnel: "the mesh chooses its tunnels",
      proxyProtocol: "endpoints get plain connections",
      retryBudget: "a failed attempt is repeated only where nothing was sent",
    },
  },
);

/** How endpoints of one host are used: a part of Istio's DestinationRule. */
export const destinationRuleKind = declareKind({
  kind: "DestinationRule",
  apiVersions: ["networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"],
  doc: "How the endpoints of a Service are chosen and how many connections they get.",
  spec: object(
    "DestinationRuleSpec",
    {
      host: required(hostname, "The Service: `name`, `name.namespace` or `name.namespace.svc.cluster.local`."),
      trafficPolicy: optional(trafficPolicy, "Settings."),
    },
    {
      unsupported: {
        subsets: "declare a Service for each version and split with an HTTPRoute",
        exportTo: "a rule holds for the whole site",
        workloadSelector: "a rule holds for all callers",
      },
    },
  ),
  toModel: ({ host, trafficPolicy: policy }): DestinationRuleSpec => ({
    host,
    loadBalancer: policy?.loadBalancer?.simple,
    connectTimeoutMs: policy?.connectionPool?.tcp?.connectTimeout,
    maxConnections: policy?.connectionPool?.tcp?.maxConnections,
    http1MaxPendingRequests: policy?.connectionPool?.http?.http1MaxPendingRequests,
    idleTimeoutMs: policy?.connectionPool?.http?.idleTimeout,
  }),
  toFile: (model) => ({
    host: model.host,
    trafficPolicy: unlessEmpty({
      loadBalancer: unlessEmpty({ simple: model.loadBalancer }),
      connectionPool: unlessEmpty({
        tcp: unlessEmpty({ maxConnections: model.maxConnections, connectTimeout: model.connectTimeoutMs }),
        http: unlessEmpty({
          http1MaxPendingRequests: model.http1MaxPendingRequests,
          idleTimeout: model.idleTimeoutMs,
        }),
      }),
    }),
  }),
});

function unlessEmpty<T extends object>(settings: T): T | undefined {
  return Object.values(settings).every((value) => value === undefined) ? undefined : settings;
}
