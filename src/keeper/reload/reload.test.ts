import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "./compile-child.ts";
import { digestSources, listSourceFiles } from "./source-files.ts";
import { SOURCE_QUIET_MS, SourceWatch } from "./source-watch.ts";

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "selvedge-reload-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const path = join(base, name);
  writeFileSync(path, text);
  return path;
};

describe("listSourceFiles", () => {
  test("finds YAML and JSON in folders, in order, and takes a named file as it is", () => {
    mkdirSync(join(base, "sub"));
    for (const name of ["b.yaml", "a.yml", "sub/c.json", "note.txt"]) write(name, "");
    const { files, folders } = listSourceFiles([base, join(base, "note.txt"), join(base, "gone.yaml")]);
    expect(files.map((file) => file.slice(base.length + 1))).toEqual([
      "a.yml",
      "b.yaml",
      "sub/c.json",
      "note.txt",
      "gone.yaml",
    ]);
    expect(folders).toEqual([base, join(base, "sub")]);
  });

  test("ends where links make a loop", () => {
    mkdirSync(join(base, "sub"));
    write("sub/a.yaml", "");
    symlinkSync(base, join(base, "sub", "up"));
    expect(listSourceFiles([base]).files.length).toBeLessThan(20);
  });
});

describe("digestSources", () => {
  test("changes with content, names, the salt, and with a file that comes or goes", () => {
    const path = write("a.yaml", "one");
    const seen = new Set([digestSources([base], ""), digestSources([base], "salt")]);
    write("a.yaml", "two");
    seen.add(digestSources([base], ""));
    renameSync(path, join(base, "b.yaml"));
    seen.add(digestSources([base], ""));
    rmSync(join(base, "b.yaml"));
    seen.add(digestSources([base], ""));
    expect(seen.size).toBe(5);
    expect(digestSources([base], "")).toBe(digestSources([base], ""));
  });
});

describe("SourceWatch", () => {
  test("tells once when several changes have come to rest, also when a file is replaced", async () => {
    const path = write("a.yaml", "one");
    let calls = 0;
    const { promise, resolve } = Promise.withResolvers<number>();
    const watch = new SourceWatch(
      [path],
      () => {
        calls++;
        resolve(performance.now());
      },
      () => {},
    );
    try {
      const startedAtMs = performance.now();
      write("aside", "two");
      renameSync(join(base, "aside"), path);
      write("a.yaml", "three");
      expect((await promise) - startedAtMs).toBeGreaterThanOrEqual(SOURCE_QUIET_MS - 5);
      expect(calls).toBe(1);
    } finally {
      watch.close();
    }
  });

  test("says what it cannot watch", () => {
    const trouble: string[] = [];
    const watch = new SourceWatch(
      ["/nonexistent/folder/mesh.yaml"],
      () => {},
      (reason) => trouble.push(reason),
    );
    watch.close();
    expect(trouble).toHaveLength(1);
  });
});

describe("compile", () => {
  const request = { paths: [], node: undefined, out: "/nonexistent" };
  const child = (code: string) => compile({ bun: process.execPath, program: write("child.ts", code) }, request);

  test("hands on what the child found", async () => {
    const issue = { file: "a", line: 1, col: 1, severity: "error", code: "SV0001", message: "m" };
    expect(
      await child(`console.log(${JSON.stringify(JSON.stringify({ ok: false, issues: [issue], conditions: [1] }))})`),
    ).toEqual({
      kind: "compiled",
      ok: false,
      issues: [issue as never],
      conditions: [1],
    });
  });

  test("calls a child that says nothing sensible a failure, with its complaint", async () => {
    expect(await child("console.error('no room\\nmore'); process.exit(1)")).toEqual({
      kind: "failed",
      reason: "no room",
      wasKilled: false,
    });
    expect(await child("console.log('{}')")).toMatchObject({ kind: "failed" });
    expect(await child("process.kill(process.pid, 'SIGKILL')")).toMatchObject({ kind: "failed", wasKilled: false });
  });

  test("ends a child that says too much", async () => {
    const outcome = await child("const b = Buffer.alloc(1 << 20, 97); for (;;) require('fs').writeSync(1, b)");
    expect(outcome).toEqual({ kind: "failed", reason: "compiling said too much", wasKilled: true });
  });
});
