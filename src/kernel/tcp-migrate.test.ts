import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enableTcpMigrateReq } from "./tcp-migrate.ts";

const directory = mkdtempSync(join(tmpdir(), "selvedge-sysctl-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("the switch is set where it is off, left where it is on, and missing where the kernel has none", () => {
  const path = join(directory, "tcp_migrate_req");
  expect(enableTcpMigrateReq(path)).toBe("absent");
  writeFileSync(path, "0\n");
  expect(enableTcpMigrateReq(path)).toBe("set");
  expect(readFileSync(path, "latin1")).toBe("1\n");
  expect(enableTcpMigrateReq(path)).toBe("already");
});

test("a switch that does not move is denied", () => {
  // Takes every write and stays what it is, as a namespace without the right does.
  expect(enableTcpMigrateReq("/dev/null")).toBe("denied");
  const path = join(directory, "directory");
  mkdirSync(path);
  expect(enableTcpMigrateReq(path)).toBe("absent");
});
