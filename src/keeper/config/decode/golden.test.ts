import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DECODE_CODES } from "../../../model/error-codes.ts";
import { formatIssue } from "../../../model/issue.ts";
import { decodeFiles } from "./decode-files.ts";

const folder = join(import.meta.dir, "../../../../test/golden/config");
const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

/** Codes that are about files and amounts, with tests of their own in `read-sources.test.ts`, `decode-files.test.ts` and `../load.test.ts`. */
const COVERED_ELSEWHERE = ["SV0101", "SV0102", "SV0103", "SV0104", "SV0111", "SV0113", "SV0114", "SV0115", "SV0212"];

function issuesOf(name: string): string {
  const { issues } = decodeFiles([{ path: name, text: readFileSync(join(folder, name), "utf8") }]);
  return issues.map((issue) => `${formatIssue(issue)}\n`).join("");
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

test("at least 60 broken files cover every code of decoding", () => {
  const broken = names.filter((name) => !name.startsWith("valid-"));
  expect(broken.length).toBeGreaterThanOrEqual(60);
  const text = broken.map(issuesOf).join("");
  const missing = Object.keys(DECODE_CODES).filter((code) => !text.includes(`  ${code}  `));
  expect(missing).toEqual(COVERED_ELSEWHERE);
});
