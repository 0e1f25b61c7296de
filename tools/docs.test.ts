import { expect, test } from "bun:test";
import { brokenLinks, missingPaths, unknownCommands } from "./docs.ts";
import { commandsOf, fencesOf, npmScriptsOf } from "./markdown.ts";

const exists = (path: string) => ["README.md", "docs/guide.md", "src/model", "src/model/names.ts"].includes(path);

test("links to files and headings must resolve, other hosts are left alone", () => {
  const documents = new Map([
    ["README.md", "# One\n[a](docs/guide.md) [b](docs/guide.md#two-words) [c](#one) [d](https://example.org/x)"],
    ["docs/guide.md", "## Two words\n[up](../README.md#nowhere)\n[gone](gone.md)\n```\n[not](a-link.md)\n```"],
  ]);
  expect(brokenLinks(documents, exists)).toEqual([
    "docs/guide.md:2  links to #nowhere, which README.md does not have",
    "docs/guide.md:3  links to docs/gone.md, which is not there",
  ]);
});

test("paths in backquotes must exist", () => {
  const text = "`src/model` and `src/model/names.ts`\nbut not `src/lost.ts`, and `a/b` is no path of ours";
  expect(missingPaths("A.md", text, exists)).toEqual(["A.md:2  names src/lost.ts, which is not there"]);
});

test("commands are found in shell fences and spans, up to a foreign command", () => {
  const text =
    "Try `selvedge stat -o json`.\n```sh\n$ bin/selvedge run --workload prod/web -- curl --flag\nls\n```\n```yaml\nselvedge: no\n```";
  expect(commandsOf(text).map(({ words, flags }) => [words, flags])).toEqual([
    [["run"], ["--workload"]],
    [["stat"], ["-o"]],
  ]);
});

test("a command or flag that the CLI does not know is reported", () => {
  const helpOf = (words: readonly string[]) =>
    words.join(" ") === "why" ? "selvedge why ID\n  -o, --output" : undefined;
  const text = "`selvedge why abc -o json` `selvedge why --colour` `selvedge dance`";
  expect(unknownCommands("R.md", commandsOf(text), helpOf)).toEqual([
    "R.md:1  shows --colour, which 'selvedge why' does not have",
    "R.md:1  shows 'selvedge dance', unknown to the CLI",
  ]);
});

test("fences keep their words and their line", () => {
  expect(fencesOf("a\n```yaml check\nb: 1\n```")).toEqual([{ info: "yaml check", line: 2, text: "b: 1" }]);
});

test("npm scripts are found", () => {
  expect(npmScriptsOf("`npm run demo` and\n`npm test`").map((found) => found.text)).toEqual(["demo", "test"]);
});
