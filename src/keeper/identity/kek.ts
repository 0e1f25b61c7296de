import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SEALING_KEY_BYTES } from "../../identity/seal.ts";
import { readBounded, writeDurable } from "../state/durable-file.ts";

/** Name of the key-encryption key among systemd's credentials. */
export const KEK_CREDENTIAL = "selvedge-kek";

/** Where the key-encryption key comes from. */
export interface KekPlace {
  readonly path: string;
  /** credential: handed in by systemd. file: named by the operator. state: beside what it seals, made on first use. */
  readonly kind: "credential" | "file" | "state";
}

/** Where this node's key-encryption key lies. @param env gives `CREDENTIALS_DIRECTORY` and `SELVEDGE_KEK_FILE`. */
export function kekPlace(statePath: string, env: Readonly<Record<string, string | undefined>>): KekPlace {
  const credentials = env["CREDENTIALS_DIRECTORY"];
  const credential = credentials ? join(credentials, KEK_CREDENTIAL) : "";
  if (credential !== "" && existsSync(credential)) return { path: credential, kind: "credential" };
  const named = env["SELVEDGE_KEK_FILE"];
  return named ? { path: named, kind: "file" } : { path: join(statePath, "kek"), kind: "state" };
}

/**
 * The key, which the caller wipes, or why there is none. `mayMake`: nothing is sealed yet, so a missing one in the state
 * directory is made; once something is sealed another key would only hide that the right one is lost.
 */
export function readKek({ path, kind }: KekPlace, mayMake: boolean): Uint8Array | { readonly problem: string } {
  try {
    const found = readBounded(path, SEALING_KEY_BYTES);
    if (found?.length === SEALING_KEY_BYTES) return found;
    if (existsSync(path)) return { problem: `${path} is not ${SEALING_KEY_BYTES} bytes` };
    if (kind !== "state" || !mayMake)
      return { problem: `${path}, the key that everything is sealed with, is not there` };
    const made = new Uint8Array(randomBytes(SEALING_KEY_BYTES));
    writeDurable(path, made);
    return made;
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
