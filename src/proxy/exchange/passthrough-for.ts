import type { CallerIdentity } from "../caller.ts";
import { type Authority, splitAuthority } from "../mesh/authority.ts";
import type { Mesh } from "../mesh/mesh.ts";

/**
 * Where a name leads that no document of the mesh declares, or `null`: nowhere. Out of the mesh goes what the site lets out
 * (`ALLOW_ANY`), and what the caller's own `calls` names. What can only be a name of the mesh never leaves it.
 *
 * @param portDefault where the authority has none.
 */
export function passthroughFor(
  mesh: Mesh,
  caller: CallerIdentity,
  authority: string,
  portDefault: number,
): Authority | null {
  const split = splitAuthority(authority);
  if (!split || mesh.isMeshName(split.host)) return null;
  const port = split.port < 0 ? portDefault : split.port;
  const isNamed = caller.workload.record.calls?.hosts.includes(`${split.host}:${port}`) === true;
  return isNamed || mesh.site.outboundTrafficPolicy === "ALLOW_ANY" ? { host: split.host, port } : null;
}
