/** No process of a mesh leaves its memory on the disk, whatever limits it was started with. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { MeshProcess } from "../support/mesh-process.ts";
import { doc } from "../support/test-mesh.ts";

const MESH = JSON.stringify(
  doc("selvedge/v1", "Site", "s", { trustDomain: "s.example", outbound: "127.0.0.1:0", metrics: "127.0.0.1:0" }),
);

test("neither keeper nor worker may write a core file, nor allow itself to", async () => {
  await using mesh = new MeshProcess(MESH, { wrapper: ["/bin/sh", "-c", 'ulimit -c unlimited; exec "$0" "$@"'] });
  const ready = await mesh.start();
  for (const pid of [ready.pid, ...ready.workers]) {
    expect(readFileSync(`/proc/${pid}/limits`, "utf8")).toMatch(/^Max core file size\s+0\s+0\s/m);
  }
});
