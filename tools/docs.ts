/**
 * Proves what the documents claim: links and anchors resolve, paths named in ARCHITECTURE.md exist, commands and flags
 * shown to readers exist in the CLI, npm scripts exist, samples marked `yaml check` pass `selvedge check`.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { anchorsOf, commandsOf, fencesOf, linksOf, npmScriptsOf, pathsOf, type ShownCommand } from "./markdown.ts";

const root = join(import.meta.dir, "..");

/** Documents by path from the root. */
export type Documents = ReadonlyMap<string, string>;

/** Links to files that are not there, and to headings that are not in them. Links to other hosts are not followed. */
export function brokenLinks(documents: Documents, exists: (path: string) => boolean): string[] {
  const problems: string[] = [];
  for (const [path, text] of documents) {
    for (const link of linksOf(text)) {
      if (/^[a-z]+:/.test(link.text)) continue;
      const [file = "", anchor] = link.text.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file));
      if (!exists(target)) problems.push(`${path}:${link.line}  links to ${target}, which is not there`);
      const targetText = documents.get(target);
      if (anchor !== undefined && targetText !== undefined && !anchorsOf(targetText).has(anchor))
        problems.push(`${path}:${link.line}  links to #${anchor}, which ${target} does not have`);
    }
  }
  return problems;
}

/** Paths in backquotes that do not exist. */
export function missingPaths(path: string, text: string, exists: (path: string) => boolean): string[] {
  return pathsOf(text)
    .filter((found) => !exists(found.text))
    .map((found) => `${path}:${found.line}  names ${found.text}, which is not there`);
}

/** The help text of a command of the CLI, or `undefined` where there is no such command. */
export type HelpOf = (words: readonly string[]) => string | undefined;

/** Commands or flags shown to readers that the CLI does not have. */
export function unknownCommands(path: string, commands: readonly ShownCommand[], helpOf: HelpOf): string[] {
  return commands.flatMap((command) => {
    // An argument may look like a command word; the longest beginning that the CLI knows is the command.
    const lengths = command.words.map((_, index) => command.words.length - index);
    const help = lengths.map((length) => helpOf(command.words.slice(0, length))).find((text) => text !== undefined);
    const at = `${path}:${command.line}`;
    if (help === undefined)
      return command.words.length === 0
        ? []
        : [`${at}  shows 'selvedge ${command.words.join(" ")}', unknown to the CLI`];
    return command.flags
      .filter((flag) => !new RegExp(`(^|[\\s,])${flag}(?![\\w-])`).test(help))
      .map((flag) => `${at}  shows ${flag}, which 'selvedge ${command.words.join(" ")}' does not have`);
  });
}

function readDocuments(): Documents {
  const names = [
    ...readdirSync(root).filter((name) => name.endsWith(".md")),
    ...["docs", "bench", "examples"].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".md"))
        .map((name) => join(folder, name)),
    ),
  ];
  return new Map(names.map((name) => [name, readFileSync(join(root, name), "utf8")]));
}

function runCli(args: readonly string[]): { readonly code: number; readonly output: string } {
  const child = Bun.spawnSync([process.execPath, join(root, "src/cli/main.ts"), ...args], {
    stdin: "ignore",
    timeout: 20_000,
  });
  return { code: child.exitCode, output: `${child.stdout}${child.stderr}` };
}

function cachedHelp(): HelpOf {
  const cache = new Map<string, string | undefined>();
  const namesIn = (help: string) => new Set([...help.matchAll(/^ {2}([a-z]+)(?=[ |[<]|$)/gm)].map((match) => match[1]));
  const helpOf: HelpOf = (words) => {
    const key = words.join(" ");
    if (cache.has(key)) return cache.get(key);
    const parent = words.length === 0 ? undefined : helpOf(words.slice(0, -1));
    const isKnown = words.length === 0 || (parent !== undefined && namesIn(parent).has(words.at(-1)));
    const help = isKnown ? runCli([...words, "--help"]).output : undefined;
    cache.set(key, help);
    return help;
  };
  return helpOf;
}

function failingSamples(documents: Documents): string[] {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-docs-"));
  try {
    const file = join(folder, "mesh.yaml");
    return [...documents].flatMap(([path, text]) =>
      fencesOf(text)
        .filter((fence) => fence.info === "yaml check")
        .flatMap((fence) => {
          writeFileSync(file, fence.text);
          const { code, output } = runCli(["check", "-f", file]);
          return code === 0 ? [] : [`${path}:${fence.line}  the sample is refused:\n${output.trimEnd()}`];
        }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function main(): number {
  const documents = readDocuments();
  const exists = (path: string) => existsSync(join(root, path));
  const scripts = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> })
    .scripts;
  const problems = [
    ...brokenLinks(documents, exists),
    ...missingPaths("ARCHITECTURE.md", documents.get("ARCHITECTURE.md") ?? "", exists),
    ...[...documents].flatMap(([path, text]) =>
      npmScriptsOf(text)
        .filter((found) => scripts[found.text] === undefined)
        .map((found) => `${path}:${found.line}  shows the npm script ${found.text}, which is not there`),
    ),
  ];
  const helpOf = cachedHelp();
  for (const [path, text] of documents) problems.push(...unknownCommands(path, commandsOf(text), helpOf));
  problems.push(...failingSamples(documents));
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exit(main());
