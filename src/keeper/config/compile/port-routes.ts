/** The routes attached to each Service port, grouped as GAMMA merges them. */
import type { RouteTableRecord, RuleRecord } from "../../../model/route/record.ts";

interface Attached {
  protocol: "http" | "tcp";
  /** By namespace of the route. */
  readonly groups: Map<string, RuleRecord[]>;
  readonly serviceNamespace: string;
}

/** Collects attachments. HTTPRoutes first, then TCPRoutes; each kind in order of `namespace/name`. */
export class PortRoutes {
  readonly #ports = new Map<string, Attached>();

  /** Attaches an HTTPRoute's rules behind those that are there from its namespace. */
  attachHttp(
    serviceKey: string,
    serviceNamespace: string,
    port: number,
    from: string,
    rules: readonly RuleRecord[],
  ): void {
    const attached = this.#obtain(serviceKey, serviceNamespace, port, "http");
    const group = attached.groups.get(from);
    if (group === undefined) attached.groups.set(from, [...rules]);
    else group.push(...rules);
  }

  /**
   * Attaches a TCPRoute.
   *
   * @returns false where the port carries HTTP by an HTTPRoute, or a TCPRoute of the same namespace has it already
   */
  attachTcp(
    serviceKey: string,
    serviceNamespace: string,
    port: number,
    from: string,
    rules: readonly RuleRecord[],
  ): boolean {
    const attached = this.#obtain(serviceKey, serviceNamespace, port, "tcp");
    if (attached.protocol === "http" || attached.groups.has(from)) return false;
    attached.groups.set(from, [...rules]);
    return true;
  }

  /** The table of a port, or null where no route is attached. */
  of(serviceKey: string, port: number): RouteTableRecord | null {
    const attached = this.#ports.get(`${serviceKey}:${port}`);
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

  #obtain(serviceKey: string, serviceNamespace: string, port: number, protocol: "http" | "tcp"): Attached {
    const key = `${serviceKey}:${port}`;
    const known = this.#ports.get(key);
    if (known !== undefined) return known;
    const attached: Attached = { protocol, groups: new Map(), serviceNamespace };
    this.#ports.set(key, attached);
    return attached;
  }
}
