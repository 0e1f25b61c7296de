import { ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cString } from "./c-string.ts";
import { memoryCalls } from "./libc.ts";
import { createRegion, openRegion, openRegionOf, REGION_BYTES_MAX, RegionError } from "./shared-memory.ts";

test("what one mapping writes the other one reads", () => {
  const region = createRegion("test", 8192);
  const other = openRegionOf(process.pid, region.fd, 8192);
  region.bytes[8191] = 7;
  expect(other.bytes[8191]).toBe(7);
  region.close();
  other.bytes[0] = 9;
  expect(region.bytes[0]).toBe(9);
  other.close();
  other.close();
});

test("nobody can change its size, so no reader can be made to fault", () => {
  const region = createRegion("test", 4096);
  expect(() => ftruncateSync(region.fd, 0)).toThrow();
  expect(() => truncateSync(`/proc/self/fd/${region.fd}`, 8192)).toThrow();
  region.close();
});

test("a region of another size is refused", () => {
  const region = createRegion("test", 4096);
  expect(() => openRegionOf(process.pid, region.fd, 8192)).toThrow(RegionError);
  region.close();
});

test("memory that is not sealed and files that are none are refused, and their descriptors closed", () => {
  const unsealed = memoryCalls().memfd_create(ptr(cString("unsealed")), 3);
  ftruncateSync(unsealed, 4096);
  expect(() => openRegion(unsealed, 4096)).toThrow("not sealed");
  expect(() => closeSync(unsealed)).toThrow();

  const directory = mkdtempSync(join(tmpdir(), "selvedge-region-"));
  const path = join(directory, "file");
  writeFileSync(path, new Uint8Array(4096));
  const file = openSync(path, "r+");
  expect(() => openRegion(file, 4096)).toThrow("not sealed");
  rmSync(directory, { recursive: true });
  expect(() => openRegionOf(process.pid, 9999, 4096)).toThrow();
});

test("sizes out of bounds are refused", () => {
  for (const bytes of [0, -1, 1.5, Number.NaN, REGION_BYTES_MAX + 1]) {
    expect(() => createRegion("test", bytes)).toThrow(RegionError);
  }
});

test("memory that nobody refers to is unmapped", async () => {
  const mapped = () => readFileSync("/proc/self/maps", "utf8").split("memfd:unused-region").length - 1;
  const use = () => {
    const region = createRegion("unused-region", 65536);
    region.bytes[0] = 1;
    region.close();
  };
  for (let round = 0; round < 50; round++) use();
  const deadlineMs = Date.now() + 5000;
  while (mapped() > 5 && Date.now() < deadlineMs) {
    Bun.gc(true);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(mapped()).toBeLessThanOrEqual(5);
});
