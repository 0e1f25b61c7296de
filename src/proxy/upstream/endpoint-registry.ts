import type { EndpointRecord } from "../../model/snapshot.ts";
import { Http2Endpoint, type Http2EndpointHost } from "../http2/http2-endpoint.ts";
import { RemoteEndpoint, type RemoteEndpointHost } from "../remote/remote-endpoint.ts";
import { type ConnectionSettings, type Endpoint, endpointKey, speaksHttp2 } from "./endpoint.ts";
import { SocketEndpoint } from "./socket-endpoint.ts";

/** The endpoints in use, over all generations. */
export class EndpointRegistry {
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #host: Http2EndpointHost & RemoteEndpointHost;
  readonly #usedIn = new WeakMap<Endpoint, number>();
  #epoch = 0;

  constructor(host: Http2EndpointHost & RemoteEndpointHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#endpoints.size;
  }

  /** The endpoint of a record, made on first use. */
  obtain(record: EndpointRecord, settings: ConnectionSettings): Endpoint {
    const key = endpointKey(record);
    // A workload that moves to another node is another endpoint, though its address may be the same.
    const isRemote = record.node !== undefined;
    // And the same address may be spoken to in two ways.
    const isHttp2 = !isRemote && speaksHttp2(settings.protocol);
    const place = isRemote ? `${record.node} ${key}` : isHttp2 ? `${key} h2` : key;
    let endpoint = this.#endpoints.get(place);
    if (!endpoint) {
      if (isRemote) endpoint = new RemoteEndpoint(key, record, this.#host);
      else if (isHttp2) endpoint = new Http2Endpoint(key, record, this.#host);
      else endpoint = new SocketEndpoint(key, record, this.#host);
      this.#endpoints.set(place, endpoint);
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
    for (const [place, endpoint] of this.#endpoints) {
      if (!endpoint.isUnused || (this.#usedIn.get(endpoint) ?? 0) >= this.#epoch - 2) continue;
      this.#endpoints.delete(place);
    }
  }
}
