import { parseIp } from "../../model/authz/ip.ts";
import type { AppProtocol } from "../../model/documents.ts";
import type { EndpointRecord } from "../../model/snapshot.ts";
import type { Upstream } from "./upstream.ts";

/** Who waits for a way to an endpoint. Exactly one of the two is called, once, unless it was withdrawn before. */
export interface Waiter {
  /** Key of the workload that calls, for endpoints on other nodes; `""`: this node itself, for a caller at a Gateway. */
  readonly speaker?: string;
  /** `upstream` is the waiter's from now on: it lends it to itself, and releases or closes it. */
  onUpstreamReady(upstream: Upstream): void;
  onUpstreamFailed(flag: number, reason: string): void;
}

/** Where connections and streams to an endpoint are got. */
export interface Way {
  /** A way for one request or stream: now, or when there is one. */
  acquire(waiter: Waiter): void;
  /** Takes a waiter out of the queue; false when it was not in it. */
  withdraw(waiter: Waiter): boolean;
}

/** What a DestinationRule says about the connections to an endpoint. */
export interface ConnectionSettings {
  readonly connectTimeoutMs?: number;
  readonly maxConnections?: number;
  readonly maxPendingRequests?: number;
  readonly idleTimeoutMs?: number;
  /** What is spoken there; absent: HTTP/1.1. */
  readonly protocol?: AppProtocol;
}

/** Where an endpoint is, and who it is. */
export interface EndpointAddress {
  readonly key: string;
  readonly hostname: string;
  readonly port: number;
  /** Path of a unix socket, `""` for TCP. */
  readonly unix: string;
  /** `127.0.0.1:9001` or `unix:/run/orders.sock`. */
  readonly address: string;
  /** Key of the workload behind it, `""` outside the mesh. */
  readonly workload: string;
}

/**
 * One address that serves, with the ways to it and what is known of its health, whatever is spoken there. Outlives generations:
 * connections go on being used over a reload. Owned by the EndpointRegistry.
 */
export interface Endpoint extends EndpointAddress, Way {
  /** Id of the address among the worker's interned strings. */
  readonly addressId: number;
  /** Requests that were given a way and have not ended. */
  readonly inFlight: number;
  isUp(nowMs: number): boolean;
  /** The process that listens there was not the workload. */
  readonly isMismatched: boolean;
  /** It has no connection and nobody waits for one. */
  readonly isUnused: boolean;
  configure(settings: ConnectionSettings): void;
  /** Nobody else will use it: connections end with their request. */
  retire(): void;
  /**
   * On another node: an answer has come. @param flag under which that node made it, position in RESPONSE_FLAGS; 0: it is the
   * endpoint's own.
   */
  answered?(flag: number): void;
}

/** Its address is a name that may mean anything: it is looked up at every connection. `localhost` means what it says. */
export function isByName(endpoint: EndpointAddress): boolean {
  return endpoint.unix === "" && endpoint.hostname !== "localhost" && parseIp(endpoint.hostname) === undefined;
}

/** `127.0.0.1:9001`, `[::1]:9001` or `unix:/path`. */
export function endpointAddress(record: EndpointRecord): string {
  if (record.unix !== undefined) return `unix:${record.unix}`;
  const host = record.hostname ?? "";
  return host.includes(":") ? `[${host}]:${record.port ?? 0}` : `${host}:${record.port ?? 0}`;
}

/** The same workload at the same address is the same endpoint, in whatever generation. */
export function endpointKey(record: EndpointRecord): string {
  return `${record.workload ?? ""}|${endpointAddress(record)}`;
}

/** HTTP/2 with prior knowledge is what such a port speaks. */
export function speaksHttp2(protocol: AppProtocol | undefined): boolean {
  return protocol === "kubernetes.io/h2c" || protocol === "grpc";
}
