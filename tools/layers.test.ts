import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Layer } from "./layer-table.ts";
import { checkLayers, findCycles, readSources, renderGraph } from "./layers.ts";
import { scanSource } from "./scan-source.ts";

const layers: readonly Layer[] = [
  { folder: "src/base", mayImport: [], powers: [], knows: "ground" },
  {
    folder: "src/model",
    mayImport: ["src/base"],
    powers: [],
    nodeModules: ["node:crypto", "node:net isIP"],
    knows: "middle",
  },
  { folder: "src/kernel", mayImport: ["src/base"], powers: ["ffi", "bun"], packages: ["yaml"], knows: "top" },
];

const problemsOf = (files: Record<string, string>) => checkLayers(new Map(Object.entries(files)), layers).problems;

describe("the layer checker", () => {
  test("lets a layer import itself and what is below it", () => {
    const problems = problemsOf({
      "src/base/a.ts": "export const a = 1;",
      "src/model/b.ts": 'import { a } from "../base/a.ts";\nimport { c } from "./c.ts";',
      "src/model/c.ts": 'import { createHash } from "node:crypto";',
    });
    expect(problems).toEqual([]);
  });

  test("names both files of an import that points upward, type-only ones included", () => {
    const problems = problemsOf({
      "src/base/a.ts": 'import type { B } from "../model/b.ts";',
      "src/model/b.ts": "export interface B {}",
    });
    expect(problems).toEqual(["src/base/a.ts:1  src/base may not import src/model (src/base/a.ts -> src/model/b.ts)"]);
  });

  test("sees re-exports, side-effect imports, dynamic imports and import types", () => {
    for (const text of [
      'export * from "../model/b.ts";',
      'import "../model/b.ts";',
      'const b = await import("../model/b.ts");',
      'type B = import("../model/b.ts").B;',
    ]) {
      expect(problemsOf({ "src/base/a.ts": text, "src/model/b.ts": "" })).toHaveLength(1);
    }
  });

  test("refuses an import whose target is computed", () => {
    expect(problemsOf({ "src/base/a.ts": "\nawait import(name);" })).toEqual([
      "src/base/a.ts:2  imports something computed",
    ]);
  });

  test("prints the chain of a cycle, also of one made of types only", () => {
    const problems = problemsOf({
      "src/base/a.ts": 'import type { B } from "./b.ts";',
      "src/base/b.ts": 'import type { C } from "./c.ts";',
      "src/base/c.ts": 'import type { A } from "./a.ts";',
    });
    expect(problems).toEqual([
      "src/base/a.ts:1  imports itself: src/base/a.ts -> src/base/b.ts -> src/base/c.ts -> src/base/a.ts",
    ]);
  });

  test("refuses powers a layer does not have, and grants those it has", () => {
    expect(problemsOf({ "src/base/a.ts": 'import { dlopen } from "bun:ffi";' })).toHaveLength(1);
    expect(problemsOf({ "src/base/a.ts": "Bun.sleep(1);" })).toHaveLength(1);
    expect(problemsOf({ "src/base/a.ts": 'import { readFileSync } from "node:fs";' })).toHaveLength(1);
    expect(problemsOf({ "src/base/a.ts": "export const now = () => Date.now();" })).toHaveLength(1);
    expect(problemsOf({ "src/base/a.ts": "export const now = () => new Date();" })).toHaveLength(1);
    expect(problemsOf({ "src/base/a.ts": "const id = setTimeout(run, 1);" })).toHaveLength(1);
    expect(problemsOf({ "src/kernel/a.ts": 'import { dlopen } from "bun:ffi";\nBun.sleep(1);' })).toEqual([]);
  });

  test("grants single names of a module and nothing else of it", () => {
    expect(problemsOf({ "src/model/a.ts": 'import { isIP as ip } from "node:net";' })).toEqual([]);
    for (const text of [
      'import { isIP, connect } from "node:net";',
      'import * as net from "node:net";',
      'import "node:net";',
    ])
      expect(problemsOf({ "src/model/a.ts": text })).toHaveLength(1);
  });

  test("does not take members, keys and parsed dates for powers", () => {
    const text =
      "export const x = { process: 1 };\nx.process; new Date(5); interface T { performance: number; fetch?: 1 }";
    expect(problemsOf({ "src/base/a.ts": text })).toEqual([]);
  });

  test("grants every power to a test beside the code, but not forbidden layers", () => {
    expect(problemsOf({ "src/base/a.test.ts": 'import { x } from "node:fs";\nBun.sleep(1);' })).toEqual([]);
    expect(
      problemsOf({ "src/base/a.test.ts": 'import { x } from "../model/b.ts";', "src/model/b.ts": "" }),
    ).toHaveLength(1);
  });

  test("refuses packages that the layer does not name, folders nobody declared and files that are not there", () => {
    expect(problemsOf({ "src/kernel/a.ts": 'import { parse } from "yaml";' })).toEqual([]);
    expect(problemsOf({ "src/base/a.ts": 'import { parse } from "yaml";' })).toHaveLength(1);
    expect(problemsOf({ "src/other/a.ts": "" })).toHaveLength(1);
    expect(problemsOf({ "src/base/a.ts": 'import { b } from "./b.ts";' })).toHaveLength(1);
  });

  test("finds each of two cycles that share a file", () => {
    const graph = new Map([
      ["a", ["b", "c"]],
      ["b", ["a"]],
      ["c", ["a"]],
    ]);
    expect(findCycles(graph)).toEqual([
      ["a", "b", "a"],
      ["a", "c", "a"],
    ]);
  });

  test("draws the graph of layers", () => {
    const { graph } = checkLayers(
      new Map([
        ["src/base/a.ts", ""],
        ["src/model/b.ts", 'import "../base/a.ts";'],
      ]),
      layers,
    );
    expect(renderGraph(graph, layers)).toContain("-> src/base (1)");
  });
});

describe("the source scanner", () => {
  test("ignores what stands in comments, strings, templates and regular expressions", () => {
    const text = [
      'Array.from("./no.ts");',
      '// import "./no.ts"',
      "/* Bun.sleep(1) */",
      "const a = 'import \"./no.ts\"; Date.now()';",
      'const b = `import "./no.ts" Bun.x`;',
      'const c = /from "Bun.x"/.test(a);',
      "const d = a / 2; const e = `${b} Bun.y`;",
      'import { f } from "./yes.ts";',
    ].join("\n");
    const scanned = scanSource(text);
    expect(scanned.imports).toEqual([{ specifier: "./yes.ts", names: ["f"], line: 8 }]);
    expect(scanned.globals).toEqual([]);
  });

  test("sees code inside a template's braces", () => {
    expect(scanSource("const a = `${Date.now()} x ${`${Bun.version}`}`;").globals.map((g) => g.name)).toEqual([
      "Bun",
      "Date.now",
    ]);
  });

  test("reads imports that span lines", () => {
    expect(scanSource('import {\n  a,\n  type B,\n} from "./x.ts";').imports).toEqual([
      { specifier: "./x.ts", names: ["a", "B"], line: 4 },
    ]);
  });
});

test("the repository keeps to its layers", () => {
  expect(checkLayers(readSources(join(import.meta.dir, ".."))).problems).toEqual([]);
});
