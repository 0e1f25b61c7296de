/**
 * What routing and authorization may ask about one request, whoever carries it.
 *
 * Implemented by the proxy over the bytes of a parsed head (strings are made only when asked for), and by `authz check`
 * and the tests over plain values.
 */

/** How it is known who is calling: by a certificate on a connection between nodes, or how sure the kernel is, from strong to weak. */
export type IdentityStrength = "mtls" | "cgroup" | "uid" | "tree" | "address" | "none";

/** The caller of a request or a TCP connection. */
export interface Caller {
  /** Key of the WorkloadRecord, or `undefined` where the caller has no identity. */
  readonly workload: string | undefined;
  /** `<trust domain>/ns/<namespace>/sa/<service account>`; empty without identity. */
  readonly principal: string;
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly strength: IdentityStrength;
  /** Source address of the packets, IPv4 or IPv6 text, `""` for a unix socket. */
  readonly ip: string;
}

/** What is known of a raw TCP stream. */
export interface ConnectionFacts {
  readonly caller: Caller;
  /** Port of the destination workload (for policies on a Service: the Service's port). */
  readonly destinationPort: number;
  readonly destinationIp: string;
}

/** What is known of an HTTP request, as it will be forwarded at the point where it is judged. */
export interface RequestFacts extends ConnectionFacts {
  /** As sent, upper case in practice, case-sensitive. */
  readonly method: string;
  /** Normalised path, starting with `/`, without the query. */
  readonly path: string;
  /** The raw query without the question mark; `""` where there is none. */
  readonly query: string;
  /** Authority, lower case, without port. */
  readonly host: string;
  /** Original client address from `x-forwarded-for` where the listener trusts it, else `caller.ip`. */
  readonly remoteIp: string;
  /** The first value of a header, by lower-case name, or `undefined`. Routing looks at this one (Gateway API). */
  header(name: string): string | undefined;
  /** Every value of a header in order of arrival; empty where it is absent. Authorization looks at all of them. */
  headerValues(name: string): readonly string[];
}
