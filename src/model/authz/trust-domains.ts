/** What `cluster.local` in a principal stands for in the field's documents: the trust domain of whoever reads it. */
export const LOCAL_TRUST_DOMAIN = "cluster.local";

/**
 * The names by which this site's trust domain goes. One set of policies serves every site, because a pattern that names
 * any of them means all of them. Only a whole trust domain, up to the first slash, is ever exchanged, so that
 * `cluster.local/*` becomes `shop.example/*` and can never match `shop.example.evil/…`.
 */
export class TrustDomains {
  /** The real one first; `cluster.local` is not among them unless it is real or an alias. */
  readonly names: readonly string[];
  readonly #known: ReadonlySet<string>;

  constructor(trustDomain: string, aliases: readonly string[]) {
    this.names = [...new Set([trustDomain, ...aliases])];
    this.#known = new Set([...this.names, LOCAL_TRUST_DOMAIN]);
  }

  /** Whether a trust domain, as a policy writes it, means this site. */
  isLocal(trustDomain: string): boolean {
    return this.#known.has(trustDomain);
  }

  /** The explicit patterns that a principal pattern stands for; itself where it does not start with a name of this site. */
  expand(pattern: string): readonly string[] {
    const slash = pattern.indexOf("/");
    if (slash === -1 || !this.isLocal(pattern.slice(0, slash))) return [pattern];
    const rest = pattern.slice(slash);
    return this.names.map((name) => name + rest);
  }

  expandAll(patterns: readonly string[]): readonly string[] {
    return [...new Set(patterns.flatMap((pattern) => this.expand(pattern)))];
  }
}
