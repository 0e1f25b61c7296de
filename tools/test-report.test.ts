import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countLine, countRun, sumCounts, type TestCounts } from "./test-report.ts";

/** Runs the real `bun test` over the given files and counts it. */
async function runFiles(files: Record<string, string>): Promise<TestCounts> {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-count-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const junit = join(folder, "junit.xml");
    const child = Bun.spawn([process.execPath, "test", "--reporter=junit", `--reporter-outfile=${junit}`], {
      cwd: folder,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    await child.exited;
    const file = Bun.file(junit);
    return countRun({
      junit: (await file.exists()) ? await file.text() : undefined,
      output: out + err,
      exitCode: child.signalCode === null ? child.exitCode : null,
      fileCount: Object.keys(files).filter((name) => name.endsWith(".test.ts")).length,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const header = 'import { describe, expect, test } from "bun:test";\n';

describe("counting real runs of bun test", () => {
  test("counts passed, failed, timed out and skipped tests, and names the skipped ones", async () => {
    const counts = await runFiles({
      "a.test.ts": `${header}describe("group", () => {
        test("passes", () => expect(1).toBe(1));
        test("fails <here>", () => expect(1).toBe(2));
        test("hangs", () => new Promise(() => {}), 50);
        test.skip("balances [needs haproxy & root]", () => {});
      });`,
    });
    expect(countLine(counts)).toBe("1 passed, 2 failed, 1 skipped");
    expect(counts.skipped).toEqual(["a.test.ts: balances [needs haproxy & root]"]);
    expect(counts.troubles).toEqual([]);
  });

  test("counts a file that does not load, although it is missing from the JUnit file", async () => {
    const counts = await runFiles({
      "a.test.ts": `${header}test("passes", () => expect(1).toBe(1));`,
      "b.test.ts": `${header}import "./missing.ts";\ntest("never runs", () => {});`,
    });
    expect(countLine(counts)).toBe("1 passed, 1 failed, 0 skipped");
  });

  test("counts a run that a signal ended", async () => {
    const counts = await runFiles({
      "a.test.ts": `${header}test("dies", () => { process.kill(process.pid, "SIGKILL"); });`,
    });
    expect(counts.failed).toBe(1);
    expect(counts.troubles).toEqual(["the run was killed or crashed"]);
  });

  test("counts a program that leaves by itself in the middle", async () => {
    const counts = await runFiles({
      "a.test.ts": `${header}test("leaves", () => { process.exit(0); });`,
      "b.test.ts": `${header}test("never runs", () => {});`,
    });
    expect(counts.failed).toBeGreaterThan(0);
  });
});

test("sums keep every name and trouble", () => {
  const one: TestCounts = { passed: 1, failed: 1, skipped: ["a"], troubles: ["x"] };
  expect(sumCounts([one, one])).toEqual({ passed: 2, failed: 2, skipped: ["a", "a"], troubles: ["x", "x"] });
});
