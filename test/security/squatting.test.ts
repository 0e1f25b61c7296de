/** Other users of the machine take no part of the mesh's addresses, and do not end its processes. */
import { expect, test } from "bun:test";
import { WORKER_USER_DEFAULT } from "../../src/kernel/spawn-worker.ts";
import { asUser } from "../support/as-user.ts";
import { MeshProcess } from "../support/mesh-process.ts";
import { doc } from "../support/test-mesh.ts";

const NOBODY = 65534;
const OTHER = 4242;
const isRoot = process.getuid?.() === 0;
const MESH = JSON.stringify(
  doc("selvedge/v1", "Site", "s", { trustDomain: "s.example", outbound: "127.0.0.1:0", metrics: "127.0.0.1:0" }),
);

/** Joins the group of sockets that share an address, as the kernel lets those of one user. */
const squatCode = (port: number): string => `
  try {
    Bun.listen({ hostname: "127.0.0.1", port: ${port}, reusePort: true, socket: { data() {} } }).stop(true);
    console.log("listens");
  } catch (error) {
    console.log(error.code);
  }`;

async function squat(uid: number, port: number): Promise<string> {
  const command = [...asUser(uid), process.execPath, "-e", squatCode(port)];
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "ignore"], cwd: "/" });
  return (await child.stdout.text()).trim();
}

test.skipIf(!isRoot || Bun.which("setpriv") === null)(
  "neither nobody nor another user listens beside the worker, or ends it",
  async () => {
    await using mesh = new MeshProcess(MESH);
    const ready = await mesh.start();
    const metricsPort = Number(ready.metrics.slice(ready.metrics.lastIndexOf(":") + 1));
    for (const uid of [NOBODY, OTHER]) {
      for (const port of [mesh.outboundPort, metricsPort])
        expect([uid, await squat(uid, port)]).toEqual([uid, "EADDRINUSE"]);
      const [worker = 0] = ready.workers;
      expect(Bun.spawnSync([...asUser(uid), "kill", "-9", String(worker)]).exitCode).not.toBe(0);
    }
    expect(await mesh.workers()).toEqual([...ready.workers]);
    // The attempt is a real one: the worker's own user could.
    expect(await squat(WORKER_USER_DEFAULT.uid, mesh.outboundPort)).toBe("listens");
  },
);

test("the worker's user is nobody's on this machine", async () => {
  const [passwd, group] = await Promise.all([Bun.file("/etc/passwd").text(), Bun.file("/etc/group").text()]);
  const { uid, gid } = WORKER_USER_DEFAULT;
  expect(passwd.split("\n").map((line) => line.split(":")[2])).not.toContain(String(uid));
  expect(group.split("\n").map((line) => line.split(":")[2])).not.toContain(String(gid));
});
