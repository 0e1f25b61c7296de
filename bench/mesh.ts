/** The documents Selvedge is measured with. JSON is YAML, so they are written as JSON, one document after the other. */

export interface MeshOptions {
  readonly generatorUid: number;
  readonly originPorts: readonly [number, number];
  /** HTTPRoute rules and authorization rules on the service under load; 10 is what HAProxy is compared at. */
  readonly rules?: number;
  /** Services beside it, each with a workload of its own. */
  readonly services?: number;
  /** A sink for the TCP relay, reached through `TCP_ADDRESS`. */
  readonly sinkPort?: number;
  readonly accessLogPercent?: number;
  /** Two nodes: callers on the first, everything they call on the second. */
  readonly pair?: PairPlace;
  /** Further nodes of the site, beside the pair, at addresses where nobody answers. */
  readonly visitors?: readonly string[];
  /** A gRPC service, `greeter.prod` at port 50051. */
  readonly grpcOriginPort?: number;
}

/** As which of two nodes the documents are read, and where both take tunnels. */
export interface PairPlace {
  readonly node: (typeof PAIR_NODES)[number];
  readonly tunnels: readonly [string, string];
}

/** Names of two nodes: the caller's and the called one. */
export const PAIR_NODES = ["till-1", "till-2"] as const;

/** Where the mesh offers the TCP service; of two nodes on this one machine, the caller's. */
export const TCP_ADDRESS = "127.77.0.5";
/** The same on the called node, where nobody asks for it. */
const TCP_ADDRESS_CALLED = "127.77.0.6";

/** Gateway API allows this many rules in one HTTPRoute. */
const RULES_PER_ROUTE = 16;

type Json = Readonly<Record<string, unknown>>;

const GATEWAY = "gateway.networking.k8s.io/v1";
const meta = (name: string, labels?: Json) => ({
  name,
  namespace: "prod",
  ...(labels === undefined ? {} : { labels }),
});

function workload(name: string, app: string, version: string, port: number): Json {
  return {
    apiVersion: "selvedge/v1",
    kind: "Workload",
    metadata: meta(name, { app, version }),
    spec: { serviceAccount: app, address: "127.0.0.1", ports: { main: port } },
  };
}

function service(name: string, selector: Json, port: number, more: Json = {}, appProtocol = "http"): Json {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta(name),
    spec: { selector, ports: [{ port, targetPort: "main", appProtocol }], ...more },
  };
}

const site = (options: MeshOptions): Json => ({
  apiVersion: "selvedge/v1",
  kind: "Site",
  metadata: { name: "bench" },
  spec: {
    trustDomain: "bench.example",
    node: "bench",
    outbound: "127.0.0.1:0",
    metrics: "127.0.0.1:0",
    defaultAction: "deny",
    accessLogSamplePercent: options.accessLogPercent ?? 1,
  },
});

const split = [
  { name: "orders-v1", port: 80, weight: 99 },
  { name: "orders-v2", port: 80, weight: 1 },
];

const edits = [
  {
    type: "RequestHeaderModifier",
    requestHeaderModifier: {
      set: [
        { name: "x-shop", value: "bench" },
        { name: "x-backend", value: "orders" },
      ],
    },
  },
  { type: "ResponseHeaderModifier", responseHeaderModifier: { set: [{ name: "x-served-by", value: "mesh" }] } },
];

/** Ten rules that cost HAProxy ten ACLs, or as many as asked for, of which the last one answers the load. */
function routes(count: number): Json[] {
  const rules = Array.from({ length: count - 1 }, (_, i) => ({
    matches: [{ path: { type: "PathPrefix", value: `/p/${i}` } }],
    filters: edits,
    backendRefs: split,
  }));
  const last = { matches: [{ path: { type: "PathPrefix", value: "/" } }], filters: edits, backendRefs: split };
  const all = [...rules, last];
  return Array.from({ length: Math.ceil(all.length / RULES_PER_ROUTE) }, (_, i) => ({
    apiVersion: GATEWAY,
    kind: "HTTPRoute",
    metadata: meta(`orders-${i}`),
    spec: {
      parentRefs: [{ group: "", kind: "Service", name: "orders", port: 80 }],
      rules: all.slice(i * RULES_PER_ROUTE, (i + 1) * RULES_PER_ROUTE),
    },
  }));
}

/** Rules that one AuthorizationPolicy may have. */
const RULES_PER_POLICY = 500;

function policies(count: number): Json[] {
  const paths = ["/admin/*", "/internal/*", "/v1/payments/*", "/v1/refunds/*", "*.json"];
  const others = Array.from({ length: count - 1 }, (_, i) =>
    i < paths.length
      ? { to: [{ operation: { paths: [paths[i]] } }] }
      : i < 7
        ? { to: [{ operation: { methods: [i === 5 ? "DELETE" : "PUT"] } }] }
        : i < 9
          ? { when: [{ key: "request.headers[x-tier]", values: [i === 7 ? "gold" : "silver"] }] }
          : { from: [{ source: { principals: [`bench.example/ns/prod/sa/other-${i}`] } }] },
  );
  const last = {
    from: [{ source: { principals: ["bench.example/ns/prod/sa/web"] } }],
    to: [{ operation: { methods: ["GET"] } }],
  };
  const all = [...others, last];
  return Array.from({ length: Math.ceil(all.length / RULES_PER_POLICY) }, (_, i) => ({
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: meta(`orders-${i}`),
    spec: {
      selector: { matchLabels: { app: "orders" } },
      action: "ALLOW",
      rules: all.slice(i * RULES_PER_POLICY, (i + 1) * RULES_PER_POLICY),
    },
  }));
}

function relay(sinkPort: number, clusterIP: string): Json[] {
  return [
    workload("sink", "sink", "v1", sinkPort),
    service("sink", { app: "sink" }, 5201, { clusterIP }, "tcp"),
    {
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: meta("sink"),
      spec: {
        selector: { matchLabels: { app: "sink" } },
        action: "ALLOW",
        rules: [{ from: [{ source: { serviceAccounts: ["prod/web"] } }] }],
      },
    },
  ];
}

function crowd(count: number): Json[] {
  return Array.from({ length: count }, (_, i) => i).flatMap((i) => [
    workload(`s${i}`, `s${i}`, "v1", 20_000 + (i % 20_000)),
    service(`s${i}`, { app: `s${i}` }, 80),
  ]);
}

/** A gRPC service with as many rules as HAProxy checks, of which the last one allows. */
function grpc(originPort: number): Json[] {
  const paths = ["/admin/*", "/internal/*", "/v1.Payments/*", "/v1.Refunds/*", "*/Admin"];
  const rules = [
    ...paths.map((path) => ({ to: [{ operation: { paths: [path] } }] })),
    ...["DELETE", "PUT"].map((method) => ({ to: [{ operation: { methods: [method] } }] })),
    ...["gold", "silver"].map((tier) => ({ when: [{ key: "request.headers[x-tier]", values: [tier] }] })),
    {
      from: [{ source: { principals: ["bench.example/ns/prod/sa/web"] } }],
      to: [{ operation: { methods: ["POST"] } }],
    },
  ];
  return [
    workload("greeter", "greeter", "v1", originPort),
    service("greeter", { app: "greeter" }, 50_051, {}, "grpc"),
    {
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: meta("greeter"),
      spec: { selector: { matchLabels: { app: "greeter" } }, action: "ALLOW", rules },
    },
  ];
}

/** Puts callers on the first node and everything with an address on the second. */
function placed(documents: readonly Json[], { node, tunnels }: PairPlace, visitors: readonly string[]): Json[] {
  const places = [
    ...PAIR_NODES.map((name, i) => [name, tunnels[i]] as const),
    ...visitors.map((name, i) => [name, `127.0.0.${100 + i}:9`] as const),
  ];
  const nodes = places.map(([name, address]) => ({
    apiVersion: "selvedge/v1",
    kind: "Node",
    metadata: { name },
    spec: { address },
  }));
  const moved = documents.map((document) => {
    const spec = document["spec"] as Json;
    if (document["kind"] === "Site")
      return { ...document, spec: { ...spec, node, tunnel: tunnels[PAIR_NODES.indexOf(node)] } };
    if (document["kind"] !== "Workload") return document;
    return { ...document, spec: { ...spec, node: PAIR_NODES["address" in spec ? 1 : 0] } };
  });
  return [...moved, ...nodes];
}

/** The text of the mesh file. */
export function meshFile(options: MeshOptions): string {
  const documents: Json[] = [
    site(options),
    {
      apiVersion: "selvedge/v1",
      kind: "Workload",
      metadata: meta("web", { app: "web", version: "v1" }),
      spec: { selectors: [[`unix:uid:${options.generatorUid}`]] },
    },
    workload("orders-v1", "orders", "v1", options.originPorts[0]),
    workload("orders-v2", "orders", "v2", options.originPorts[1]),
    service("orders", { app: "orders" }, 80),
    service("orders-v1", { app: "orders", version: "v1" }, 80),
    service("orders-v2", { app: "orders", version: "v2" }, 80),
    ...routes(options.rules ?? 10),
    ...policies(options.rules ?? 10),
    ...(options.sinkPort === undefined
      ? []
      : relay(options.sinkPort, options.pair?.node === PAIR_NODES[1] ? TCP_ADDRESS_CALLED : TCP_ADDRESS)),
    ...(options.grpcOriginPort === undefined ? [] : grpc(options.grpcOriginPort)),
    ...crowd(options.services ?? 0),
  ];
  return (options.pair === undefined ? documents : placed(documents, options.pair, options.visitors ?? []))
    .map((document) => `---\n${JSON.stringify(document)}\n`)
    .join("");
}
