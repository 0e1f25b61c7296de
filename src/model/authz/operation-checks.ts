/** Checks of what is asked for. */
import type { ConnectionFacts, RequestFacts } from "../request-facts.ts";
import type { CheckMode, ConnectionCheck, RequestCheck } from "./check.ts";
import { StringMatcher } from "./string-matcher.ts";

/** `ports`, `notPorts`, `destination.port`. */
export class PortCheck implements ConnectionCheck {
  readonly scope = "connection";
  readonly readsIp = false;
  readonly field: string;
  readonly wanted: readonly string[];
  readonly isNegated: boolean;
  readonly #ports: ReadonlySet<number>;

  constructor(field: string, ports: readonly number[], mode: CheckMode) {
    this.field = field;
    this.wanted = ports.map(String);
    this.isNegated = mode.isNegated;
    this.#ports = new Set(ports);
  }

  matches(facts: ConnectionFacts): boolean {
    return this.#ports.has(facts.destinationPort) !== this.isNegated;
  }

  seen(facts: ConnectionFacts): string {
    return String(facts.destinationPort);
  }
}

/** `methods`, `notMethods`. */
export class MethodCheck implements RequestCheck {
  readonly scope = "http";
  readonly input = "method";
  readonly field: string;
  readonly wanted: readonly string[];
  readonly isNegated: boolean;
  readonly #matcher: StringMatcher;

  constructor(field: string, methods: readonly string[], mode: CheckMode) {
    this.field = field;
    this.wanted = methods;
    this.isNegated = mode.isNegated;
    this.#matcher = new StringMatcher(methods);
  }

  matches(facts: RequestFacts): boolean {
    return this.#matcher.matches(facts.method) !== this.isNegated;
  }

  seen(facts: RequestFacts): string {
    return facts.method;
  }
}

/** `paths`, `notPaths`, with templates; compared with case, without the query. */
export class PathCheck implements RequestCheck {
  readonly scope = "http";
  readonly input = "path";
  readonly field: string;
  readonly wanted: readonly string[];
  readonly isNegated: boolean;
  readonly #matcher: StringMatcher;

  constructor(field: string, paths: readonly string[], mode: CheckMode) {
    this.field = field;
    this.wanted = paths;
    this.isNegated = mode.isNegated;
    this.#matcher = new StringMatcher(paths, true);
  }

  matches(facts: RequestFacts): boolean {
    return this.#matcher.matches(facts.path) !== this.isNegated;
  }

  seen(facts: RequestFacts): string {
    return facts.path;
  }
}

/** `hosts`, `notHosts`; without regard to case, port or one trailing dot. */
export class HostCheck implements RequestCheck {
  readonly scope = "http";
  readonly input = "host";
  readonly field: string;
  readonly wanted: readonly string[];
  readonly isNegated: boolean;
  readonly #matchesMissing: boolean;
  readonly #matcher: StringMatcher;

  constructor(field: string, hosts: readonly string[], mode: CheckMode) {
    this.field = field;
    this.wanted = hosts;
    this.isNegated = mode.isNegated;
    this.#matchesMissing = mode.isNegated && mode.isWidening;
    this.#matcher = new StringMatcher(hosts.map(canonicalHostPattern));
  }

  matches(facts: RequestFacts): boolean {
    const host = canonicalHost(facts.host);
    if (host === "") return this.#matchesMissing;
    return this.#matcher.matches(host) !== this.isNegated;
  }

  seen(facts: RequestFacts): string {
    return canonicalHost(facts.host) || "(no host)";
  }
}

/**
 * A host pattern as it is compared: lower case, an IPv6 address without its brackets, without the dot of the root; Istio's
 * `host:*` (any port) is the host, for hosts have no port here.
 */
export function canonicalHostPattern(pattern: string): string {
  const lower = pattern.toLowerCase();
  const host = lower.endsWith(":*") ? lower.slice(0, -2) : lower;
  if (host.startsWith("[") && host.endsWith("]")) return host.slice(1, -1);
  // Of `*.` nothing but a star would be left, which is every host.
  return host === "*." ? host : canonicalHost(host);
}

/** The name a resolver would look up is the same with and without the dot of the root. */
export function canonicalHost(host: string): string {
  return host.length > 1 && host.endsWith(".") ? host.slice(0, -1) : host;
}
