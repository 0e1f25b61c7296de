import { describe, expect } from "bun:test";
import { chownSync, copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { findCgroupMount } from "../../../src/kernel/cgroup.ts";
import { asUser } from "../../support/as-user.ts";
import { CgroupFolder, cgroupMount } from "../../support/cgroup.ts";
import { startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";

const ALICE = 61231;
const BOB = 61232;
const ORDERS = 61233;
const needs = { root: true, programs: ["setpriv", "curl"], also: { "cgroup v2": cgroupMount() !== undefined } };

const site = `
mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:`;

/** Calls orders by curl, started through `wrapper`; answers the status and who the mesh took the caller for. */
async function call(node: MeshProcess, wrapper: readonly string[], curl = "curl"): Promise<string> {
  const url = `http://${node.ready.outbound}/`;
  const command = [
    curl,
    "-s",
    "-o",
    "/dev/null",
    "-w",
    "%{http_code} %header{x-selvedge-id}",
    "-H",
    "host: orders.prod",
    url,
  ];
  const child = Bun.spawn([...wrapper, ...command], { stdout: "pipe", stderr: "inherit", cwd: "/" });
  const [status = "", id = ""] = (await child.stdout.text()).trim().split(" ");
  await child.exited;
  if (id === "") return status;
  const record = (await node.admin({ op: "request", id })) as Readonly<Record<string, unknown>>;
  return `${status} ${record["src_workload"] ?? "nobody"} ${record["identity_strength"]}`;
}

describe("callers", () => {
  testWith(needs)(
    "are recognised by user, cgroup, unit and program, and by nothing that they could choose",
    async () => {
      await using groups = new CgroupFolder("selvedge-test");
      const shop = groups.make("shop");
      const nested = groups.make("shop/inner");
      const unit = groups.make("orders-caller.service");
      const inUnit = groups.make("orders-caller.service/main");
      const foreign = groups.make("user.slice/user-1000.slice/user@1000.service");
      const fake = groups.make("user.slice/user-1000.slice/user@1000.service/orders-caller.service");
      const owned = groups.make("owned");
      chownSync(join(findCgroupMount() as string, owned), BOB, BOB);
      await using orders = await startOrigin("orders");
      await using node = new MeshProcess(`${site}
  alice: { run: "unix:uid:${ALICE}" }
  shop: { run: "cgroup:${shop}" }
  unit: { run: "systemd:id:orders-caller.service" }
  mine: { run: "cgroup:${owned}" }
  both: { run: ["unix:uid:${BOB}", "cgroup:${unit}"] }
  orders: { port: ${orders.port}, allow: [] }
`);
      await node.start();
      const as = (uid: number, group?: string): string[] => [
        ...(group === undefined ? [] : groups.enter(group)),
        ...asUser(uid),
      ];
      expect(await call(node, as(ALICE))).toBe("403 prod/alice uid");
      expect(await call(node, as(BOB))).toBe("403 nobody none");
      expect(await call(node, as(BOB, shop))).toBe("403 prod/shop cgroup");
      expect(await call(node, as(BOB, nested))).toBe("403 prod/shop cgroup");
      expect(await call(node, as(ORDERS, unit))).toBe("403 prod/unit cgroup");
      expect(await call(node, as(ORDERS, inUnit))).toBe("403 prod/unit cgroup");
      // The entry that says more goes before the one that says less.
      expect(await call(node, as(BOB, unit))).toBe("403 prod/both cgroup");
      // A unit of a user's own manager is named by that user; a cgroup that a user owns is filled by that user.
      expect(await call(node, as(ORDERS, foreign))).toBe("403 nobody none");
      expect(await call(node, as(ORDERS, fake))).toBe("403 nobody none");
      expect(await call(node, as(BOB, owned))).toBe("403 nobody none");
      // Root is nobody unless an entry names it.
      expect(await call(node, groups.enter(shop))).toBe("403 nobody none");
      expect(await call(node, [])).toBe("403 nobody none");
      const strengths = new Map((await node.status()).workloads.map((one) => [one.key, one.strength]));
      expect(strengths.get("workload/prod/alice")).toBe("uid");
      expect(strengths.get("workload/prod/shop")).toBe("cgroup");
      expect((await node.cli("status")).stdout).toMatch(/prod\/shop +shop +cgroup/);
    },
  );

  testWith(needs)(
    "of `selvedge run` are it with children and grandchildren; a daemon that left the tree and others of the user are nobody",
    async () => {
      await using orders = await startOrigin("orders");
      await using node = new MeshProcess(`${site}
  tree: {}
  byprogram: { run: ["unix:uid:0", "unix:path:/nonexistent/curl"] }
  orders: { port: ${orders.port}, allow: [] }
`);
      const programs = join(node.base, "programs");
      mkdirSync(programs);
      copyFileSync(Bun.which("curl") as string, join(programs, "curl"));
      node.write(`${site}
  tree: {}
  byprogram: { run: ["unix:uid:0", "unix:path:${programs}/curl"] }
  orders: { port: ${orders.port}, allow: [] }
`);
      await node.start();
      const selvedge = join(import.meta.dir, "../../../bin/selvedge");
      const run = [selvedge, "run", "--state", node.state, "--workload", "prod/tree", "--"];
      expect(await call(node, [])).toBe("403 nobody none");
      expect(await call(node, run)).toBe("403 prod/tree tree");
      expect(await call(node, [...run, "sh", "-c", 'sh -c "\\$0 \\"\\$@\\"; exit" "$0" "$@"; exit'])).toBe(
        "403 prod/tree tree",
      );
      // Its parents have ended, so nothing tells it from any other process of this user: no doubt is decided for it.
      expect(await call(node, [...run, "sh", "-c", '(setsid "$0" "$@" &) ; sleep 0.5'])).toBe("403 nobody none");
      // While a tree runs, what runs beside it is still nobody, and a program counts only below a tree.
      const child = Bun.spawn([...run, "sleep", "5"], { stdio: ["ignore", "ignore", "ignore"], cwd: "/" });
      while (((await node.admin({ op: "status" })) as { runs: unknown[] }).runs.length === 0) await Bun.sleep(5);
      expect(await call(node, [])).toBe("403 nobody none");
      expect(await call(node, [], join(programs, "curl"))).toBe("403 nobody none");
      child.kill("SIGTERM");
      await child.exited;
      expect(await call(node, run, join(programs, "curl"))).toBe("403 prod/byprogram uid");
    },
  );
});

describe("services", () => {
  testWith(needs)(
    "are called only where the right process listens, and those that can be dialled directly are listed",
    async () => {
      await using groups = new CgroupFolder("selvedge-listen");
      const right = groups.make("right");
      await using mine = await startOrigin("mine", ORDERS);
      await using squatted = await startOrigin("squatter", BOB);
      await using grouped = await startOrigin("grouped", BOB, { wrapper: groups.enter(right) });
      await using nameless = await startOrigin("nameless", BOB, { hostname: "0.0.0.0" });
      await using node = new MeshProcess(`${site}
  alice: { run: "unix:uid:${ALICE}" }
  orders: { run: "unix:uid:${ORDERS}", port: ${mine.port}, allow: [alice] }
  stolen: { run: "unix:uid:${ORDERS + 1}", port: ${squatted.port}, allow: [alice] }
  grouped: { run: "cgroup:${right}", port: ${grouped.port}, allow: [alice] }
  wrong: { run: "cgroup:${right}x", port: ${mine.port}, allow: [alice] }
  nameless: { port: ${nameless.port}, allow: [alice] }
`);
      await node.start();
      const status = async (host: string): Promise<string> => {
        const command = [
          ...asUser(ALICE),
          "curl",
          "-s",
          "-o",
          "/dev/null",
          "-w",
          "%{http_code} %header{x-selvedge-reason}",
        ];
        const child = Bun.spawn([...command, "-H", `host: ${host}.prod`, `http://${node.ready.outbound}/`], {
          stdout: "pipe",
          cwd: "/",
        });
        return (await child.stdout.text()).trim();
      };
      expect(await status("orders")).toBe("200");
      expect(await status("grouped")).toBe("200");
      expect(await status("stolen")).toBe("503 LISTENER_MISMATCH");
      expect(await status("wrong")).toBe("503 LISTENER_MISMATCH");
      expect(await squatted.served()).toBe(0);
      const { endpointsDown, openDoors } = await node.status();
      expect(endpointsDown.map((one) => one.state)).toContain("listener_mismatch");
      expect(openDoors).toContainEqual({
        workload: "workload/prod/orders",
        address: `127.0.0.1:${mine.port}`,
        reach: "machine",
      });
      expect(openDoors).toContainEqual({
        workload: "workload/prod/grouped",
        address: `127.0.0.1:${grouped.port}`,
        reach: "machine",
      });
      // Nobody says whose process that is; whoever stands there is called.
      expect(openDoors).toContainEqual({
        workload: "workload/prod/nameless",
        address: `0.0.0.0:${nameless.port}`,
        reach: "network",
      });
      expect((await node.cli("status")).stdout).toContain("CAN BE DIALLED AROUND THE MESH");
    },
  );
});
