/** Sources that are no files: whatever somebody puts where the configuration lies, the keeper goes on at once. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = ["--config=/dev/null", "--no-env-file", "--no-install"];
const MODULE = join(import.meta.dir, "../../src/keeper/reload/source-files.ts");
/** Far above what reading a few files takes, far below what reading what has no end takes. */
const PATIENCE_MS = 3_000;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-sources-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** In a process of its own, since what is tested for is that it never comes back. */
async function digest(path: string): Promise<string> {
  const code = `const { digestSources, listSourceFiles } = await import(${JSON.stringify(MODULE)});
    console.log(digestSources([${JSON.stringify(path)}], "salt"), listSourceFiles([${JSON.stringify(path)}]).folders.length);`;
  const child = Bun.spawn([process.execPath, ...FLAGS, "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const text = await child.stdout.text();
  await child.exited;
  clearTimeout(timer);
  return text.trim();
}

test("a pipe that nobody writes into does not hold up the keeper", async () => {
  Bun.spawnSync(["mkfifo", join(folder, "a.yaml")]);
  expect(await digest(folder)).toMatch(/^[0-9a-f]{64} 1$/);
});

test("a device without an end is not read", async () => {
  expect(await digest("/dev/zero")).toMatch(/^[0-9a-f]{64} 0$/);
  symlinkSync("/dev/zero", join(folder, "a.yaml"));
  expect(await digest(folder)).toMatch(/^[0-9a-f]{64} 1$/);
});

test("folders that lead back into themselves in many ways are looked into once", async () => {
  for (let i = 0; i < 12; i++) {
    mkdirSync(join(folder, `f${i}`));
    for (let j = 0; j < 12; j++) symlinkSync("..", join(folder, `f${i}`, `back${j}`));
  }
  expect(await digest(folder)).toMatch(/^[0-9a-f]{64} 13$/);
});

test("a file that is larger than any configuration counts by its size, and is not read", async () => {
  writeFileSync(join(folder, "a.yaml"), "");
  truncateSync(join(folder, "a.yaml"), 64 * 1024 * 1024 * 1024);
  expect(await digest(folder)).toMatch(/^[0-9a-f]{64} 1$/);
});

test("a change inside a file that is read changes the digest", async () => {
  writeFileSync(join(folder, "a.yaml"), "one");
  const before = await digest(folder);
  writeFileSync(join(folder, "a.yaml"), "two");
  expect(await digest(folder)).not.toBe(before);
});
