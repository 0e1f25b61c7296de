import { isNodeName } from "../../identity/node-names.ts";
import { SYNC_ISSUERS_MAX, type ToldIssuer } from "./peer-message.ts";

/** What a node without the root remembers of the node that has it. File `root-node` of the state directory. */
export interface RootNode {
  /** `""` where it is not known. Proven: it let this node in, or signed its issuer last. */
  readonly name: string;
  /** Issuers that it told of, newest last. */
  readonly issuers: readonly ToldIssuer[];
}

/** Name of the file. */
export const ROOT_NODE_FILE = "root-node";

/** What was written, or that nothing is known where it is of another shape. */
export function parseRootNode(value: unknown): RootNode {
  const nothing: RootNode = { name: "", issuers: [] };
  if (!isRecord(value)) return nothing;
  const { name, issuers } = value;
  if (typeof name !== "string" || (name !== "" && !isNodeName(name)) || !Array.isArray(issuers)) return nothing;
  return issuers.length <= SYNC_ISSUERS_MAX && issuers.every(isIssuer) ? { name, issuers } : nothing;
}

function isIssuer(value: unknown): value is ToldIssuer {
  if (!isRecord(value)) return false;
  const { node, keyHash, notAfterMs } = value;
  return (
    typeof node === "string" &&
    isNodeName(node) &&
    typeof keyHash === "string" &&
    /^[0-9a-f]{64}$/.test(keyHash) &&
    Number.isSafeInteger(notAfterMs)
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
