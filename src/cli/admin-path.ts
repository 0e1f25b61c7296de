import { tmpdir } from "node:os";
import { join } from "node:path";
import { SOCKET_PATH_BYTES_MAX } from "../admin/protocol.ts";

/**
 * Where the node on a state directory has its admin socket: in it, or at a short path made of it where that would be too long
 * for the kernel.
 */
export function adminPathOf(statePath: string, env: Readonly<Record<string, string | undefined>>): string {
  const path = join(statePath, "admin.sock");
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  const name = new Bun.CryptoHasher("sha256").update(statePath).digest("hex").slice(0, 16);
  return join(env["XDG_RUNTIME_DIR"] || tmpdir(), `selvedge-${name}.sock`);
}
