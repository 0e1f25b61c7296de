import { PolicySetFactory } from "../../model/authz/decide.ts";
import { PolicySet } from "../../model/authz/policy-set.ts";
import { GatewayTable } from "../../model/route/gateway-table.ts";
import type { RouteTableRecord } from "../../model/route/record.ts";
import type { SplitRegistry } from "../../model/route/split-registry.ts";
import { RouteTable } from "../../model/route/table.ts";
import { TcpRouteTable } from "../../model/route/tcp.ts";
import type { GatewayListenerRecord, ListenerRecord, PolicyRefs, SiteRecord } from "../../model/snapshot.ts";
import type { EndpointRegistry } from "../upstream/endpoint-registry.ts";
import { meshName, splitAuthority } from "./authority.ts";
import { type Destination, type DestinationContext, ExternalPort, Service, type ServicePort } from "./destination.ts";
import { inboundPort } from "./inbound-port.ts";
import type { RecordStore } from "./store.ts";
import { UNKNOWN_WORKLOAD, Workload } from "./workload.ts";

/** Most authorities remembered per generation. Reason: names outside the mesh come from callers and must not grow a table. */
export const AUTHORITIES_MAX = 4096;

/**
 * The served generation, made ready piece by piece as requests need it: taking up a generation costs what its records cost
 * to parse, and nothing for what nobody calls. Everything derived is dropped at a commit, except what did not change.
 */
export class Mesh implements DestinationContext {
  readonly endpoints: EndpointRegistry;
  readonly #store: RecordStore;
  readonly #splits: SplitRegistry;
  #workloads = new Map<string, Workload | null>();
  #services = new Map<string, Service | null>();
  #externals = new Map<string, Map<number, ExternalPort>>();
  #inbound = new Map<string, ServicePort | null>();
  #policySets: PolicySetFactory | null = null;
  #policiesEpoch = -1;
  #authorities = new Map<string, Destination | null>();
  /** By name; `null` until somebody asks. */
  #gatewayListeners: Map<string, ListenerRecord> | null = null;
  // By record: a table is rebuilt only when its own record changed.
  readonly #routeTables = new WeakMap<RouteTableRecord, RouteTable>();
  readonly #tcpTables = new WeakMap<RouteTableRecord, TcpRouteTable>();
  readonly #gatewayTables = new WeakMap<GatewayListenerRecord, GatewayTable>();
  #site: SiteRecord | undefined;
  /** Raised at every commit; whoever keeps something derived compares it. */
  epoch = 0;

  constructor(store: RecordStore, endpoints: EndpointRegistry, splits: SplitRegistry) {
    this.#store = store;
    this.endpoints = endpoints;
    this.#splits = splits;
  }

  get generation(): number {
    return this.#store.generation;
  }

  /** Throws before the first snapshot: no listener is open then. */
  get site(): SiteRecord {
    if (!this.#site) throw new TypeError("no snapshot has been taken up");
    return this.#site;
  }

  /** Call after every change of the store. */
  commit(): void {
    this.#site = this.#store.get("site", "site");
    this.#workloads = new Map();
    this.#services = new Map();
    this.#externals = new Map();
    this.#inbound = new Map();
    this.#authorities = new Map();
    this.#gatewayListeners = null;
    UNKNOWN_WORKLOAD.forget();
    if (this.#policiesEpoch !== this.#store.policiesEpoch) {
      this.#policiesEpoch = this.#store.policiesEpoch;
      this.#policySets = new PolicySetFactory((key) => this.#store.get("policy", key), this.site);
    }
    this.epoch++;
  }

  workload(key: string): Workload | undefined {
    let workload = this.#workloads.get(key);
    if (workload === undefined) {
      const record = this.#store.get("workload", key);
      workload = record ? new Workload(record) : null;
      this.#workloads.set(key, workload);
    }
    return workload ?? undefined;
  }

  service(key: string): Service | undefined {
    let service = this.#services.get(key);
    if (service === undefined) {
      const record = this.#store.get("service", key);
      service = record ? new Service(record, this) : null;
      this.#services.set(key, service);
    }
    return service ?? undefined;
  }

  /**
   * Where a listener of role inbound leads to: its service port without routes, which are the caller's side, and only that
   * workload of this node. `null`: plaintext may not reach it any more.
   */
  inboundPort(record: ListenerRecord): ServicePort | null {
    let port = this.#inbound.get(record.key);
    if (port === undefined) {
      port = inboundPort(record, this);
      this.#inbound.set(record.key, port);
    }
    return port;
  }

  policySet(refs: PolicyRefs, isWorkloadTarget: boolean): PolicySet {
    if (!this.#policySets) throw new TypeError("no snapshot has been taken up");
    return this.#policySets.build(refs, isWorkloadTarget);
  }

  routeTable(record: RouteTableRecord, scope: string): RouteTable {
    return remembered(this.#routeTables, record, () => new RouteTable(record, this.#splits, scope));
  }

  tcpRouteTable(record: RouteTableRecord, scope: string): TcpRouteTable {
    return remembered(this.#tcpTables, record, () => new TcpRouteTable(record, this.#splits, scope));
  }

  gatewayTable(record: GatewayListenerRecord): GatewayTable {
    return remembered(this.#gatewayTables, record, () => new GatewayTable(record.hosts, this.#splits, record.name));
  }

  /** The listener of a Gateway by its name, `namespace/name/listener`; the first, where it has several addresses. */
  gatewayListener(name: string): ListenerRecord | undefined {
    if (!this.#gatewayListeners) {
      this.#gatewayListeners = new Map();
      for (const listener of this.#store.all("listener")) {
        const key = listener.gateway?.name;
        if (key !== undefined && !this.#gatewayListeners.has(key)) this.#gatewayListeners.set(key, listener);
      }
    }
    return this.#gatewayListeners.get(name);
  }

  /**
   * Where an authority leads to for a caller in `namespace` (`""`: without identity, so that short names lead nowhere).
   * `null`: nowhere the mesh knows.
   */
  resolve(authority: string, namespace: string, portDefault: number): Destination | null {
    const key = `${namespace}\n${authority}`;
    const known = this.#authorities.get(key);
    if (known !== undefined) return known;
    const destination = this.#resolve(authority, namespace, portDefault);
    if (this.#authorities.size < AUTHORITIES_MAX) this.#authorities.set(key, destination);
    return destination;
  }

  #resolve(authority: string, namespace: string, portDefault: number): Destination | null {
    const split = splitAuthority(authority);
    if (!split) return null;
    const name = meshName(split.host);
    if (name) {
      const inNamespace = name.kind === "short" ? namespace : name.namespace;
      const service = inNamespace === "" ? undefined : this.service(`service/${inNamespace}/${name.name}`);
      if (service) return service.portFor(split.port);
      if (name.kind === "qualified" && name.isExplicit) return null;
    }
    const external = this.#store.externalFor(split.host);
    return external === undefined
      ? null
      : this.externalPort(external, split.host, split.port < 0 ? portDefault : split.port);
  }

  /** A port of the external host with this key, for the name that was asked for; `null` where it has none. */
  externalPort(key: string, host: string, wanted: number): ExternalPort | null {
    const record = this.#store.get("external", key);
    const portRecord = record?.ports.find((candidate) => candidate.port === wanted);
    if (!record || !portRecord) return null;
    const cacheKey = `${key}\n${host}`;
    let ports = this.#externals.get(cacheKey);
    if (!ports) {
      ports = new Map();
      if (this.#externals.size < AUTHORITIES_MAX) this.#externals.set(cacheKey, ports);
    }
    let external = ports.get(wanted);
    if (!external) {
      external = ExternalPort.declared(record, portRecord, host, this);
      ports.set(wanted, external);
    }
    return external;
  }

  /** A name that can only be a service, so that it never leaves the mesh. */
  isMeshName(host: string): boolean {
    const name = meshName(host);
    return name !== null && (name.kind === "short" || name.isExplicit);
  }

  /** Judges a destination that no policy holds for where the site's default is to deny. */
  readonly denyByDefault = new PolicySet([], "deny");

  /** The stand-in for whoever has no identity. */
  get unknown(): Workload {
    return UNKNOWN_WORKLOAD;
  }
}

function remembered<K extends WeakKey, V>(known: WeakMap<K, V>, key: K, make: () => V): V {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    known.set(key, value);
  }
  return value;
}
