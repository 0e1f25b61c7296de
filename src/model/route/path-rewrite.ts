/** Path modifiers of `URLRewrite` and `RequestRedirect` (Gateway API HTTPPathModifier). */
import type { PathRewriteRecord } from "./record.ts";

/**
 * The path after a modifier; always absolute.
 *
 * @param path normalised
 * @param prefix what the rule's only PathPrefix match names, without a trailing slash; `""` for `/`. It is a prefix of the
 *   path by whole segments, because the rule matched.
 */
export function rewritePath(path: string, rewrite: PathRewriteRecord, prefix: string): string {
  if (rewrite.type === "full") return absolute(rewrite.value);
  const replacement = rewrite.value.endsWith("/") ? rewrite.value.slice(0, -1) : rewrite.value;
  return absolute(replacement + path.slice(prefix.length));
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
