/**
 * Stands in for the compiling child in tests of the keeper: every source file holds one JSON record per line. A line
 * `error MESSAGE` is a mistake in the configuration, `die` ends the child without an answer.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { listSourceFiles } from "../../src/keeper/reload/source-files.ts";

const { paths, out } = JSON.parse(process.argv[2] ?? "{}") as { paths: string[]; out: string };
const records: string[] = [];
const issues: object[] = [];
for (const file of listSourceFiles(paths).files) {
  const text = readFileSync(file, "utf8");
  for (const [index, line] of text.split("\n").entries()) {
    if (line === "die") throw new Error("died as told");
    if (line.startsWith("error ")) {
      issues.push({ file, line: index + 1, col: 1, severity: "error", code: "SV0000", message: line.slice(6) });
    } else if (line !== "") {
      records.push(line);
    }
  }
}
if (issues.length === 0) {
  const body = [JSON.stringify({ selvedge: 1, made: "fake" }), ...records].map((line) => `${line}\n`).join("");
  const sha256 = new Bun.CryptoHasher("sha256").update(body).digest("hex");
  writeFileSync(out, `${body}${JSON.stringify({ sha256 })}\n`);
}
console.log(JSON.stringify({ ok: issues.length === 0, issues, conditions: [], counts: {} }));
