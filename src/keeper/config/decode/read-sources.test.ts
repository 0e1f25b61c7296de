import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FILE_BYTES_MAX, FOLDER_DEPTH_MAX } from "./limits.ts";
import { readSources } from "./read-sources.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-sources-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, content: string | Uint8Array = "a: 1\n"): string {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** Paths relative to the folder, and `code path message` of the issues. */
function read(...paths: string[]): { files: string[]; issues: string[] } {
  const { files, issues } = readSources(paths.length === 0 ? [folder] : paths);
  return {
    files: files.map(({ path }) => path.slice(folder.length + 1)),
    issues: issues.map(({ code, file, message }) => `${code} ${file.slice(folder.length + 1)} ${message}`),
  };
}

test("a folder is read with all below it, sorted, and only files of configuration", () => {
  for (const name of [
    "b.yaml",
    "a.yml",
    "c/d.json",
    "c/a.yaml",
    "notes.txt",
    "old.yaml.bak",
    ".hidden.yaml",
    ".git/x.yaml",
  ])
    write(name);
  expect(read()).toEqual({ files: ["a.yml", "b.yaml", "c/a.yaml", "c/d.json"], issues: [] });
});

test("a file that is named itself may have any name", () => {
  expect(read(write("mesh.conf")).files).toEqual(["mesh.conf"]);
});

test("a file is read once, however many paths lead to it", () => {
  const path = write("a.yaml");
  symlinkSync(path, join(folder, "b.yaml"));
  expect(read(folder, path, folder).files).toEqual(["a.yaml"]);
});

test("a path that does not exist is an error, and so is a link to nowhere", () => {
  symlinkSync(join(folder, "gone"), join(folder, "link.yaml"));
  write("a.yaml");
  expect(read(folder, join(folder, "missing.yaml"))).toEqual({
    files: ["a.yaml"],
    issues: [
      "SV0101 link.yaml cannot be read: no such file or folder",
      "SV0101 missing.yaml cannot be read: no such file or folder",
    ],
  });
});

test("links that lead back are errors, and end", () => {
  mkdirSync(join(folder, "a"));
  symlinkSync(folder, join(folder, "a", "up"));
  symlinkSync("self.yaml", join(folder, "self.yaml"));
  write("a/x.yaml");
  expect(read()).toEqual({
    files: ["a/x.yaml"],
    issues: [
      "SV0113 a/up leads back into a folder that it is in",
      "SV0113 self.yaml is a link that leads back to itself",
    ],
  });
});

test("folders below folders end somewhere", () => {
  write(`${"d/".repeat(FOLDER_DEPTH_MAX)}deep.yaml`);
  write("a.yaml");
  const { files, issues } = read();
  expect(files).toEqual(["a.yaml"]);
  expect(issues).toEqual([
    `SV0110 ${"d/".repeat(FOLDER_DEPTH_MAX).slice(0, -1)} more than ${FOLDER_DEPTH_MAX} folders deep`,
  ]);
});

test("a pipe called like configuration is an error and does not block", () => {
  Bun.spawnSync(["mkfifo", join(folder, "pipe.yaml")]);
  expect(read().issues).toEqual(["SV0113 pipe.yaml is neither a regular file nor a folder"]);
});

test("a source without any document is a warning", () => {
  mkdirSync(join(folder, "empty"));
  expect(read(join(folder, "empty")).issues).toEqual(["SV0114 empty holds no *.yaml, *.yml or *.json"]);
});

test("what is not UTF-8 text is an error", () => {
  write("latin1.yaml", Uint8Array.of(0x61, 0x3a, 0x20, 0xe4, 0x0a));
  write("nul.yaml", "a: \0\n");
  expect(read().issues).toEqual(["SV0104 latin1.yaml is not UTF-8 text", "SV0104 nul.yaml is not UTF-8 text"]);
});

test("a byte order mark is no part of the text", () => {
  write("bom.yaml", "\uFEFFmesh: a\n");
  expect(readSources([folder]).files[0]!.text).toBe("mesh: a\n");
});

test("a file beyond its bound is an error, and so are files that are too much together", () => {
  truncateSync(write("a.yaml"), FILE_BYTES_MAX + 1);
  for (const name of ["b.yaml", "c.yaml", "d.yaml"]) truncateSync(write(name), FILE_BYTES_MAX - 100);
  expect(read().issues.map((issue) => issue.slice(0, 13))).toEqual(["SV0102 a.yaml", "SV0104 b.yaml", "SV0103 c.yaml"]);
});
