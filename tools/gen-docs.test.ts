import { expect, test } from "bun:test";
import { join } from "node:path";
import { ERROR_TABLE } from "../src/model/error-table.ts";
import { generatedDocs } from "./gen-docs.ts";

const root = join(import.meta.dir, "..");

for (const [path, text] of generatedDocs()) {
  test(`${path} is what the declarations say`, async () => {
    // To write it anew: sh scripts/with-bun.sh tools/gen-docs.ts
    expect((await Bun.file(join(root, path)).text()) === text).toBe(true);
  });
}

test("no code stands in two tables", () => {
  const codes = ERROR_TABLE.flatMap((group) => Object.keys(group.codes));
  expect(codes.length).toBe(new Set(codes).size);
  expect(codes.every((code) => /^SV[0-9]{4}$/.test(code))).toBe(true);
});

test("every code that the source writes is in the table", async () => {
  const known = new Set(ERROR_TABLE.flatMap((group) => Object.keys(group.codes)));
  const unknown: string[] = [];
  for await (const path of new Bun.Glob("src/**/*.ts").scan(root)) {
    if (path.endsWith(".test.ts")) continue;
    for (const [code] of (await Bun.file(join(root, path)).text()).matchAll(/\bSV[0-9]{4}\b/g)) {
      if (!known.has(code)) unknown.push(`${path}: ${code}`);
    }
  }
  expect(unknown).toEqual([]);
});
