/** Documents as decoding would hand them over, for tests of compiling. */
import type {
  AnyDocument,
  BackendRef,
  DocumentOf,
  HttpBackendRef,
  HttpRouteMatch,
  HttpRouteRule,
  ParentRef,
} from "../../../model/documents.ts";
import { type CompileResult, compile } from "./compile.ts";
import { type CompileEnv, SITE_DEFAULTS } from "./site.ts";

type Kind = AnyDocument["kind"];
type Spec<K extends Kind> = DocumentOf<K>["spec"];

/** Name, `namespace/name` or both with labels. */
export interface Named {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

let line = 0;

/** A document of one kind; positions are told apart by line, and the column is the depth of the field. */
export function document<K extends Kind>(kind: K, named: string | Named, spec: Spec<K>): DocumentOf<K> {
  const { name: qualified, labels = {} } = typeof named === "string" ? { name: named } : named;
  const slash = qualified.indexOf("/");
  const namespace = slash < 0 ? "prod" : qualified.slice(0, slash);
  const own = ++line;
  const made = {
    apiVersion: "v1",
    kind,
    metadata: { name: qualified.slice(slash + 1), namespace, labels, annotations: {} },
    spec,
    origin: { file: "test.yaml", line: own, col: 1 },
    at: (path: readonly (string | number)[]) => ({ file: "test.yaml", line: own, col: 1 + path.length }),
  };
  return made as unknown as DocumentOf<K>;
}

/** A Site with defaults. */
export function site(spec: Partial<Spec<"Site">> = {}, name = "store"): DocumentOf<"Site"> {
  return document("Site", name, { ...SITE_DEFAULTS, trustDomain: `${name}.mesh`, ...spec });
}

/** A site of till-1 (this node) and till-2. */
export function twoNodes(spec: Partial<Spec<"Site">> = {}): AnyDocument[] {
  return [
    site({ tunnel: "0.0.0.0:15008", ...spec }),
    document("Node", "till-1", { address: "10.0.0.1:15008" }),
    document("Node", "till-2", { address: "10.0.0.2:15008" }),
  ];
}

/** A workload; by default on 127.0.0.1 with port http: 9000 and the label app. */
export function workload(name: string, spec: Partial<Spec<"Workload">> = {}, labels?: Record<string, string>) {
  const short = name.slice(name.indexOf("/") + 1);
  return document(
    "Workload",
    { name, labels: labels ?? { app: short } },
    {
      serviceAccount: short,
      selectors: undefined,
      node: undefined,
      address: "127.0.0.1",
      ports: { http: 9000 },
      calls: undefined,
      ...spec,
    },
  );
}

/** A Service that selects by the label app; by default with port 80 to the workload's port http. */
export function service(name: string, spec: Partial<Spec<"Service">> = {}): DocumentOf<"Service"> {
  const short = name.slice(name.indexOf("/") + 1);
  return document("Service", name, {
    selector: { app: short },
    ports: [{ name: undefined, port: 80, targetPort: "http", appProtocol: "http" }],
    clusterIP: undefined,
    ...spec,
  });
}

/** A parentRef to a Service. */
export function toService(name: string, rest: Partial<ParentRef> = {}): ParentRef {
  return { group: "", kind: "Service", name, namespace: undefined, port: undefined, sectionName: undefined, ...rest };
}

/** A parentRef to a Gateway. */
export function toGateway(name: string, rest: Partial<ParentRef> = {}): ParentRef {
  return toService(name, { group: "gateway.networking.k8s.io", kind: "Gateway", ...rest });
}

/** A backendRef to port 80 of a Service. */
export function backend(name: string, rest: Partial<BackendRef> = {}): HttpBackendRef {
  return { group: "", kind: "Service", name, namespace: undefined, port: 80, weight: 1, filters: [], ...rest };
}

/** A match with defaults. */
export function match(values: Partial<HttpRouteMatch> = {}): HttpRouteMatch {
  return { path: { type: "PathPrefix", value: "/" }, headers: [], queryParams: [], method: undefined, ...values };
}

/** A rule with defaults: everything, nowhere. */
export function rule(values: Partial<HttpRouteRule> = {}): HttpRouteRule {
  return {
    name: undefined,
    matches: [match()],
    filters: [],
    backendRefs: [],
    timeouts: { requestMs: undefined, backendRequestMs: undefined },
    ...values,
  };
}

/** An HTTPRoute. */
export function httpRoute(
  name: string,
  parentRefs: readonly ParentRef[],
  rules: readonly HttpRouteRule[],
  hostnames: readonly string[] = [],
): DocumentOf<"HTTPRoute"> {
  return document("HTTPRoute", name, { hostnames, parentRefs, rules });
}

/** A TCPRoute with one rule. */
export function tcpRoute(name: string, parentRefs: readonly ParentRef[], backendRefs: readonly BackendRef[]) {
  return document("TCPRoute", name, { parentRefs, rules: [{ name: undefined, backendRefs }] });
}

/** A machine with the users web (1001) and orders (1002). */
export const TEST_ENV: CompileEnv = {
  node: undefined,
  hostname: "till-1",
  resolveUser: (name) => ({ web: 1001, orders: 1002 })[name],
};

/** Compiles documents on that machine. */
export function compileAll(documents: readonly AnyDocument[], env: Partial<CompileEnv> = {}): CompileResult {
  return compile(documents, { ...TEST_ENV, ...env });
}

/** `code message` of every issue. */
export function issueTexts(result: CompileResult): string[] {
  return result.issues.map(
    (issue) => `${issue.code} ${issue.message}${issue.hint === undefined ? "" : ` (${issue.hint})`}`,
  );
}
