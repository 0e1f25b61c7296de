import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSources } from "./load.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-load-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const env = { node: "here", hostname: "here", resolveUser: () => undefined };
const codes = (mayBeEmpty: boolean): string[] =>
  loadSources([folder], env, mayBeEmpty).issues.map(({ severity, code }) => `${severity} ${code}`);

test("a file that was emptied is an error, and so is one of comments only", () => {
  for (const text of ["", "# later\n", "---\n---\n"]) {
    writeFileSync(join(folder, "mesh.yaml"), text);
    for (const mayBeEmpty of [false, true]) expect([text, codes(mayBeEmpty)]).toEqual([text, ["error SV0115"]]);
  }
});

test("a folder without any file is an error, except before the first documents were applied", () => {
  expect(codes(false)).toEqual(["warning SV0114", "error SV0115"]);
  expect(codes(true)).toEqual(["warning SV0114"]);
});

test("one document is enough", () => {
  writeFileSync(join(folder, "mesh.yaml"), "mesh: store\n");
  writeFileSync(join(folder, "other.yaml"), "");
  expect(codes(false)).toEqual([]);
});
