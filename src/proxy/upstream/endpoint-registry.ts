import type { EndpointRecord } from "../../model/snapshot.ts";
import { type ConnectionSettings, type Endpoint, endpointKey } from "./endpoint.ts";
import { type EndpointHost, SocketEndpoint } from "./socket-endpoint.ts";

/** The endpoints in use, over all generations. */
export class EndpointRegistry {
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #host: EndpointHost;
  readonly #usedIn = new WeakMap<Endpoint, number>();
  #epoch = 0;

  constructor(host: EndpointHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#endpoints.size;
  }

  /** The endpoint of a record, made on first use. */
  obtain(record: EndpointRecord, settings: ConnectionSettings): Endpoint {
    const key = endpointKey(record);
    let endpoint = this.#endpoints.get(key);
    if (!endpoint) {
      endpoint = new SocketEndpoint(key, record, this.#host);
      this.#endpoints.set(key, endpoint);
    }
    endpoint.configure(settings);
    this.#usedIn.set(endpoint, this.#epoch);
    return endpoint;
  }

  /** An endpoint that nobody else gets and that is not kept: its connections end with their request. */
  unshared(record: EndpointRecord): Endpoint {
    const endpoint = new SocketEndpoint(endpointKey(record), record, this.#host);
    endpoint.retire();
    return endpoint;
  }

  /**
   * A new generation is served. Endpoints that nothing has asked for during the last two, and that have no connection, are
   * forgotten; those of a service that is still there are made anew when somebody asks.
   */
  commit(): void {
    this.#epoch++;
    for (const endpoint of this.#endpoints.values()) {
      if (!endpoint.isUnused || (this.#usedIn.get(endpoint) ?? 0) >= this.#epoch - 2) continue;
      this.#endpoints.delete(endpoint.key);
    }
  }
}
