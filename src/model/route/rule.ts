/** A compiled route rule: where a request goes that it matched. */
import { CorsPolicy } from "./cors.ts";
import { compileHeaderEdits, type HeaderEdits } from "./header-edits.ts";
import { trimPrefix } from "./prefix-table.ts";
import type { BackendRecord, FiltersRecord, RuleRecord } from "./record.ts";
import type { Split } from "./split.ts";
import type { SplitRegistry } from "./split-registry.ts";

/** A weighted target of a rule. */
export interface RuleBackend {
  /** Key of the ServiceRecord; null: this share gets 500, for `reason`. */
  readonly service: string | null;
  readonly port: number;
  readonly weight: number;
  readonly reason: string | undefined;
  /** The backendRef's own filters as written. Redirect, rewrite and `unsupported` in here go before the rule's. */
  readonly filters: FiltersRecord | undefined;
  /** The rule's request header edits followed by the backendRef's. */
  readonly requestHeaders: HeaderEdits | null;
  /** The backendRef's response header edits followed by the rule's: the answer passes them on its way back. */
  readonly responseHeaders: HeaderEdits | null;
}

/** A rule, immutable but for the accumulators of its split. */
export class Rule {
  readonly id: string;
  readonly routeName: string;
  readonly filters: FiltersRecord | undefined;
  readonly backends: readonly RuleBackend[];
  /** `split.next()` is an index into `backends`; -1: nothing to forward to, which is a 500. */
  readonly split: Split;
  /** Milliseconds; 0 = disabled, `undefined` = the default. */
  readonly requestTimeoutMs: number | undefined;
  readonly backendRequestTimeoutMs: number | undefined;
  /** The prefix that `rewritePath` replaces: that of the rule's only match, trimmed; `""` for `/`. */
  readonly pathPrefix: string;
  /** For an answer made at the rule, before any backend is chosen (redirect, preflight). */
  readonly responseHeaders: HeaderEdits | null;
  readonly cors: CorsPolicy | null;

  /** @param scope distinguishes the tables that one rule stands in, so that each has its own exact split */
  constructor(record: RuleRecord, splits: SplitRegistry, scope: string) {
    this.id = record.id;
    this.routeName = record.routeName;
    this.filters = record.filters;
    this.backends = record.backends.map((backend) => compileBackend(backend, record.filters));
    this.split = splits.obtain(
      scope === "" ? record.id : `${scope} ${record.id}`,
      record.backends.map((backend) => `${backend.service ?? backend.reason ?? ""}:${backend.port}`),
      record.backends.map((backend) => backend.weight),
    );
    this.requestTimeoutMs = record.requestTimeoutMs;
    this.backendRequestTimeoutMs = record.backendRequestTimeoutMs;
    this.pathPrefix = onlyPrefix(record);
    this.responseHeaders = compileHeaderEdits(record.filters?.responseHeaders);
    this.cors = record.filters?.cors === undefined ? null : new CorsPolicy(record.filters.cors);
  }
}

function compileBackend(backend: BackendRecord, ruleFilters: FiltersRecord | undefined): RuleBackend {
  return {
    service: backend.service,
    port: backend.port,
    weight: backend.weight,
    reason: backend.reason,
    filters: backend.filters,
    requestHeaders: compileHeaderEdits(ruleFilters?.requestHeaders, backend.filters?.requestHeaders),
    responseHeaders: compileHeaderEdits(backend.filters?.responseHeaders, ruleFilters?.responseHeaders),
  };
}

function onlyPrefix(record: RuleRecord): string {
  const match = record.matches.length === 1 ? record.matches[0] : undefined;
  return match?.path.type === "PathPrefix" ? trimPrefix(match.path.value) : "";
}
