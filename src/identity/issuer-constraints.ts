import { contextConstructed, contextPrimitive, TAG } from "./der.ts";
import { derElement } from "./der-write.ts";
import { NODE_DNS_SUBTREE } from "./node-names.ts";

/**
 * What an issuer's certificates may name: its trust domain, server names of nodes; no address, and mailboxes only where there
 * can be none. Whoever else trusts the site's root gets nothing from a stolen issuer.
 */
export function issuerConstraints(trustDomain: string): Uint8Array {
  const subtree = (tag: number, value: Uint8Array) =>
    derElement(TAG.sequence, derElement(contextPrimitive(tag), value));
  const utf8 = new TextEncoder();
  const permitted = [
    subtree(6, utf8.encode(trustDomain)),
    subtree(2, utf8.encode(NODE_DNS_SUBTREE)),
    subtree(1, utf8.encode(NODE_DNS_SUBTREE)),
  ];
  const excluded = [subtree(7, new Uint8Array(8)), subtree(7, new Uint8Array(32))];
  return derElement(
    TAG.sequence,
    derElement(contextConstructed(0), ...permitted),
    derElement(contextConstructed(1), ...excluded),
  );
}
