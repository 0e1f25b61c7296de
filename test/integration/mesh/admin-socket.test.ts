import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, statSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { REQUEST_BYTES_MAX, SMALL_REQUEST_BYTES_MAX } from "../../../src/admin/protocol.ts";
import { WORKER_USER_DEFAULT } from "../../../src/kernel/spawn-worker.ts";
import { asUser } from "../../support/as-user.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { testWith } from "../../support/needs.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const WEB = 61241;
const OTHER = 61242;
const needs = { root: true, programs: ["setpriv", "curl"] };

const mesh = `
mesh: store
namespace: prod
outbound: 127.0.0.1:0
metrics: 127.0.0.1:0
services:
  web: { run: "unix:uid:${WEB}" }
  client: {}
  orders: { port: 9, allow: [web] }
`;

/** Sends bytes, and answers everything that comes back until the other side ends. */
function exchange(path: string, pieces: readonly Uint8Array[], endsAfter = false): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  const socket = connect(path, () => {
    for (const piece of pieces) socket.write(piece);
    if (endsAfter) socket.end();
  });
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(text));
  return promise;
}

/** What a process of `uid` gets for `{"op":"status"}`. */
async function statusAs(uid: number, path: string): Promise<string> {
  const program = `
    const socket = require("node:net").connect(${JSON.stringify(path)}, () => socket.write('{"op":"status"}\\n'));
    socket.on("data", (chunk) => process.stdout.write(chunk));
    socket.on("error", (error) => console.log(error.code));
    socket.on("close", () => process.exit(0));`;
  const child = Bun.spawn([...asUser(uid), process.execPath, "-e", program], {
    stdout: "pipe",
    stderr: "ignore",
    cwd: "/",
  });
  return child.stdout.text();
}

describe("the admin socket", () => {
  testWith(needs)("is nobody's but the owner's, and refuses workloads even where the file would let them", async () => {
    await using node = new MeshProcess(mesh);
    const { admin } = await node.start();
    expect(statSync(admin).mode & 0o777).toBe(0o600);
    expect(statSync(node.state).mode & 0o777).toBe(0o700);
    for (const uid of [WEB, OTHER, WORKER_USER_DEFAULT.uid])
      expect(await statusAs(uid, admin)).toMatch(/EACCES|EPERM|FailedToOpenSocket/);
    // Somebody opens the file to everybody: a workload and the worker's user are still told nothing.
    for (const folder of [dirname(admin), node.base]) chmodSync(folder, 0o755);
    chmodSync(admin, 0o666);
    expect(await statusAs(WEB, admin)).toContain('"code":"forbidden"');
    expect(await statusAs(WORKER_USER_DEFAULT.uid, admin)).toContain('"code":"forbidden"');
    // That was somebody's decision about his own users.
    expect(await statusAs(OTHER, admin)).toContain('"result"');
    chownSync(admin, WEB, WEB);
    expect(await statusAs(WEB, admin)).toContain('"code":"forbidden"');
    expect((await node.status()).generation).toBe(1);
  });

  test("answers nonsense with a refusal or nothing, and everybody else all the while", async () => {
    const random = seededRandom(3);
    await using node = new MeshProcess(mesh.replaceAll(String(WEB), String(process.getuid?.() ?? 0)));
    const { admin } = await node.start();
    const line = (text: string): Uint8Array[] => [Buffer.from(`${text}\n`)];
    const refused = [
      "",
      "null",
      "[]",
      "7",
      '"status"',
      "{}",
      '{"op":7}',
      '{"op":"__proto__"}',
      '{"op":"toString"}',
      "{".repeat(9000),
    ];
    for (const text of refused)
      expect([text, await exchange(admin, line(text))]).toEqual([text, expect.stringContaining('"error"')]);
    const long = (bytes: number): Uint8Array[] => line(JSON.stringify({ op: "status", padding: "x".repeat(bytes) }));
    expect(await exchange(admin, long(SMALL_REQUEST_BYTES_MAX))).toContain("too long");
    expect(await exchange(admin, [Buffer.alloc(REQUEST_BYTES_MAX + 1, 120)])).toContain("bad_request");
    const noise = Array.from({ length: 40 }, () =>
      Buffer.from(Array.from({ length: 200 }, () => Math.floor(random() * 256))),
    );
    await Promise.all(noise.map((bytes) => exchange(admin, [bytes, Buffer.from("\n")])));
    await Promise.all(Array.from({ length: 20 }, () => exchange(admin, [Buffer.from('{"op":"sta')], true)));
    // Paths out of the place for documents, and files that are none.
    for (const files of [[{ path: "../../x", text: "mesh: a" }], [{ path: 1 }], "x", [null]]) {
      expect(await exchange(admin, line(JSON.stringify({ op: "apply", paths: ["/x"], files })))).toContain('"error"');
    }
    for (const request of [
      { op: "run-register", pid: 1, workload: "workload/prod/client" },
      { op: "run-register", pid: -1, workload: "workload/prod/client" },
      { op: "run-register", pid: process.pid, workload: "workload/prod/nobody" },
      { op: "request", id: "../../etc/passwd" },
      { op: "stat", sinceMs: -5 },
      { op: "stat", sinceMs: "1e309" },
      { op: "logs", count: 1e9 },
      { op: "drain", endpoint: "x".repeat(1000) },
    ]) {
      expect([request, await exchange(admin, line(JSON.stringify(request)))]).toEqual([
        request,
        expect.stringContaining('"error"'),
      ]);
    }
    expect((await node.status()).generation).toBe(1);
    expect((await node.cli("status")).code).toBe(0);
    expect(join(node.state, "admin.sock")).toBe(admin);
  });
});
