/** Documents of a small mesh, for tests that send real traffic. JSON is YAML. */

type Json = Readonly<Record<string, unknown>>;

/** What all tests of the data path have: a caller that is this process, and nobody else let in by default. */
export interface TestMesh {
  readonly site?: Json;
  readonly calls?: readonly string[];
  /** Further documents. */
  readonly documents?: readonly Json[];
}

const OWN_UID = process.getuid?.() ?? 0;

export const GATEWAY_API = "gateway.networking.k8s.io/v1";
export const ISTIO_SECURITY = "security.istio.io/v1";
export const ISTIO_NETWORKING = "networking.istio.io/v1";

/** A document. `name` is `name` in prod, or `namespace/name`. */
export function doc(apiVersion: string, kind: string, name: string, spec: Json, labels: Json = {}): Json {
  const slash = name.indexOf("/");
  const namespace = slash < 0 ? "prod" : name.slice(0, slash);
  return { apiVersion, kind, metadata: { name: name.slice(slash + 1), namespace, labels }, spec };
}

/** A workload with one port `main`, labelled `app: <name>`; more than one may share an app. */
export function workloadDoc(name: string, port: number, more: Json = {}, labels: Json = {}): Json {
  const app = name.slice(name.indexOf("/") + 1);
  const spec = { address: "127.0.0.1", ports: { main: port }, ...more };
  return doc("selvedge/v1", "Workload", name, spec, { app, ...labels });
}

/** A Service in front of the workloads labelled `app: <name>`. */
export function serviceDoc(name: string, more: Json = {}, port = 80, appProtocol = "http"): Json {
  const app = name.slice(name.indexOf("/") + 1);
  return doc("v1", "Service", name, { selector: { app }, ports: [{ port, targetPort: "main", appProtocol }], ...more });
}

/** A workload and its Service. */
export function backendDocs(name: string, port: number): Json[] {
  return [workloadDoc(name, port), serviceDoc(name)];
}

/** A Service that speaks TCP, and its workload. */
export function tcpDocs(name: string, port: number, more: Json = {}, servicePort = 5432): Json[] {
  return [workloadDoc(name, port), serviceDoc(name, more, servicePort, "tcp")];
}

/** An HTTPRoute on port 80 of a Service. */
export function routeDoc(name: string, service: string, rules: readonly Json[]): Json {
  return doc(GATEWAY_API, "HTTPRoute", name, {
    parentRefs: [{ group: "", kind: "Service", name: service, port: 80 }],
    rules,
  });
}

/** A DestinationRule's connection pool for one Service. */
export function poolDoc(service: string, connectionPool: Json): Json {
  const host = `${service}.prod.svc.cluster.local`;
  return doc(ISTIO_NETWORKING, "DestinationRule", service, { host, trafficPolicy: { connectionPool } });
}

/** A policy on the workloads of an app. */
export function policyDoc(name: string, app: string, action: string, rules: readonly Json[]): Json {
  return doc(ISTIO_SECURITY, "AuthorizationPolicy", name, { selector: { matchLabels: { app } }, action, rules });
}

/** The text of a mesh in which this process is `prod/web`, and everything that no policy selects is allowed. */
export function meshText(mesh: TestMesh): string {
  const site = doc("selvedge/v1", "Site", "test", {
    trustDomain: "test.example",
    outbound: "127.0.0.1:0",
    metrics: "127.0.0.1:0",
    defaultAction: "allow",
    accessLogSamplePercent: 100,
    ...mesh.site,
  });
  const web = doc(
    "selvedge/v1",
    "Workload",
    "web",
    { selectors: [[`unix:uid:${OWN_UID}`]], ...(mesh.calls === undefined ? {} : { calls: mesh.calls }) },
    { app: "web" },
  );
  return [site, web, ...(mesh.documents ?? [])].map((one) => `---\n${JSON.stringify(one)}\n`).join("");
}
