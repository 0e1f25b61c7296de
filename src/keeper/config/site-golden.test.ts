import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { formatIssue } from "../../model/issue.ts";
import { loadForNodes } from "./load-for-nodes.ts";

const folder = join(import.meta.dir, "../../../test/golden/site");
const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

/** Whole sites, as `check` answers them on a machine that belongs to none. */
function issuesOf(name: string): string {
  const { issues } = loadForNodes([join(folder, name)], {
    node: undefined,
    hostname: "laptop",
    resolveUser: () => undefined,
  });
  return issues.map((issue) => `${formatIssue({ ...issue, file: relative(folder, issue.file) })}\n`).join("");
}

for (const name of names) {
  // UPDATE=1 writes what is printed now; look at the difference before keeping it.
  test(`${name} is answered with exactly the expected issues`, () => {
    const path = join(folder, name.replace(/\.yaml$/, ".expected"));
    if (process.env["UPDATE"] === "1") writeFileSync(path, issuesOf(name));
    expect(issuesOf(name)).toBe(readFileSync(path, "utf8"));
  });
}

test("files called valid have no issue, all others have", () => {
  for (const name of names) expect([name, issuesOf(name) === ""]).toEqual([name, name.startsWith("valid-")]);
});
