/** Root tells nothing to, and believes nothing of, whoever answers at the path of a node that is not his. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askNode } from "../../src/cli/admin-client.ts";
import { asUser } from "../support/as-user.ts";
import { until } from "../support/until.ts";

const OTHER = 4242;
const isRoot = process.getuid?.() === 0;
const base = mkdtempSync(join(tmpdir(), "selvedge-false-"));
chmodSync(base, 0o755);
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Answers everything with a status, as another user; prints what it was told. */
const IMPOSTOR = (path: string): string => `
  Bun.listen({ unix: ${JSON.stringify(path)}, socket: {
    data(socket, bytes) { process.stdout.write(bytes); socket.write('{"result":"lies"}\\n'); socket.end(); } } });`;

async function asked(folder: string): Promise<unknown> {
  const path = join(folder, "admin.sock");
  const child = Bun.spawn([...asUser(OTHER), process.execPath, "-e", IMPOSTOR(path)], {
    stdio: ["ignore", "ignore", "inherit"],
    cwd: "/",
  });
  try {
    await until(() => existsSync(path), "the impostor");
    return await askNode(path, { op: "status" }).catch((error: unknown) => String(error));
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}

test.skipIf(!isRoot)("in a folder that is open to all", async () => {
  const open = join(base, "open");
  mkdirSync(open);
  chmodSync(open, 0o1777);
  expect(await asked(open)).toContain("belongs to another user");
});

test.skipIf(!isRoot)("in a folder of that user it is his node, which root may operate", async () => {
  const his = join(base, "his");
  mkdirSync(his);
  chownSync(his, OTHER, OTHER);
  expect(await asked(his)).toBe("lies");
});
