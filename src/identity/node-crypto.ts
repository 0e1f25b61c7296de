/** Cryptography of the runtime, loaded by whoever needs it first. */
import { getBuiltinModule } from "node:process";

type NodeCrypto = typeof import("node:crypto");

let loaded: NodeCrypto | undefined;

/** `node:crypto`. Not imported, because it weighs 2 MB in every worker, and one without other nodes judges no certificate. */
export function nodeCrypto(): NodeCrypto {
  loaded ??= getBuiltinModule("node:crypto");
  return loaded;
}
