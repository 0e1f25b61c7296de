import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REGION_BYTES } from "./layout.ts";
import { StatsReader } from "./stats-reader.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function sharedFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-stats-"));
  folders.push(folder);
  const path = join(folder, "region");
  writeFileSync(path, "");
  truncateSync(path, REGION_BYTES);
  return path;
}

test("a reader beside a writer at full speed never shows half a record, and keeps the counts when the writer is killed", async () => {
  const path = sharedFile();
  const fixture = new URL("../../test/support/stats-writer-process.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, fixture, path], { stdout: "pipe", stderr: "inherit" });
  try {
    await child.stdout.getReader().read();
    const reader = new StatsReader(Bun.mmap(path, { shared: true }));
    let seen = 0;
    let last = 0;
    while (seen < 20_000) {
      reader.refresh();
      for (const { timeMs, durationUs, bytesSent, rule, path: text } of reader.records.read()) {
        expect([durationUs, bytesSent, rule, text]).toEqual([timeMs, timeMs, timeMs, `/${String(timeMs).repeat(20)}`]);
        expect(timeMs).toBeGreaterThan(last);
        last = timeMs;
        seen++;
      }
    }
    expect(reader.corrupt).toBe(0);
    child.kill("SIGKILL");
    await child.exited;
    reader.refresh();
    // Records lag behind the counts by the one request that the kill may have cut off.
    const written = reader.records.read().at(-1)?.timeMs ?? last;
    const counted = reader.series.reduce((sum, series) => sum + reader.seriesCount(series), 0);
    expect([written, written + 1]).toContain(counted);
    reader.close();
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}, 20_000);
