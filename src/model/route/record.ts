/** Compiled routes as they stand in a snapshot record; plain JSON. */
import type { CorsFilter } from "../documents.ts";

export interface HeaderEditRecord {
  /** Names in the case they are to be written in; compared lower case. */
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  /** Lower case. */
  readonly remove: readonly string[];
}

export interface PathRewriteRecord {
  readonly type: "full" | "prefix";
  readonly value: string;
}

export interface RedirectRecord {
  readonly scheme?: "http" | "https";
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: PathRewriteRecord;
  readonly statusCode: number;
}

/** What the filters of a rule or of a backendRef come to. */
export interface FiltersRecord {
  readonly requestHeaders?: HeaderEditRecord;
  readonly responseHeaders?: HeaderEditRecord;
  readonly redirect?: RedirectRecord;
  readonly rewriteHostname?: string;
  readonly rewritePath?: PathRewriteRecord;
  readonly cors?: CorsFilter;
  /** A filter that cannot be honoured: requests get 500, never the backend (Gateway API: must not be skipped). */
  readonly unsupported?: string;
}

export interface BackendRecord {
  /** Key of the ServiceRecord, or `null` where the reference does not resolve: its share gets 500. */
  readonly service: string | null;
  readonly port: number;
  readonly weight: number;
  readonly filters?: FiltersRecord;
  /** The reason in Gateway API's words where `service` is null: `BackendNotFound`, `RefNotPermitted`, `InvalidKind`. */
  readonly reason?: string;
}

export interface MatchRecord {
  /**
   * Numbers that go before everything else in precedence, the higher first: of a GRPCRoute's match whether its method is
   * literal, and the characters of service and method. Absent for HTTPRoutes.
   */
  readonly precedence?: readonly number[];
  readonly path: { readonly type: "Exact" | "PathPrefix" | "RegularExpression"; readonly value: string };
  readonly method?: string;
  /** Names lower case. */
  readonly headers: readonly {
    readonly type: "Exact" | "RegularExpression";
    readonly name: string;
    readonly value: string;
  }[];
  readonly queryParams: readonly {
    readonly type: "Exact" | "RegularExpression";
    readonly name: string;
    readonly value: string;
  }[];
}

export interface RuleRecord {
  /** `httproute/<namespace>/<name>/<rule name or index>`; stable across generations, keys the split's accumulators. */
  readonly id: string;
  readonly routeName: string;
  readonly matches: readonly MatchRecord[];
  readonly filters?: FiltersRecord;
  readonly backends: readonly BackendRecord[];
  /** Milliseconds; 0 = disabled, absent = the default. */
  readonly requestTimeoutMs?: number;
  readonly backendRequestTimeoutMs?: number;
}

/** The routes of one Service port (or one Gateway host). */
export interface RouteTableRecord {
  readonly protocol: "http" | "tcp";
  /** Rules of the routes in the Service's own namespace; empty list with `hasProducer` = every request is 404. */
  readonly producer: readonly RuleRecord[];
  readonly hasProducer: boolean;
  /** By namespace of the caller: rules that take the place of the producer's for callers of that namespace. */
  readonly consumers: Readonly<Record<string, readonly RuleRecord[]>>;
}
