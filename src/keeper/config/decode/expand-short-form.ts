import { parseHostPort } from "../schema/addresses.ts";
import type { ConfigNode, MapNode, NodeFields, NodeSource } from "../schema/config-node.ts";
import { entryOf, nodeFrom } from "../schema/config-node.ts";
import type { Reader } from "../schema/reader.ts";
import { INVALID } from "../schema/schema.ts";
import { shortForm } from "../schema/short-form.ts";
import { parseSentence } from "../schema/short-form-assertion.ts";
import { warnOfUnknownCallers } from "./short-form-callers.ts";
import { expandService } from "./short-form-service.ts";

/**
 * The full documents that a short form stands for, as trees whose parts have the positions of what they come from.
 * None where it has an error. The Site comes first, then the nodes, then the services in their order, then the assertions.
 */
export function expandShortForm(node: MapNode, reader: Reader): readonly ConfigNode[] {
  const form = shortForm.read(node, reader);
  if (form === INVALID) return [];
  warnOfUnknownCallers(form.services, form.namespace, node, reader);
  const services = Object.entries(form.services).flatMap(([name, service]) => {
    const place = written(written(node, "services"), name) ?? node;
    return expandService({ name, namespace: service.namespace ?? form.namespace, service, node: place });
  });
  return [siteOf(node), ...nodesOf(node), ...services, ...assertionsOf(node, form.namespace)];
}

/** The part that was written for a field, or `undefined`. */
function written(node: ConfigNode | undefined, field: string): ConfigNode | undefined {
  return node === undefined ? undefined : entryOf(node, field)?.value;
}

function siteOf(node: MapNode): ConfigNode {
  const spec: NodeFields = {
    trustDomain: written(node, "trustDomain"),
    outbound: written(node, "outbound"),
    metrics: written(node, "metrics"),
    tunnel: written(node, "tunnel") ?? tunnelOf(node),
    defaultAction: written(node, "default"),
    outboundTrafficPolicy: written(node, "outboundTrafficPolicy"),
  };
  return nodeFrom({ apiVersion: "selvedge/v1", kind: "Site", metadata: { name: written(node, "mesh") }, spec }, node);
}

/** Port of the tunnel where the nodes have none in common. Istio's for the same purpose. */
const TUNNEL_PORT = 15_008;

/** Where the tunnel listens when nothing is said: on all addresses, at the port by which the nodes are reached. */
function tunnelOf(node: MapNode): ConfigNode | undefined {
  const nodes = written(node, "nodes");
  if (nodes?.type !== "map" || nodes.entries.length === 0) return undefined;
  const ports = new Set(nodes.entries.map(({ value }) => portOf(value)));
  const [port] = ports;
  return nodeFrom(`0.0.0.0:${ports.size === 1 && port !== undefined ? port : TUNNEL_PORT}`, nodes);
}

function portOf(address: ConfigNode): number | undefined {
  return address.type === "scalar" ? parseHostPort(String(address.value))?.port : undefined;
}

function nodesOf(node: MapNode): readonly ConfigNode[] {
  const nodes = written(node, "nodes");
  if (nodes?.type !== "map") return [];
  return nodes.entries.map(({ key, value }) =>
    nodeFrom({ apiVersion: "selvedge/v1", kind: "Node", metadata: { name: key }, spec: { address: value } }, value),
  );
}

function assertionsOf(node: MapNode, namespace: string): readonly ConfigNode[] {
  const list = written(node, "assert");
  if (list?.type !== "list") return [];
  return list.items.map((item, index) => {
    const spec: NodeSource = item.type === "scalar" ? { ...parseSentence(String(item.value)) } : item;
    const metadata = { name: `assert-${index + 1}`, namespace };
    return nodeFrom({ apiVersion: "selvedge/v1", kind: "Assertion", metadata, spec }, item);
  });
}
