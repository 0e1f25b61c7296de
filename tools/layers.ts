/**
 * Proves that the code keeps to the layers: forbidden imports, forbidden powers, import cycles (type-only ones too),
 * folders nobody declared. `--graph` prints who imports whom instead.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { LAYERS, type Layer, POWER_OF_GLOBAL, type Power, TEST_FILES_MAY_IMPORT } from "./layer-table.ts";
import { type ScannedSource, scanSource } from "./scan-source.ts";

/** Sources by path from the root, with forward slashes. */
export type Sources = ReadonlyMap<string, string>;

export interface LayerReport {
  /** One line each: `path:line  what is wrong`. Empty when everything holds. */
  readonly problems: readonly string[];
  /** Imported files by importing file. */
  readonly graph: ReadonlyMap<string, readonly string[]>;
}

/** Checks a whole tree of sources against the table. */
export function checkLayers(sources: Sources, layers: readonly Layer[] = LAYERS): LayerReport {
  const problems: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [path, text] of sources) {
    const layer = layerOf(path, layers);
    if (layer === undefined) {
      problems.push(`${path}:1  lies in no declared layer; enter its folder in tools/layer-table.ts`);
      continue;
    }
    const scanned = scanSource(text);
    graph.set(path, checkImports(path, layer, scanned, { sources, layers, problems }));
    checkPowers(path, layer, scanned, problems);
  }
  problems.push(...findCycles(graph).map((chain) => `${chain[0]}:1  imports itself: ${chain.join(" -> ")}`));
  return { problems, graph };
}

function layerOf(path: string, layers: readonly Layer[]): Layer | undefined {
  return layers.find((layer) => path.startsWith(`${layer.folder}/`));
}

const isTest = (path: string) => path.endsWith(".test.ts");

interface Context {
  readonly sources: Sources;
  readonly layers: readonly Layer[];
  readonly problems: string[];
}

/** Reports forbidden imports; returns the files imported. */
function checkImports(path: string, layer: Layer, scanned: ScannedSource, context: Context): string[] {
  const { problems } = context;
  const targets: string[] = [];
  for (const line of scanned.computedImports) problems.push(`${path}:${line}  imports something computed`);
  for (const { specifier, line } of scanned.imports) {
    const at = `${path}:${line}`;
    if (specifier.startsWith(".")) {
      const target = normalize(join(dirname(path), specifier));
      if (context.sources.has(target)) targets.push(target);
      else if (target.endsWith(".ts")) problems.push(`${at}  imports ${target}, which is not there`);
      const problem = forbiddenEdge(path, target, layer, context.layers);
      if (problem !== undefined) problems.push(`${at}  ${problem}`);
    } else if (!/^(node:|bun(:|$))/.test(specifier)) {
      const allowed = [...(layer.packages ?? []), ...(isTest(path) ? TEST_FILES_MAY_IMPORT.packages : [])];
      if (!allowed.some((name) => specifier === name || specifier.startsWith(`${name}/`)))
        problems.push(`${at}  ${layer.folder} may not import the package ${specifier}`);
    }
  }
  return targets;
}

function forbiddenEdge(path: string, target: string, layer: Layer, layers: readonly Layer[]): string | undefined {
  if (!path.endsWith(".test.ts") && target.endsWith(".test.ts")) return `imports the test ${target}`;
  const to = layerOf(target, layers);
  if (to === undefined || to === layer || layer.mayImport.includes(to.folder)) return undefined;
  if (isTest(path) && TEST_FILES_MAY_IMPORT.folders.some((folder) => target.startsWith(`${folder}/`))) return undefined;
  return `${layer.folder} may not import ${to.folder} (${path} -> ${target})`;
}

function powerOfImport(specifier: string): Power | undefined {
  if (specifier === "bun:test") return undefined;
  if (specifier === "bun:ffi") return "ffi";
  if (specifier === "bun" || specifier.startsWith("bun:")) return "bun";
  return specifier.startsWith("node:") ? "node" : undefined;
}

function isAllowedModule(layer: Layer, specifier: string, names: readonly string[]): boolean {
  return (layer.nodeModules ?? []).some((entry) => {
    const [allowed, ...allowedNames] = entry.split(" ");
    if (allowed !== specifier) return false;
    return allowedNames.length === 0 || (names.length > 0 && names.every((name) => allowedNames.includes(name)));
  });
}

function checkPowers(path: string, layer: Layer, scanned: ScannedSource, problems: string[]): void {
  if (isTest(path)) return;
  for (const { specifier, names, line } of scanned.imports) {
    const power = specifier.startsWith(".") ? undefined : powerOfImport(specifier);
    if (power === undefined || layer.powers.includes(power)) continue;
    if (power === "node" && isAllowedModule(layer, specifier, names)) continue;
    problems.push(`${path}:${line}  ${layer.folder} may not use ${specifier} (power ${power})`);
  }
  for (const { name, line } of scanned.globals) {
    const power = POWER_OF_GLOBAL.get(name);
    if (power !== undefined && !layer.powers.includes(power))
      problems.push(`${path}:${line}  ${layer.folder} may not use the global ${name} (power ${power}); hand it in`);
  }
}

/** Every import cycle once, as a chain that ends where it starts. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const state = new Map<string, "open" | "done">();
  const trail: string[] = [];
  const visit = (file: string) => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      cycles.push([...trail.slice(trail.indexOf(file)), file]);
      return;
    }
    state.set(file, "open");
    trail.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    trail.pop();
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}

/** Reads every TypeScript source of the layers under `root`, and of folders of src/ that no layer declares. */
export function readSources(root: string, layers: readonly Layer[] = LAYERS): Sources {
  const sources = new Map<string, string>();
  const folders = new Set(["src", ...layers.map((layer) => layer.folder.split("/")[0] as string)]);
  for (const folder of [...folders].filter((name) => existsSync(join(root, name)))) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
      const absolute = join(entry.parentPath, entry.name);
      sources.set(absolute.slice(join(root, "/").length), readFileSync(absolute, "utf8"));
    }
  }
  return sources;
}

/** Who imports whom, by layer, with the number of imports. */
export function renderGraph(graph: LayerReport["graph"], layers: readonly Layer[] = LAYERS): string {
  const lines: string[] = [];
  for (const layer of layers) {
    const counts = new Map<string, number>();
    for (const [from, targets] of graph) {
      if (layerOf(from, layers) !== layer || isTest(from)) continue;
      for (const target of targets) {
        const to = layerOf(target, layers)?.folder;
        if (to !== undefined && to !== layer.folder) counts.set(to, (counts.get(to) ?? 0) + 1);
      }
    }
    const edges = [...counts].map(([to, count]) => `${to} (${count})`).join(", ");
    lines.push(`${layer.folder.padEnd(14)} ${layer.knows}`, `${" ".repeat(14)} -> ${edges === "" ? "nothing" : edges}`);
  }
  return lines.join("\n");
}

if (import.meta.main) {
  const report = checkLayers(readSources(join(import.meta.dir, "..")));
  if (process.argv.includes("--graph")) console.log(renderGraph(report.graph));
  for (const problem of report.problems) console.error(problem);
  process.exit(report.problems.length === 0 ? 0 : 1);
}
