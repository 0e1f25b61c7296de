/** Names by which certificates and handshakes speak of nodes besides their SPIFFE IDs. */
import { nodeId, printSpiffeId } from "../model/spiffe-id.ts";
import { nodeCrypto } from "./node-crypto.ts";

/** The only DNS subtree that an issuer may certify. `.invalid` never resolves (RFC 2606), so it is of use to nobody else. */
export const NODE_DNS_SUBTREE = "node.selvedge.invalid";

/** Organization in the subject of a node issuer; its common name is the node. */
export const ISSUER_ORGANIZATION = "Selvedge node issuer";

/** Organization in the subject of a site root. */
export const ROOT_ORGANIZATION = "Selvedge site root";

/**
 * The DNS name of a node in its certificate and in the handshake's server name, for the runtime's own check. A hash, because
 * the server name crosses the wire in the clear and because neither trust domain nor node need fit into a DNS label.
 */
export function nodeServerName(trustDomain: string, node: string): string {
  const id = printSpiffeId(nodeId(trustDomain, node));
  return `${nodeCrypto().createHash("sha256").update(id).digest("hex").slice(0, 32)}.${NODE_DNS_SUBTREE}`;
}

const NODE_NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** Whether a text can name a node: a DNS label (RFC 1123 2.1). */
export function isNodeName(text: string): boolean {
  return NODE_NAME.test(text);
}
