import type { PolicySet } from "../../model/authz/policy-set.ts";
import type { RouteTableRecord } from "../../model/route/record.ts";
import type { RouteTable } from "../../model/route/table.ts";
import type { TcpRouteTable } from "../../model/route/tcp.ts";
import type {
  EndpointRecord,
  ExternalRecord,
  PolicyRefs,
  ServicePortRecord,
  ServiceRecord,
} from "../../model/snapshot.ts";
import type { EdgeDestination } from "../../telemetry/edge-labels.ts";
import { pinnedEndpoint } from "../pin/pin-text.ts";
import { type Endpoint, endpointKey } from "../upstream/endpoint.ts";
import type { EndpointRegistry } from "../upstream/endpoint-registry.ts";
import type { Workload } from "./workload.ts";

/** What a destination needs of the generation it belongs to. */
export interface DestinationContext {
  readonly endpoints: EndpointRegistry;
  workload(key: string): Workload | undefined;
  routeTable(record: RouteTableRecord, scope: string): RouteTable;
  tcpRouteTable(record: RouteTableRecord, scope: string): TcpRouteTable;
  policySet(refs: PolicyRefs, isWorkloadTarget: boolean): PolicySet;
  /** Denies everything. */
  readonly denyByDefault: PolicySet;
}

/** One endpoint as a service of this generation sees it. */
export interface Target {
  readonly endpoint: Endpoint;
  readonly workload: Workload | undefined;
  /** Policies of the workload; `null` outside the mesh. */
  readonly policies: PolicySet | null;
  readonly isDrained: boolean;
  readonly port: ServicePort | ExternalPort;
  /** Name of the node it lives on where that is another one, else `""`. */
  readonly node: string;
  /** How nodes call it among themselves; `""` outside the mesh. */
  readonly pinned: string;
}

/** What a request can be for. */
export type Destination = ServicePort | ExternalPort;

export class Service {
  readonly record: ServiceRecord;
  readonly policies: PolicySet | null;
  readonly #ports = new Map<number, ServicePort>();
  readonly #context: DestinationContext;

  constructor(record: ServiceRecord, context: DestinationContext) {
    this.record = record;
    this.#context = context;
    this.policies = policiesOf(record.policies, context);
  }

  /** `port` -1: port 80 where the service has it, else its only one, else none (the contract, DESIGN 9). */
  portFor(port: number): ServicePort | null {
    if (port >= 0) return this.#port(port);
    const standard = this.#port(80);
    if (standard) return standard;
    const only = this.record.ports.length === 1 ? this.record.ports[0] : undefined;
    return only ? this.#port(only.port) : null;
  }

  #port(number: number): ServicePort | null {
    let port = this.#ports.get(number);
    if (!port) {
      const record = this.record.ports.find((candidate) => candidate.port === number);
      if (!record) return null;
      port = new ServicePort(this, record, this.#context);
      this.#ports.set(number, port);
    }
    return port;
  }
}

export class ServicePort {
  readonly kind = "service";
  readonly service: Service;
  readonly record: ServicePortRecord;
  readonly routes: RouteTable | null;
  readonly tcpRoutes: TcpRouteTable | null;
  readonly targets: readonly Target[];
  /** Those on this node. */
  readonly localTargets: readonly Target[];
  /** Requests that were given out in turn. */
  turn = 0;

  constructor(service: Service, record: ServicePortRecord, context: DestinationContext) {
    this.service = service;
    this.record = record;
    const scope = `${service.record.key}:${record.port}`;
    const routes = record.routes;
    this.routes = routes?.protocol === "http" ? context.routeTable(routes, scope) : null;
    this.tcpRoutes = routes?.protocol === "tcp" ? context.tcpRouteTable(routes, scope) : null;
    this.targets = record.endpoints.map((endpoint) => {
      const workload = endpoint.workload === undefined ? undefined : context.workload(endpoint.workload);
      return {
        endpoint: context.endpoints.obtain(endpoint, record),
        workload,
        // An endpoint of nobody that is known is not outside the mesh: nothing permits it.
        policies: workload ? context.policySet(workload.record.policies, true) : context.denyByDefault,
        isDrained: endpoint.drained === true,
        port: this,
        node: endpoint.node ?? "",
        pinned: pinnedEndpoint(endpointKey(endpoint)),
      };
    });
    const local = this.targets.filter(({ node }) => node === "");
    this.localTargets = local.length === this.targets.length ? this.targets : local;
  }

  get isTcp(): boolean {
    return this.record.protocol === "tcp";
  }

  /** @param node where it is reached, if elsewhere: a workload of every node is not where its record says */
  labels(workload: Workload | undefined, node = ""): EdgeDestination {
    const { name, namespace, host } = this.service.record;
    const peer = workload?.peer;
    const cluster = node === "" ? peer?.cluster : node;
    return {
      workload: peer?.workload ?? "",
      namespace: peer?.namespace ?? namespace,
      principal: peer?.principal ?? "",
      app: peer?.app ?? "",
      version: peer?.version ?? "",
      ...(cluster === undefined ? {} : { cluster }),
      service: host,
      serviceName: name,
      serviceNamespace: namespace,
    };
  }
}

function policiesOf(refs: PolicyRefs, context: DestinationContext): PolicySet | null {
  const { deny, allow, audit } = refs;
  return deny.length + allow.length + audit.length > 0 ? context.policySet(refs, false) : null;
}

/** A port of a host outside the mesh. */
export class ExternalPort {
  readonly kind = "external";
  /** `null`: a host that nobody declared, let through by `ALLOW_ANY`. */
  readonly record: ExternalRecord | null;
  readonly host: string;
  readonly port: number;
  readonly isTcp: boolean;
  readonly policies: PolicySet | null;
  readonly targets: readonly Target[];

  private constructor(
    record: ExternalRecord | null,
    host: string,
    port: number,
    isTcp: boolean,
    policies: PolicySet | null,
    endpoints: readonly Endpoint[],
  ) {
    this.record = record;
    this.host = host;
    this.port = port;
    this.isTcp = isTcp;
    this.policies = policies;
    this.targets = endpoints.map((endpoint) => ({
      endpoint,
      workload: undefined,
      policies: null,
      isDrained: false,
      port: this,
      node: "",
      pinned: "",
    }));
  }

  /** A port that a ServiceEntry declares. `host`: the name that was asked for, which a suffix may leave open. */
  static declared(
    record: ExternalRecord,
    port: ExternalRecord["ports"][number],
    host: string,
    context: DestinationContext,
  ): ExternalPort {
    // Resolution NONE: the name that was asked for is the endpoint.
    const list: readonly EndpointRecord[] =
      port.endpoints.length > 0 ? port.endpoints : [{ hostname: host, port: port.port }];
    // Names that a suffix leaves open come from requests: their endpoints fill no table, and end with their request.
    const isOpen = port.endpoints.length === 0 && host !== record.host;
    const endpoints = list.map((endpoint) =>
      isOpen ? context.endpoints.unshared(endpoint) : context.endpoints.obtain(endpoint, {}),
    );
    const policies = policiesOf(record.policies, context);
    return new ExternalPort(record, host, port.port, port.protocol !== "HTTP", policies, endpoints);
  }

  /** A host that nobody declared. The endpoint is the caller's and not shared, so that names from requests fill no table. */
  static passthrough(host: string, port: number, isTcp: boolean, endpoint: Endpoint): ExternalPort {
    return new ExternalPort(null, host, port, isTcp, null, [endpoint]);
  }

  labels(): EdgeDestination {
    return {
      workload: "",
      namespace: this.record?.namespace ?? "",
      principal: "",
      app: "",
      version: "",
      // The label is the declared host, never the one that was asked for: a suffix must not open a series per name.
      service: this.record?.host ?? "PassthroughCluster",
      serviceName: this.record?.host ?? "PassthroughCluster",
      serviceNamespace: this.record?.namespace ?? "",
    };
  }
}
