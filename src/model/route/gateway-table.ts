/** The compiled routes of one Gateway listener: by host name first. */
import type { RequestFacts } from "../request-facts.ts";
import type { RouteTableRecord } from "./record.ts";
import type { Rule } from "./rule.ts";
import type { SplitRegistry } from "./split-registry.ts";
import { RouteTable } from "./table.ts";

/** Most labels of a host name that are looked at; a DNS name has at most 127. */
export const HOST_LABELS_MAX = 127;

/**
 * Host names in Gateway API's precedence: the exact name, then the longest wildcard, then the listener's catch-all. Where
 * no rule under a host name matches, the next less special one is asked, because precedence orders rules, it does not
 * hide them.
 */
export class GatewayTable {
  /** Name of the listener, `namespace/name/listener`. */
  readonly name: string;
  readonly #exact = new Map<string, RouteTable>();
  /** By suffix with its leading dot: `.example.com`. */
  readonly #wildcards = new Map<string, RouteTable>();
  #any: RouteTable | undefined;

  /** @param scope name of the listener */
  constructor(
    hosts: readonly { readonly hostname?: string; readonly routes: RouteTableRecord }[],
    splits: SplitRegistry,
    scope = "",
  ) {
    this.name = scope;
    for (const { hostname, routes } of hosts) {
      const table = new RouteTable(routes, splits, `${scope}/${hostname ?? "*"}`);
      if (hostname === undefined) this.#any = table;
      else if (hostname.startsWith("*.")) this.#wildcards.set(hostname.slice(1), table);
      else this.#exact.set(hostname, table);
    }
  }

  /** The rule for a request, or null: 404. */
  match(facts: RequestFacts): Rule | null {
    const found = this.#exact.get(facts.host)?.match(facts) ?? null;
    if (found !== null) return found;
    if (this.#wildcards.size > 0) {
      const underWildcard = this.#matchWildcard(facts);
      if (underWildcard !== null) return underWildcard;
    }
    return this.#any?.match(facts) ?? null;
  }

  #matchWildcard(facts: RequestFacts): Rule | null {
    const host = facts.host;
    let dot = host.indexOf(".");
    for (let labels = 0; dot > 0 && labels < HOST_LABELS_MAX; labels++) {
      const found = this.#wildcards.get(host.slice(dot))?.match(facts) ?? null;
      if (found !== null) return found;
      dot = host.indexOf(".", dot + 1);
    }
    return null;
  }
}
