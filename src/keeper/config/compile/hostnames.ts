/** Host names of routes and listeners, which may begin with `*.`. */

/**
 * The host names that a route serves at a listener: the more special one of each pair that has names in common.
 *
 * @param listener `undefined`: any
 * @param route empty: any
 * @returns `undefined` stands for any; an empty list: nothing in common
 */
export function commonHostnames(
  listener: string | undefined,
  route: readonly string[],
): readonly (string | undefined)[] {
  const wanted = listener?.toLowerCase();
  if (route.length === 0) return [wanted];
  const common = new Set<string>();
  for (const hostname of route) {
    const own = hostname.toLowerCase();
    if (wanted === undefined || covers(wanted, own)) common.add(own);
    else if (covers(own, wanted)) common.add(wanted);
  }
  return [...common];
}

/** Whether every name of `inner` is one of `outer`. A wildcard stands for one or more labels. */
function covers(outer: string, inner: string): boolean {
  if (outer === inner) return true;
  if (!outer.startsWith("*.")) return false;
  const suffix = outer.slice(1);
  const name = inner.startsWith("*.") ? inner.slice(1) : inner;
  return name.length > suffix.length && name.endsWith(suffix);
}

/** Whether two lists of host names have a name in common; `undefined` stands for any. */
export function haveCommon(a: readonly (string | undefined)[], b: readonly (string | undefined)[]): boolean {
  return a.some((one) =>
    b.some((other) => one === undefined || other === undefined || covers(one, other) || covers(other, one)),
  );
}

/** Most special first: exact names, then the longest wildcard, then any. */
export function compareHostnames(a: string | undefined, b: string | undefined): number {
  return rank(a) - rank(b) || (b ?? "").length - (a ?? "").length || ((a ?? "") < (b ?? "") ? -1 : 1);
}

function rank(hostname: string | undefined): number {
  if (hostname === undefined) return 2;
  return hostname.startsWith("*.") ? 1 : 0;
}
