/** Node documents to records: which machines the site has, and where their tunnels are reached. */
import type { DocumentOf } from "../../../model/documents.ts";
import { nodeKey } from "../../../model/names.ts";
import type { NodeRecord } from "../../../model/snapshot.ts";
import { parseHostPort } from "../schema/addresses.ts";
import { parseIpAddress } from "../schema/ip-address.ts";
import type { DocumentSet } from "./document-set.ts";
import type { Report } from "./report.ts";
import type { CompiledSite } from "./site.ts";

type Node = DocumentOf<"Node">;

/**
 * All nodes of the site, this one included. None where the site has one node and no tunnel: nothing asks for them there.
 */
export function compileNodes(documents: DocumentSet, site: CompiledSite, report: Report): NodeRecord[] {
  const nodes = nodesByName(documents.all("Node"), report);
  if (site.nodes.size < 2 && nodes.size === 0 && site.spec.tunnel === undefined) return [];
  checkAddresses(nodes, report);
  if (site.nodes.size > 1) {
    checkTunnel(nodes, site, report);
    checkReachable(nodes, site, report);
  }
  return [...site.nodes].map((name) => {
    const address = nodes.get(name)?.spec.address;
    const parsed = address === undefined ? undefined : parseHostPort(address);
    const where = parsed === undefined ? {} : { hostname: parsed.host.toLowerCase(), port: parsed.port };
    return { kind: "node", key: nodeKey(name), name, ...where, isLocal: name === site.record.node };
  });
}

/** The node that an IP address belongs to by its Node document, if that is another one than this. */
export function otherNodeAt(nodes: readonly NodeRecord[], address: string): string | undefined {
  const bytes = parseIpAddress(address)?.join(".");
  if (bytes === undefined) return undefined;
  const owners = nodes.filter(({ hostname = "" }) => parseIpAddress(hostname)?.join(".") === bytes);
  return owners.some(({ isLocal }) => isLocal) ? undefined : owners[0]?.name;
}

/** Nodes have no namespace that means anything: of two with one name the first counts. */
function nodesByName(documents: readonly Node[], report: Report): Map<string, Node> {
  const nodes = new Map<string, Node>();
  for (const document of documents) {
    const { name } = document.metadata;
    if (name === "all") report.add(document, ["metadata", "name"], "SV1018", "a Node is called all");
    const first = nodes.get(name);
    if (first === undefined) {
      nodes.set(name, document);
      continue;
    }
    const where = `${first.origin.file}:${first.origin.line}`;
    report.add(document, ["metadata", "name"], "SV1001", `Node ${name} is defined twice, first at ${where}`);
  }
  return nodes;
}

function checkAddresses(nodes: ReadonlyMap<string, Node>, report: Report): void {
  const owners = new Map<string, string>();
  for (const [name, document] of nodes) {
    const address = document.spec.address.toLowerCase();
    const owner = owners.get(address);
    if (owner === undefined) owners.set(address, name);
    else
      report.add(
        document,
        ["spec", "address"],
        "SV1015",
        `Node ${name} has the address ${address}, and so has ${owner}`,
      );
  }
}

function checkTunnel(nodes: ReadonlyMap<string, Node>, site: CompiledSite, report: Report): void {
  const [first] = nodes.values();
  const where = site.document ?? first;
  if (site.spec.tunnel !== undefined || where === undefined) return;
  const names = [...site.nodes].sort().join(", ");
  const message = `the site has several nodes (${names}), but Site.spec.tunnel is not set`;
  report.add(where, ["spec"], "SV1016", message, "add tunnel: 0.0.0.0:15008 to the spec of the Site");
}

function checkReachable(nodes: ReadonlyMap<string, Node>, site: CompiledSite, report: Report): void {
  const name = site.spec.node;
  if (site.document === undefined || name === undefined || nodes.has(name)) return;
  const message = `node ${name} has no Node document, so the other nodes cannot connect to it`;
  report.add(site.document, ["spec", "node"], "SV1017", message);
}
