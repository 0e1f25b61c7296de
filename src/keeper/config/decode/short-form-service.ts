import type { ConfigNode, NodeFields, NodeSource } from "../schema/config-node.ts";
import { entryOf, nodeAt, nodeFrom } from "../schema/config-node.ts";
import type { ShortService } from "../schema/short-form.ts";
import { parseCaller, policySpecOf } from "./short-form-callers.ts";

/** One service of a short form; values are checked, `node` is what was written. */
export interface ShortServiceContext {
  readonly name: string;
  readonly namespace: string;
  readonly service: ShortService;
  readonly node: ConfigNode;
}

type Protocol = ShortService["protocol"];

/** A port that callers use, and the workload's port behind it. */
interface ExpandedPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
}

/** Port that callers of HTTP use when nothing else is said. */
const HTTP_PORT = 80;

const APP_PROTOCOL = { http: "http", h2c: "kubernetes.io/h2c", grpc: "grpc", tcp: "tcp" } as const;

/** The documents of one service: workloads, Services, a route where requests are split or timed, a policy for `allow`. */
export function expandService(context: ShortServiceContext): readonly ConfigNode[] {
  const ports = portsOf(context.service);
  return [
    ...workloadsOf(context, ports),
    ...servicesOf(context, ports),
    ...routesOf(context, ports),
    ...policiesOf(context),
  ];
}

function portsOf(service: ShortService): readonly ExpandedPort[] {
  const { port, ports, unix, versions, protocol } = service;
  if (ports !== undefined) return Object.entries(ports).map(([name, number]) => namedPort(name, number, protocol));
  if ((port ?? unix ?? versions) === undefined) return [];
  const fallback = protocol === "tcp" ? (port ?? HTTP_PORT) : HTTP_PORT;
  return [{ name: protocol, port: service.servicePort ?? fallback, protocol }];
}

/** A port's name, or what stands before its first dash, says its protocol where it is the name of one. */
function namedPort(name: string, number: number, fallback: Protocol): ExpandedPort {
  const prefix = name.split("-", 1)[0]!;
  const protocol = prefix === "http" || prefix === "h2c" || prefix === "grpc" || prefix === "tcp" ? prefix : fallback;
  return { name, port: name === "http" ? HTTP_PORT : number, protocol };
}

function document(
  context: ShortServiceContext,
  kind: string,
  name: string,
  fields: NodeFields,
  place: ConfigNode,
): ConfigNode {
  const { labels, ...spec } = fields;
  const metadata = { name, namespace: context.namespace, labels };
  return nodeFrom({ apiVersion: API_VERSIONS[kind]!, kind, metadata, spec }, place);
}

const API_VERSIONS: Readonly<Record<string, string>> = {
  Workload: "selvedge/v1",
  Service: "v1",
  HTTPRoute: "gateway.networking.k8s.io/v1",
  TCPRoute: "gateway.networking.k8s.io/v1",
  AuthorizationPolicy: "security.istio.io/v1",
};

function workloadsOf(context: ShortServiceContext, ports: readonly ExpandedPort[]): readonly ConfigNode[] {
  const { name, service, node } = context;
  const calls = entryOf(node, "calls")?.value;
  if (service.versions === undefined) {
    const labels = { ...service.labels, app: name };
    const selectors = selectorsOf(service.run, node);
    const fields = { labels, selectors, ...placeOf(service.node, node), ...listening(service, ports, node), calls };
    return [document(context, "Workload", name, fields, node)];
  }
  return Object.entries(service.versions).map(([version, item]) => {
    const labels = { ...service.labels, app: name, version };
    const place = nodeAt(node, ["versions", version]);
    const where = listening({ ...item, address: undefined, ports: undefined }, ports, place);
    const selectors = item.run === undefined ? selectorsOf(service.run, node) : selectorsOf(item.run, place);
    const on = item.node === undefined ? placeOf(service.node, node) : placeOf(item.node, place);
    const fields = { labels, serviceAccount: name, selectors, ...on, ...where, calls };
    return document(context, "Workload", `${name}-${version}`, fields, place);
  });
}

function selectorsOf(run: ShortService["run"], node: ConfigNode): ConfigNode | undefined {
  return run === undefined ? undefined : nodeFrom(run, nodeAt(node, ["run"]));
}

/** `all` is no node's name but says that it runs on each. */
function placeOf(name: string | undefined, node: ConfigNode): NodeFields {
  if (name === undefined) return {};
  const value = nodeFrom(name, nodeAt(node, ["node"]));
  return name === "all" ? { nodes: value } : { node: value };
}

function listening(
  at: Pick<ShortService, "port" | "ports" | "unix" | "address">,
  expanded: readonly ExpandedPort[],
  node: ConfigNode,
): NodeFields {
  if (at.unix !== undefined) return { address: nodeFrom(`unix:${at.unix}`, nodeAt(node, ["unix"])) };
  const address = nodeFrom(at.address ?? "127.0.0.1", nodeAt(node, ["address"]));
  if (at.ports !== undefined) return { address, ports: nodeAt(node, ["ports"]) };
  if (at.port === undefined) return {};
  return { address, ports: nodeFrom({ [expanded[0]!.name]: at.port }, nodeAt(node, ["port"])) };
}

function servicesOf(context: ShortServiceContext, ports: readonly ExpandedPort[]): readonly ConfigNode[] {
  if (ports.length === 0) return [];
  const { name, service, node } = context;
  const written = ports.map((item) => ({
    name: item.name,
    port: item.port,
    targetPort: item.name,
    appProtocol: APP_PROTOCOL[item.protocol],
  }));
  const common: NodeFields = { labels: { ...service.labels, app: name }, ports: written };
  const clusterIP = entryOf(node, "clusterIP")?.value;
  const whole = document(context, "Service", name, { ...common, selector: { app: name }, clusterIP }, node);
  const versions = Object.keys(service.versions ?? {}).map((version) => {
    const fields = { ...common, selector: { app: name, version } };
    return document(context, "Service", `${name}-${version}`, fields, nodeAt(node, ["versions", version]));
  });
  return [whole, ...versions];
}

function routesOf(context: ShortServiceContext, ports: readonly ExpandedPort[]): readonly ConfigNode[] {
  const { name, service, node } = context;
  const timeout = entryOf(node, "timeout")?.value;
  if (service.versions === undefined && timeout === undefined) return [];
  return ports
    .filter((item) => service.versions !== undefined || item.protocol !== "tcp")
    .map((item) => {
      const isOnly = ports.length === 1;
      const parentRef = { group: "", kind: "Service", name, port: isOnly ? undefined : item.port };
      const rule = {
        backendRefs: backendsOf(context, item),
        timeouts: timeout === undefined ? undefined : { request: timeout },
      };
      const kind = item.protocol === "tcp" ? "TCPRoute" : "HTTPRoute";
      const place = service.versions === undefined ? (timeout ?? node) : nodeAt(node, ["versions"]);
      return document(
        context,
        kind,
        isOnly ? name : `${name}-${item.name}`,
        { parentRefs: [parentRef], rules: [rule] },
        place,
      );
    });
}

function backendsOf({ name, service, node }: ShortServiceContext, { port }: ExpandedPort): NodeSource {
  if (service.versions === undefined) return [{ name, port }];
  return Object.entries(service.versions).map(([version, { weight }]) =>
    nodeFrom({ name: `${name}-${version}`, port, weight }, nodeAt(node, ["versions", version, "weight"])),
  );
}

function policiesOf(context: ShortServiceContext): readonly ConfigNode[] {
  const { name, namespace, service, node } = context;
  if (service.allow === undefined) return [];
  const callers = service.allow.map((text, index) => ({
    ...parseCaller(text, namespace),
    place: nodeAt(node, ["allow", index]),
  }));
  const place = nodeAt(node, ["allow"]);
  const metadata = { name, namespace };
  const policy = { apiVersion: API_VERSIONS["AuthorizationPolicy"]!, kind: "AuthorizationPolicy", metadata };
  return [nodeFrom({ ...policy, spec: policySpecOf(name, callers) }, place)];
}
