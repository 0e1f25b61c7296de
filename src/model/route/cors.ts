/** The CORS filter of Gateway API as decisions over values: which lines to add, never when to write them. */
import type { CorsFilter } from "../documents.ts";
import type { HeaderLine } from "./header-edits.ts";

const NO_LINES: readonly HeaderLine[] = [];

/** Lower-case response headers that an upstream's answer loses where a rule has a CORS filter: the filter speaks alone. */
export const CORS_RESPONSE_HEADERS: readonly string[] = [
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-methods",
  "access-control-allow-headers",
  "access-control-expose-headers",
  "access-control-max-age",
];

/** Whether a request asks for permission only (Fetch standard, 3.3.2); such a one is answered here and not forwarded. */
export function isPreflight(method: string, origin: string | undefined, requestedMethod: string | undefined): boolean {
  return method === "OPTIONS" && origin !== undefined && requestedMethod !== undefined;
}

/** A compiled CORS filter. */
export class CorsPolicy {
  readonly #filter: CorsFilter;
  readonly #anyOrigin: boolean;
  readonly #origins: ReadonlySet<string>;
  readonly #wildcards: readonly { readonly head: string; readonly tail: string }[];

  constructor(filter: CorsFilter) {
    this.#filter = filter;
    const origins = filter.allowOrigins.map((origin) => origin.toLowerCase());
    this.#anyOrigin = origins.includes("*");
    this.#origins = new Set(origins);
    this.#wildcards = origins.filter((origin) => origin !== "*" && origin.includes("*")).map(splitWildcard);
  }

  /** Whether scripts of this origin are let in. Scheme, host and port compare case-insensitively. */
  allows(origin: string): boolean {
    if (this.#anyOrigin) return true;
    const lower = origin.toLowerCase();
    return this.#origins.has(lower) || this.#wildcards.some((wildcard) => fits(lower, wildcard));
  }

  /**
   * Lines of the 204 that answers a preflight request; none where the origin is not let in, so that the browser refuses.
   *
   * @param requestedHeaders value of `access-control-request-headers`
   */
  preflight(origin: string, requestedMethod: string, requestedHeaders: string | undefined): readonly HeaderLine[] {
    if (!this.allows(origin)) return NO_LINES;
    const lines = this.#originLines(origin);
    const methods = this.#listed(this.#filter.allowMethods, requestedMethod);
    if (methods !== undefined) lines.push({ name: "access-control-allow-methods", value: methods });
    const headers = this.#listed(this.#filter.allowHeaders, requestedHeaders);
    if (headers !== undefined) lines.push({ name: "access-control-allow-headers", value: headers });
    lines.push({ name: "access-control-max-age", value: String(this.#filter.maxAge) });
    return lines;
  }

  /** Lines for the answer to the request proper; none where the origin is not let in. */
  actual(origin: string): readonly HeaderLine[] {
    if (!this.allows(origin)) return NO_LINES;
    const lines = this.#originLines(origin);
    // With credentials `*` is a name like any other, and there is no request to reflect: it is left out.
    const exposed = this.#filter.exposeHeaders.filter((name) => name !== "*" || !this.#filter.allowCredentials);
    if (exposed.length > 0) lines.push({ name: "access-control-expose-headers", value: exposed.join(", ") });
    return lines;
  }

  #originLines(origin: string): HeaderLine[] {
    const reflects = !this.#anyOrigin || this.#filter.allowCredentials;
    const lines: HeaderLine[] = [{ name: "access-control-allow-origin", value: reflects ? origin : "*" }];
    if (reflects) lines.push({ name: "vary", value: "Origin" });
    if (this.#filter.allowCredentials) lines.push({ name: "access-control-allow-credentials", value: "true" });
    return lines;
  }

  #listed(allowed: readonly string[], requested: string | undefined): string | undefined {
    if (allowed.length === 0) return undefined;
    if (!allowed.includes("*")) return allowed.join(", ");
    return this.#filter.allowCredentials ? requested : "*";
  }
}

function splitWildcard(origin: string): { readonly head: string; readonly tail: string } {
  const star = origin.indexOf("*");
  return { head: origin.slice(0, star), tail: origin.slice(star + 1) };
}

/** The star stands for one or more whole labels, so it must not be empty, nor reach over a port or a path. */
function fits(origin: string, wildcard: { readonly head: string; readonly tail: string }): boolean {
  if (origin.length <= wildcard.head.length + wildcard.tail.length) return false;
  if (!origin.startsWith(wildcard.head) || !origin.endsWith(wildcard.tail)) return false;
  const middle = origin.slice(wildcard.head.length, origin.length - wildcard.tail.length);
  return /^[a-z0-9.-]+$/.test(middle);
}
