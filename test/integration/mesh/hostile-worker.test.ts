import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { statOf, userIdsOf } from "../../../src/kernel/process-facts.ts";
import { asUser } from "../../support/as-user.ts";
import { startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";

const WORKER = 61251;
const needs = { root: true, programs: ["setpriv"] };

const mesh = (port: number): string => `
mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { run: "unix:uid:0" }
  orders: { port: ${port}, allow: [web] }
`;

describe("whoever has taken over a worker", () => {
  testWith(needs)("finds no file, no socket and no process of the keeper that he could use", async () => {
    await using orders = await startOrigin("orders");
    await using node = new MeshProcess(mesh(orders.port));
    const ready = await node.start("--worker-user", `${WORKER}:${WORKER}`);
    const [pid] = ready.workers as readonly [number];
    expect(userIdsOf(pid)).toEqual([WORKER, WORKER, WORKER, WORKER]);
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    // CAP_NET_BIND_SERVICE and nothing else, in every set.
    expect(status).toMatch(/^CapEff:\s+0{13}400$/m);
    expect(status).toMatch(/^CapBnd:\s+0{13}400$/m);
    expect(status).toMatch(/^Groups:\s*$/m);
    // With the worker's user alone, that is even without its sandbox:
    const attempts = {
      "read the state": `require("node:fs").readdirSync(${JSON.stringify(node.state)})`,
      "read a generation": `require("node:fs").readFileSync(${JSON.stringify(`${node.state}/generations/1.ndjson`)})`,
      "signal the keeper": `process.kill(${ready.pid}, 0)`,
      "read the keeper's memory": `require("node:fs").openSync("/proc/${ready.pid}/mem", "r")`,
      "read the keeper's environment": `require("node:fs").readFileSync("/proc/${ready.pid}/environ")`,
      "list the keeper's descriptors": `require("node:fs").readdirSync("/proc/${ready.pid}/fd")`,
      "read the other worker's memory": `require("node:fs").openSync("/proc/${pid}/mem", "r")`,
      "ask the admin socket": `await new Promise((resolve, reject) => require("node:net").connect(${JSON.stringify(ready.admin)}, resolve).on("error", reject))`,
    };
    const program = `
      const outcomes = {};
      ${Object.entries(attempts)
        .map(
          ([name, code]) =>
            `try { ${code}; outcomes[${JSON.stringify(name)}] = "succeeded"; } catch { outcomes[${JSON.stringify(name)}] = "failed"; }`,
        )
        .join("\n")}
      console.log(JSON.stringify(outcomes)); process.exit(0);`;
    const child = Bun.spawn([...asUser(WORKER), process.execPath, "-e", program], {
      stdout: "pipe",
      stderr: "inherit",
      cwd: "/",
    });
    const outcomes = JSON.parse(await child.stdout.text()) as Record<string, string>;
    expect(outcomes).toEqual(Object.fromEntries(Object.keys(attempts).map((name) => [name, "failed"])));
    // The worker's parent is the keeper, its working directory and its open files are nothing.
    expect(statOf(pid)?.parentPid).toBe(ready.pid);
  });
});
