/** Facts over plain values, for whatever judges without a connection: `authz check`, assertions, tests. */
import type { Caller, ConnectionFacts, RequestFacts } from "../request-facts.ts";

/** A caller without identity, from an address. */
export function strangerAt(ip: string): Caller {
  return {
    workload: undefined,
    principal: "",
    trustDomain: "",
    namespace: "",
    serviceAccount: "",
    strength: "none",
    ip,
  };
}

/** A caller with the identity of a service account. */
export function callerOf(trustDomain: string, namespace: string, serviceAccount: string, ip = "127.0.0.1"): Caller {
  const principal = `${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
  return { workload: undefined, principal, trustDomain, namespace, serviceAccount, strength: "uid", ip };
}

export interface PlainRequestInit {
  readonly caller: Caller;
  /** Default `GET`. */
  readonly method?: string;
  /** Normalised, without the query; default `/`. */
  readonly path?: string;
  readonly query?: string;
  readonly host?: string;
  readonly destinationPort?: number;
  readonly destinationIp?: string;
  readonly remoteIp?: string;
  /** Name (any case) and value of each line, in order. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

export class PlainRequest implements RequestFacts {
  readonly caller: Caller;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly destinationPort: number;
  readonly destinationIp: string;
  readonly remoteIp: string;
  /** Name as given and value of each line, in order. */
  readonly headerLines: readonly (readonly [name: string, value: string])[];
  readonly #headers = new Map<string, string[]>();

  constructor(init: PlainRequestInit) {
    this.caller = init.caller;
    this.method = init.method ?? "GET";
    this.path = init.path ?? "/";
    this.query = init.query ?? "";
    this.host = (init.host ?? "").toLowerCase();
    this.destinationPort = init.destinationPort ?? 80;
    this.destinationIp = init.destinationIp ?? "";
    this.remoteIp = init.remoteIp ?? init.caller.ip;
    this.headerLines = init.headers ?? [];
    for (const [name, value] of this.headerLines) {
      const lines = this.#headers.get(name.toLowerCase());
      if (lines === undefined) this.#headers.set(name.toLowerCase(), [value]);
      else lines.push(value);
    }
  }

  header(name: string): string | undefined {
    return this.#headers.get(name)?.[0];
  }

  headerValues(name: string): readonly string[] {
    return this.#headers.get(name) ?? [];
  }
}

/** A raw TCP stream. */
export function plainConnection(caller: Caller, destinationPort: number, destinationIp = ""): ConnectionFacts {
  return { caller, destinationPort, destinationIp };
}
