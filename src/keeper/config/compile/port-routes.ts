/** The routes attached to each Service port, grouped as GAMMA merges them. */
import type { DocumentOf } from "../../../model/documents.ts";
import { serviceKey } from "../../../model/names.ts";
import type { RouteTableRecord, RuleRecord } from "../../../model/route/record.ts";

/** The kinds of routes. */
export type Route = DocumentOf<"GRPCRoute"> | DocumentOf<"HTTPRoute"> | DocumentOf<"TCPRoute">;

interface Attached {
  readonly kind: Route["kind"];
  /** By namespace of the route. */
  readonly groups: Map<string, RuleRecord[]>;
  readonly serviceNamespace: string;
  /** Routes that are attached: two parentRefs of one route may mean the same port. */
  readonly routes: Set<Route>;
}

/** Collects attachments: GRPCRoutes first, then HTTPRoutes, then TCPRoutes; each kind in order of `namespace/name`. */
export class PortRoutes {
  readonly #ports = new Map<string, Attached>();
  readonly #grpc = new Set<string>();

  /**
   * Attaches a route's rules behind those that are there from its namespace.
   *
   * @returns false where another kind of route has the port, or another TCPRoute of the same namespace
   */
  attach(service: DocumentOf<"Service">, port: number, route: Route, rules: readonly RuleRecord[]): boolean {
    const attached = this.#obtain(service, port, route.kind);
    if (attached.routes.has(route)) return true;
    if (attached.kind !== route.kind) return false;
    const from = route.metadata.namespace;
    const group = attached.groups.get(from);
    if (group !== undefined && route.kind === "TCPRoute") return false;
    attached.routes.add(route);
    if (group === undefined) attached.groups.set(from, [...rules]);
    else group.push(...rules);
    return true;
  }

  /** A GRPCRoute stands at the port or sends to it. `key` is that of the ServiceRecord. */
  markGrpc(key: string, port: number): void {
    this.#grpc.add(`${key}:${port}`);
  }

  /** Whether a GRPCRoute stands at the port or sends to it, so that it speaks HTTP/2 whatever else is said. */
  isGrpc(key: string, port: number): boolean {
    return this.#grpc.has(`${key}:${port}`);
  }

  /** The table of a port, or null where no route is attached. `key` is that of the ServiceRecord. */
  of(key: string, port: number): RouteTableRecord | null {
    const attached = this.#ports.get(`${key}:${port}`);
    if (attached === undefined) return null;
    const producer = attached.groups.get(attached.serviceNamespace);
    const consumers = [...attached.groups].filter(([namespace]) => namespace !== attached.serviceNamespace);
    return {
      protocol: attached.kind === "TCPRoute" ? "tcp" : "http",
      producer: producer ?? [],
      hasProducer: producer !== undefined,
      consumers: Object.fromEntries(consumers),
    };
  }

  #obtain(service: DocumentOf<"Service">, port: number, kind: Route["kind"]): Attached {
    const { namespace, name } = service.metadata;
    const key = `${serviceKey(namespace, name)}:${port}`;
    const known = this.#ports.get(key);
    if (known !== undefined) return known;
    const attached: Attached = { kind, groups: new Map(), serviceNamespace: namespace, routes: new Set() };
    this.#ports.set(key, attached);
    return attached;
  }
}
