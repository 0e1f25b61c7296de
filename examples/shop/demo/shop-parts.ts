/** Who is in the shop, and on which machine where there are two; uids as in the mesh files. */
import { join } from "node:path";
import type { ShopService } from "../service.ts";

export interface ShopPart {
  readonly service: ShopService;
  readonly workload: string;
  readonly uid: number;
  /** Its node where the shop is split across two. */
  readonly node: "till-1" | "till-2";
}

/** All parts, sockets under `runFolder`. */
export function shopParts(runFolder: string): readonly ShopPart[] {
  const socket = (name: string) => ({ unix: join(runFolder, name, "http.sock") });
  const part = (workload: string, uid: number, node: ShopPart["node"], service: ShopService): ShopPart => ({
    service,
    workload,
    uid,
    node,
  });
  return [
    part("prod/payments", 61_103, "till-2", { name: "payments", ...socket("payments") }),
    part("prod/orders-v1", 61_102, "till-1", { name: "orders", version: "v1", ...socket("orders-v1") }),
    part("prod/orders-v2", 61_102, "till-2", { name: "orders", version: "v2", ...socket("orders-v2") }),
    part("prod/web", 61_101, "till-1", { name: "web" }),
    part("dev/intruder", 61_104, "till-2", { name: "intruder" }),
  ];
}
