import { askNode } from "../admin-client.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";

/** `selvedge metrics`. */
export async function metrics(options: NodeOptions): Promise<ExitCode> {
  await askNode(findAdminPath(options, process.env), { op: "metrics" }, (piece) => {
    process.stdout.write(String(piece));
  });
  return EXIT.OK;
}
