import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLines } from "../../test/support/line-process.ts";
import { takeFileLock } from "./file-lock.ts";

const directory = mkdtempSync(join(tmpdir(), "selvedge-lock-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("the second to come is told who holds the lock, and gets it after release", () => {
  const path = join(directory, "lock");
  const first = takeFileLock(path);
  if (!first.held) throw new Error("not held");
  expect(takeFileLock(path)).toEqual({ held: false, pid: process.pid });
  first.release();
  first.release();
  const third = takeFileLock(path);
  expect(third.held).toBe(true);
  if (third.held) third.release();
});

test("a killed holder holds nothing", async () => {
  const path = join(directory, "killed");
  const module = join(import.meta.dir, "file-lock.ts");
  const script = `const { takeFileLock } = await import(${JSON.stringify(module)});
    console.log(takeFileLock(${JSON.stringify(path)}).held); setInterval(() => {}, 1000);`;
  const child = startLines([process.execPath, "-e", script]);
  try {
    expect(await child.line()).toBe("true");
    expect(takeFileLock(path)).toEqual({ held: false, pid: child.pid });
  } finally {
    await child.end();
  }
  const mine = takeFileLock(path);
  expect(mine.held).toBe(true);
  if (mine.held) mine.release();
});

test("a link in place of the lock file is not followed", () => {
  const path = join(directory, "link");
  symlinkSync("/etc/passwd", path);
  expect(() => takeFileLock(path)).toThrow();
});
