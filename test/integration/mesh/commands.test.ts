/** What the documents promise of commands that other tests only look at. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startOrigin } from "../../support/mesh-load.ts";
import { MeshProcess, runSelvedge } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";

const OWN_UID = process.getuid?.() ?? 0;
const CALLS = 300;

const SITE = `mesh: store
namespace: prod
outbound: "127.0.0.1:0"
metrics: "127.0.0.1:0"
`;

describe("selvedge logs --verdict audit", () => {
  test("has every call that deny would refuse, and a service with allow refuses everybody else all the same", async () => {
    await using origin = await startOrigin("orders");
    await using node = new MeshProcess(`${SITE}default: audit
services:
  web: { run: "unix:uid:${OWN_UID}" }
  free: { port: ${origin.port} }
  orders: { port: ${origin.port}, allow: [somebody] }
  somebody: { run: "unix:uid:${OWN_UID + 4_242}" }
`);
    await node.start();
    for (let call = 0; call < CALLS; call++) expect((await node.get("free.prod")).status).toBe(200);
    expect((await node.get("orders.prod")).status).toBe(403);
    const { stdout } = await node.cli("logs", "--verdict", "audit", "--count", "1000", "-o", "json");
    expect(stdout.trim().split("\n")).toHaveLength(CALLS);
    expect((await node.metrics()).sum("selvedge_authorization_audit_total")).toBe(CALLS);
    expect((await node.cli("status")).stdout).toContain("selvedge logs --verdict audit");
  });
});

describe("selvedge hosts --write", () => {
  const MACHINE = "127.0.0.1 localhost\n10.0.0.9 printer\n";
  const OTHERS = "# selvedge: begin (written by `selvedge hosts --write`)";

  /** Runs it twice where `mount` has put something of ours in the place of the machine's file; answers what is in that then. */
  async function written(node: MeshProcess, mount: (etc: string) => string): Promise<string> {
    const etc = join(node.base, "etc");
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(etc, "hosts"), MACHINE);
    const wrapper = ["unshare", "--mount", "sh", "-c", `${mount(etc)} && exec "$0" "$@"`];
    for (let times = 0; times < 2; times++) {
      const done = await runSelvedge(["hosts", "--write", "--state", node.state], wrapper);
      expect(done).toEqual({ code: 0, stdout: "1 service is in /etc/hosts\n", stderr: "" });
    }
    return readFileSync(join(etc, "hosts"), "utf8");
  }

  testWith({ root: true, programs: ["unshare", "mount"] })(
    "puts one block behind what was there, once, also where an engine has mounted the file",
    async () => {
      await using node = new MeshProcess(`${SITE}services:
  orders: { port: 9001, clusterIP: 127.77.0.5 }
`);
      await node.start();
      for (const mount of [
        (etc: string) => `mount --bind ${etc} /etc`,
        (etc: string) => `mount --bind ${etc}/hosts /etc/hosts`,
      ]) {
        const text = await written(node, mount);
        expect(text).toStartWith(`${MACHINE}${OTHERS}\n127.77.0.5 orders.prod`);
        expect(text.split(OTHERS)).toHaveLength(2);
      }
    },
  );
});
