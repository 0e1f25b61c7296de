/** Gateways to listeners with the routes that attach to them. */
import type { DocumentOf, ParentRef } from "../../../model/documents.ts";
import type { RuleRecord } from "../../../model/route/record.ts";
import type { ListenerRecord, PolicyRefs } from "../../../model/snapshot.ts";
import type { Attachment } from "./attachment.ts";
import { type DocumentSet, qualifiedName } from "./document-set.ts";
import { commonHostnames, compareHostnames, haveCommon } from "./hostnames.ts";
import { listenerKey, type PlacedListener } from "./listeners.ts";

type Gateway = DocumentOf<"Gateway">;
type GatewayListener = Gateway["spec"]["listeners"][number];

/** Address of a Gateway that names none: all IPv4 addresses of the machine. */
export const GATEWAY_ADDRESS_DEFAULT = "0.0.0.0";

/** Routes that a Gateway's listener takes. */
export type GatewayRoute = DocumentOf<"GRPCRoute"> | DocumentOf<"HTTPRoute">;

interface Holder {
  readonly route: GatewayRoute;
  readonly hostnames: readonly (string | undefined)[];
}

/**
 * Attaches HTTPRoutes and GRPCRoutes to Gateways, in order of `namespace/name`: where one of each kind wants host names of
 * one listener that overlap, the first in this order has them all, and the other has none there.
 */
export class GatewayRoutes {
  readonly #documents: DocumentSet;
  /** By `namespace/name/listener`. */
  readonly #holders = new Map<string, Holder[]>();
  /** Rules by `namespace/name/listener`, then by host name. */
  readonly #rules = new Map<string, Map<string | undefined, RuleRecord[]>>();

  constructor(documents: DocumentSet) {
    this.#documents = documents;
  }

  /** Attaches a route's rules to the listeners that a parentRef means. */
  attach(route: GatewayRoute, ref: ParentRef, rules: readonly RuleRecord[]): Attachment {
    const namespace = ref.namespace ?? route.metadata.namespace;
    const gateway = this.#documents.find("Gateway", namespace, ref.name);
    if (gateway === undefined) {
      return { reason: "NoMatchingParent", message: `Gateway ${namespace}/${ref.name} does not exist` };
    }
    const meant = gateway.spec.listeners.filter(
      (listener) =>
        (ref.sectionName === undefined || listener.name === ref.sectionName) &&
        (ref.port === undefined || listener.port === ref.port),
    );
    if (meant.length === 0) {
      const message = `Gateway ${qualifiedName(gateway)} has no listener with that name and port`;
      return { reason: "NoMatchingParent", message };
    }
    const open = meant.filter(
      (listener) => listener.allowedNamespaces === "All" || namespace === route.metadata.namespace,
    );
    if (open.length === 0) {
      const message = `Gateway ${qualifiedName(gateway)} takes no routes of namespace ${route.metadata.namespace}`;
      return { reason: "NotAllowedByListeners", message };
    }
    const outcomes = open.map((listener) => this.#attachTo(gateway, listener, route, rules));
    if (outcomes.includes("attached")) return { reason: "Accepted", message: "the route is attached" };
    const other = outcomes.find((outcome) => typeof outcome !== "string");
    if (other !== undefined) {
      const message = `${other.kind} ${qualifiedName(other)} has host names of Gateway ${qualifiedName(gateway)} that this ${route.kind} wants too`;
      return { reason: "Conflicted", message };
    }
    const message = `${route.spec.hostnames.join(", ")} and the listeners of Gateway ${qualifiedName(gateway)} have no host name in common`;
    return { reason: "NoMatchingListenerHostname", message };
  }

  /**
   * The listeners of all Gateways, one per address and port; listeners that share one are told apart by host name.
   *
   * @param otherNode the other node that has an address, if one does
   */
  listeners(
    policies: (gateway: Gateway) => PolicyRefs,
    otherNode: (address: string) => string | undefined,
  ): PlacedListener[] {
    return this.#documents.all("Gateway").flatMap((gateway) => {
      const addresses = gateway.spec.addresses.length > 0 ? gateway.spec.addresses : [GATEWAY_ADDRESS_DEFAULT];
      const ports = [...new Set(gateway.spec.listeners.map((listener) => listener.port))];
      return addresses.flatMap((address) =>
        ports.map(
          (port): PlacedListener => ({
            record: this.#listener(gateway, address, port, policies(gateway), otherNode(address)),
            document: gateway,
            path: ["spec", "listeners", gateway.spec.listeners.findIndex((listener) => listener.port === port)],
            owner: `Gateway ${qualifiedName(gateway)}`,
          }),
        ),
      );
    });
  }

  /** What came of it, or the route of the other kind that is in the way. */
  #attachTo(
    gateway: Gateway,
    listener: GatewayListener,
    route: GatewayRoute,
    rules: readonly RuleRecord[],
  ): "attached" | "nothing in common" | GatewayRoute {
    const hostnames = commonHostnames(listener.hostname, route.spec.hostnames);
    if (hostnames.length === 0) return "nothing in common";
    const id = `${qualifiedName(gateway)}/${listener.name}`;
    const holders = this.#holders.get(id) ?? [];
    const other = holders.find((holder) => holder.route.kind !== route.kind && haveCommon(holder.hostnames, hostnames));
    if (other !== undefined) return other.route;
    this.#holders.set(id, [...holders, { route, hostnames }]);
    const byHost = this.#rules.get(id) ?? new Map<string | undefined, RuleRecord[]>();
    this.#rules.set(id, byHost);
    for (const hostname of hostnames) append(byHost, hostname, rules);
    return "attached";
  }

  #listener(
    gateway: Gateway,
    address: string,
    port: number,
    policies: PolicyRefs,
    node: string | undefined,
  ): ListenerRecord {
    const byHost = new Map<string | undefined, RuleRecord[]>();
    const sharing = gateway.spec.listeners.filter((listener) => listener.port === port);
    for (const listener of sharing) {
      const own = this.#rules.get(`${qualifiedName(gateway)}/${listener.name}`) ?? [];
      for (const [hostname, rules] of own) append(byHost, hostname, rules);
    }
    const hosts = [...byHost].sort(([a], [b]) => compareHostnames(a, b));
    return {
      kind: "listener",
      key: listenerKey("gateway", address, port),
      role: "gateway",
      hostname: address,
      port,
      ...(node === undefined ? {} : { node }),
      gateway: {
        name: `${qualifiedName(gateway)}/${sharing.map((listener) => listener.name).join("+")}`,
        namespace: gateway.metadata.namespace,
        hosts: hosts.map(([hostname, rules]) => ({
          ...(hostname === undefined ? {} : { hostname }),
          routes: { protocol: "http", producer: rules, hasProducer: true, consumers: {} },
        })),
        policies,
      },
    };
  }
}

function append<K, V>(lists: Map<K, V[]>, key: K, values: readonly V[]): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [...values]);
  else list.push(...values);
}
