import { afterAll, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cgroups, findCgroupMount, WALKS_PER_SECOND_MAX } from "./cgroup.ts";
import { cgroupMountIn, isCanonical, isDelegatedToUser, unitOf } from "./cgroup-path.ts";

const isRoot = process.getuid?.() === 0;
const directory = mkdtempSync(join(tmpdir(), "selvedge-cgroup-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** A directory tree that looks like a hierarchy. */
function makeCgroup(path: string): string {
  const full = join(directory, path);
  mkdirSync(full, { recursive: true, mode: 0o755 });
  writeFileSync(join(full, "cgroup.procs"), "", { mode: 0o644 });
  return full;
}

test("the unit is the first component below the slices", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["/system.slice/orders.service", "orders.service"],
    ["/system.slice/orders.service/worker-1", "orders.service"],
    ["/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"],
    ["/user.slice/user-1000.slice/user@1000.service/app.slice/orders.service", "user@1000.service"],
    ["/user.slice/user-1000.slice/session-3.scope", "session-3.scope"],
    ["/system.slice/_cpu.service", "cpu.service"],
    ["/orders/orders.service", undefined],
    ["/system.slice", undefined],
    ["/", undefined],
  ];
  for (const [path, unit] of cases) expect(unitOf(path)).toBe(unit);
});

test("what a user's own manager makes is delegated, sessions and services of the system are not", () => {
  expect(isDelegatedToUser("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service")).toBe(true);
  expect(isDelegatedToUser("/user.slice/user-1000.slice/session-3.scope")).toBe(false);
  expect(isDelegatedToUser("/system.slice/orders.service")).toBe(false);
});

test("only paths as the kernel writes them are canonical", () => {
  for (const path of ["/", "/a", "/a/b"]) expect(isCanonical(path)).toBe(true);
  for (const path of ["", "a", "/a/", "//a", "/a/../b", "/a/./b", "/a\0"]) expect(isCanonical(path)).toBe(false);
});

test("the mount point is found beside v1, alone, with spaces in it, and not where there is none", () => {
  const v1 = "25 20 0:22 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
  const v2 = (point: string) => `26 20 0:23 / ${point} rw,nosuid shared:4 - cgroup2 cgroup2 rw`;
  expect(cgroupMountIn(`${v1}\n${v2("/sys/fs/cgroup/unified")}\n`)).toBe("/sys/fs/cgroup/unified");
  expect(cgroupMountIn(v2("/sys/fs/cgroup"))).toBe("/sys/fs/cgroup");
  expect(cgroupMountIn(v2("/mnt/a\\040b"))).toBe("/mnt/a b");
  expect(cgroupMountIn(v1)).toBeUndefined();
});

test("an id leads to its path until the cgroup is removed", () => {
  const full = makeCgroup("shop/orders");
  const cgroups = new Cgroups(directory, () => 0);
  const id = statSync(full, { bigint: true }).ino;
  expect(cgroups.pathOfId(id)).toBe("/shop/orders");
  expect(cgroups.pathOfId(statSync(directory, { bigint: true }).ino)).toBe("/");
  rmSync(full, { recursive: true });
  expect(cgroups.pathOfId(id)).toBeNull();
  expect(cgroups.pathOfId(0n)).toBeNull();
});

test("unknown ids make only so many walks a second, and known ones are answered all the same", () => {
  const full = makeCgroup("bounded");
  let nowMs = 5000;
  const cgroups = new Cgroups(directory, () => nowMs);
  const id = statSync(full, { bigint: true }).ino;
  expect(cgroups.pathOfId(id)).toBe("/bounded");
  for (let asked = 0; asked < WALKS_PER_SECOND_MAX * 2; asked++) expect(cgroups.pathOfId(1n << 60n)).toBeNull();
  expect(cgroups.pathOfId(id)).toBe("/bounded");
  const late = makeCgroup("late");
  const lateId = statSync(late, { bigint: true }).ino;
  expect(cgroups.pathOfId(lateId)).toBeNull();
  nowMs += 1000;
  expect(cgroups.pathOfId(lateId)).toBe("/late");
});

test.skipIf(!isRoot)("a cgroup is trusted only while root alone owns it and every one above", () => {
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, "cgroup.procs"), "");
  makeCgroup("trusted");
  const full = makeCgroup("trusted/orders");
  const cgroups = new Cgroups(directory, () => 0);
  expect(cgroups.isTrusted("/trusted/orders")).toBe(true);
  expect(cgroups.isTrusted("/trusted/../trusted/orders")).toBe(false);
  expect(cgroups.isTrusted("/missing")).toBe(false);
  chownSync(join(full, "cgroup.procs"), 1000, 0);
  expect(cgroups.isTrusted("/trusted/orders")).toBe(false);
  chownSync(join(full, "cgroup.procs"), 0, 0);
  chmodSync(join(directory, "trusted"), 0o775);
  expect(cgroups.isTrusted("/trusted/orders")).toBe(false);
  chmodSync(join(directory, "trusted"), 0o755);
  chownSync(join(directory, "trusted"), 1000, 0);
  expect(cgroups.isTrusted("/trusted/orders")).toBe(false);
});

const mount = findCgroupMount();
if (mount === undefined || !isRoot) console.log("cgroup: skipping the real hierarchy (needs root and cgroup v2)");
test.skipIf(mount === undefined || !isRoot)("in the real hierarchy an id leads to its path, and it is trusted", () => {
  const name = `selvedge-test-${process.pid}`;
  mkdirSync(`${mount}/${name}`);
  try {
    const cgroups = new Cgroups(mount!, () => 0);
    expect(cgroups.pathOfId(statSync(`${mount}/${name}`, { bigint: true }).ino)).toBe(`/${name}`);
    expect(cgroups.isTrusted(`/${name}`)).toBe(true);
  } finally {
    rmdirSync(`${mount}/${name}`);
  }
});
