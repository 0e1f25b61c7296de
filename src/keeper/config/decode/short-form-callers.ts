import { nearestName } from "../../../base/nearest-name.ts";
import type { ConfigNode, MapNode, NodeSource } from "../schema/config-node.ts";
import { nodeAt, nodeFrom } from "../schema/config-node.ts";
import type { Reader } from "../schema/reader.ts";
import { quote } from "../schema/reader.ts";
import type { ShortService } from "../schema/short-form.ts";

/** A caller taken apart. `*` stands for any. */
export interface Caller {
  readonly namespace: string;
  readonly name: string;
}

/** Takes `name`, `name.namespace`, `namespace/name`, `namespace/*` or `*` apart; a lone name is of the given namespace. */
export function parseCaller(text: string, ownNamespace: string): Caller {
  if (text === "*") return { namespace: "*", name: "*" };
  const slash = text.indexOf("/");
  if (slash >= 0) return { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
  const [name, namespace = ownNamespace] = text.split(".");
  return { namespace, name: name! };
}

/** Istio's pattern for the identity of a caller; `cluster.local` means the trust domain of this site, whatever it is called. */
function principalOf({ namespace, name }: Caller): string {
  return namespace === "*" ? "*" : `cluster.local/ns/${namespace}/sa/${name}`;
}

/** A caller, and where it was written. */
export interface PlacedCaller extends Caller {
  readonly place: ConfigNode;
}

/** The spec of the policy that `allow` stands for. An empty list makes one without rules, which lets nobody in. */
export function policySpecOf(service: string, callers: readonly PlacedCaller[]): NodeSource {
  const selector = { matchLabels: { app: service } };
  if (callers.length === 0) return { selector };
  return {
    selector,
    rules: [
      { from: [{ source: { principals: callers.map((caller) => nodeFrom(principalOf(caller), caller.place)) } }] },
    ],
  };
}

/**
 * Warns of names in `allow` that no service of the document has: most are misspelt, some are defined elsewhere.
 * `calls` need no such look: compiling refuses what cannot be resolved.
 */
export function warnOfUnknownCallers(
  services: Readonly<Record<string, ShortService>>,
  namespace: string,
  node: MapNode,
  reader: Reader,
): void {
  const names = Object.keys(services);
  const known = new Set(names.map((name) => `${services[name]!.namespace ?? namespace}/${name}`));
  for (const [service, { namespace: own = namespace, allow = [] }] of Object.entries(services)) {
    allow.forEach((text, index) => {
      const caller = parseCaller(text, own);
      if (caller.name === "*" || known.has(`${caller.namespace}/${caller.name}`)) return;
      const path = ["services", service, "allow", index];
      const message = `no service ${quote(caller.name)} in namespace ${quote(caller.namespace)} of this document`;
      reader.report("SV0503", nodeAt(node, path), message, hintFor(caller, names, services, namespace), path);
    });
  }
}

function hintFor(
  caller: Caller,
  names: readonly string[],
  services: Readonly<Record<string, ShortService>>,
  namespace: string,
): string | undefined {
  const elsewhere = services[caller.name];
  if (elsewhere !== undefined) return `did you mean "${caller.name}.${elsewhere.namespace ?? namespace}"?`;
  const near = nearestName(caller.name, names);
  return near === undefined ? undefined : `did you mean ${quote(near)}?`;
}
