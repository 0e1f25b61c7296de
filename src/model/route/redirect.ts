/** Builds the `Location` of a RequestRedirect filter (Gateway API HTTPRequestRedirectFilter). */
import { rewritePath } from "./path-rewrite.ts";
import type { RedirectRecord } from "./record.ts";

const WELL_KNOWN_PORT = { http: 80, https: 443 } as const;

/** The request as it was received. */
export interface RedirectSource {
  readonly scheme: "http" | "https";
  /** Authority without port, IPv6 in brackets. */
  readonly host: string;
  /** Port of the Service, or of the Gateway's listener. */
  readonly port: number;
  /** Normalised. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
}

/**
 * The absolute URL to redirect to.
 *
 * Port: the filter's; else, where the filter names a scheme, that scheme's well-known one; else the request's. A scheme's
 * well-known port is left out. The query is kept.
 *
 * @param prefix of the rule, see `rewritePath`
 */
export function redirectLocation(redirect: RedirectRecord, source: RedirectSource, prefix: string): string {
  const scheme = redirect.scheme ?? source.scheme;
  const port = redirect.port ?? (redirect.scheme === undefined ? source.port : WELL_KNOWN_PORT[scheme]);
  const path = redirect.path === undefined ? source.path : rewritePath(source.path, redirect.path, prefix);
  const authority = redirect.hostname ?? source.host;
  const portPart = port === WELL_KNOWN_PORT[scheme] ? "" : `:${port}`;
  const queryPart = source.query === "" ? "" : `?${source.query}`;
  return `${scheme}://${authority}${portPart}${path}${queryPart}`;
}
