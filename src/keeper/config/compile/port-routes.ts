/** The routes attached to each Service port, grouped as GAMMA merges them. */
import type { DocumentOf } from "../../../model/documents.ts";
import { serviceKey } from "../../../model/names.ts";
import type { RouteTableRecord, RuleRecord } from "../../../model/route/record.ts";

interface Attached {
  readonly protocol: "http" | "tcp";
  /** By namespace of the route. */
  readonly groups: Map<string, RuleRecord[]>;
  readonly serviceNamespace: string;
  /** Routes that are attached: two parentRefs of one route may mean the same port. */
  readonly routes: Set<DocumentOf<"HTTPRoute" | "TCPRoute">>;
}

/** Collects attachments. HTTPRoutes first, then TCPRoutes; each kind in order of `namespace/name`. */
export class PortRoutes {
  readonly #ports = new Map<string, Attached>();

  /** Attaches an HTTPRoute's rules behind those that are there from its namespace. */
  attachHttp(
    service: DocumentOf<"Service">,
    port: number,
    route: DocumentOf<"HTTPRoute">,
    rules: readonly RuleRecord[],
  ): void {
    const attached = this.#obtain(service, port, "http");
    if (attached.routes.has(route)) return;
    attached.routes.add(route);
    const from = route.metadata.namespace;
    const group = attached.groups.get(from);
    if (group === undefined) attached.groups.set(from, [...rules]);
    else group.push(...rules);
  }

  /**
   * Attaches a TCPRoute.
   *
   * @returns false where the port carries HTTP by an HTTPRoute, or another TCPRoute of the same namespace has it already
   */
  attachTcp(
    service: DocumentOf<"Service">,
    port: number,
    route: DocumentOf<"TCPRoute">,
    rules: readonly RuleRecord[],
  ): boolean {
    const attached = this.#obtain(service, port, "tcp");
    if (attached.routes.has(route)) return true;
    const from = route.metadata.namespace;
    if (attached.protocol === "http" || attached.groups.has(from)) return false;
    attached.routes.add(route);
    attached.groups.set(from, [...rules]);
    return true;
  }

  /** The table of a port, or null where no route is attached. `key` is that of the ServiceRecord. */
  of(key: string, port: number): RouteTableRecord | null {
    const attached = this.#ports.get(`${key}:${port}`);
    if (attached === undefined) return null;
    const producer = attached.groups.get(attached.serviceNamespace);
    const consumers = [...attached.groups].filter(([namespace]) => namespace !== attached.serviceNamespace);
    return {
      protocol: attached.protocol,
      producer: producer ?? [],
      hasProducer: producer !== undefined,
      consumers: Object.fromEntries(consumers),
    };
  }

  #obtain(service: DocumentOf<"Service">, port: number, protocol: "http" | "tcp"): Attached {
    const { namespace, name } = service.metadata;
    const key = `${serviceKey(namespace, name)}:${port}`;
    const known = this.#ports.get(key);
    if (known !== undefined) return known;
    const attached: Attached = { protocol, groups: new Map(), serviceNamespace: namespace, routes: new Set() };
    this.#ports.set(key, attached);
    return attached;
  }
}
