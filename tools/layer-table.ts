/**
 * The layers of the repository as data: who may import whom, and who may touch what of the world.
 * `tools/layers.ts` proves that the code keeps to it. A new folder must be entered here first.
 */

/** Kinds of contact with the world outside the program, each found by the imports or globals it needs. */
export type Power =
  /** `bun`, `bun:*` other than FFI and the test runner, the global `Bun`. */
  | "bun"
  /** `bun:ffi`. */
  | "ffi"
  /** Any `node:` module. */
  | "node"
  /** The clock, timers, randomness, `process`, `console`, network globals: whatever makes a function impure. */
  | "ambient";

export interface Layer {
  /** Folder from the root of the repository. */
  readonly folder: string;
  /** Folders that may be imported, besides the folder itself. */
  readonly mayImport: readonly string[];
  readonly powers: readonly Power[];
  /** `node:` modules allowed without the power `node`: whole, or only some names of one (`node:net isIP`). */
  readonly nodeModules?: readonly string[];
  /** npm packages that may be imported. */
  readonly packages?: readonly string[];
  /** What it knows, in a few words; printed by `--graph`. */
  readonly knows: string;
}

const pure = { powers: [] } as const;

export const LAYERS: readonly Layer[] = [
  { folder: "src/base", mayImport: [], ...pure, knows: "bounded collections, sizes, durations" },
  { folder: "src/model", mayImport: ["src/base"], ...pure, knows: "nouns and decisions" },
  { folder: "src/wire", mayImport: ["src/base", "src/model"], ...pure, knows: "codecs: bytes in, meaning out" },
  {
    folder: "src/telemetry",
    mayImport: ["src/base", "src/model", "src/wire"],
    ...pure,
    knows: "metrics, histograms, records in shared memory",
  },
  {
    folder: "src/identity",
    mayImport: ["src/base", "src/model", "src/wire", "src/telemetry"],
    powers: [],
    // The second is for `node-crypto.ts`, which takes the first when it is needed.
    nodeModules: ["node:crypto", "node:process getBuiltinModule"],
    packages: ["@peculiar/x509", "reflect-metadata"],
    knows: "keys, certificates, verification",
  },
  {
    folder: "src/kernel",
    mayImport: ["src/base", "src/model"],
    powers: ["bun", "ffi", "node", "ambient"],
    knows: "what only the operating system can tell or do",
  },
  {
    folder: "src/proxy",
    mayImport: ["src/base", "src/model", "src/wire", "src/telemetry", "src/identity", "src/kernel"],
    powers: ["bun", "ambient"],
    // Neither sockets nor files by way of Node, and nothing that weighs: only a question about this machine.
    nodeModules: ["node:os networkInterfaces"],
    knows: "application traffic",
  },
  {
    folder: "src/keeper",
    mayImport: ["src/base", "src/model", "src/wire", "src/telemetry", "src/identity", "src/kernel"],
    powers: ["bun", "node", "ambient"],
    packages: ["yaml"],
    knows: "configuration, state, supervision",
  },
  {
    folder: "src/admin",
    mayImport: ["src/base", "src/model", "src/wire", "src/telemetry", "src/identity", "src/kernel", "src/keeper"],
    powers: ["bun", "node", "ambient"],
    knows: "answers for operators",
  },
  {
    folder: "src/cli",
    mayImport: [
      "src/base",
      "src/model",
      "src/wire",
      "src/telemetry",
      "src/identity",
      "src/kernel",
      "src/keeper",
      "src/admin",
    ],
    powers: ["bun", "node", "ambient"],
    packages: ["commander", "picocolors"],
    knows: "arguments to calls",
  },
  {
    folder: "tools",
    mayImport: ["src/model", "src/telemetry", "src/keeper", "src/cli"],
    powers: ["bun", "node", "ambient"],
    knows: "checks of this repository",
  },
  {
    folder: "bench/micro",
    mayImport: ["src/base", "src/model", "src/wire", "src/telemetry", "src/kernel", "src/proxy", "test"],
    powers: ["bun", "node", "ambient"],
    knows: "the cost of single functions",
  },
  {
    folder: "bench",
    mayImport: ["tools", "test", "src/wire", "src/base"],
    powers: ["bun", "node", "ambient"],
    knows: "measurements from outside",
  },
  {
    folder: "examples",
    mayImport: ["src/kernel"],
    powers: ["bun", "node", "ambient"],
    knows: "a user's point of view, and whom workers run as",
  },
  {
    folder: "test",
    mayImport: [
      "src/base",
      "src/model",
      "src/wire",
      "src/telemetry",
      "src/identity",
      "src/kernel",
      "src/proxy",
      "src/keeper",
      "src/admin",
      "src/cli",
      "tools",
      "bench",
      "examples",
    ],
    powers: ["bun", "ffi", "node", "ambient"],
    packages: ["fast-check", "ws", "yaml", "@grpc/grpc-js"],
    knows: "tests of more than one layer",
  },
];

/** Besides its layer's own rules, a `*.test.ts` beside the code may import these, and has every power. */
export const TEST_FILES_MAY_IMPORT = { folders: ["test/support"], packages: ["fast-check", "ws"] } as const;

/** Globals that give a power; everything else of the language is free to use. */
export const POWER_OF_GLOBAL: ReadonlyMap<string, Power> = new Map<string, Power>([
  ["Bun", "bun"],
  ["process", "ambient"],
  ["console", "ambient"],
  ["performance", "ambient"],
  ["crypto", "ambient"],
  ["fetch", "ambient"],
  ["WebSocket", "ambient"],
  ["Worker", "ambient"],
  ["setTimeout", "ambient"],
  ["setInterval", "ambient"],
  ["setImmediate", "ambient"],
  ["queueMicrotask", "ambient"],
  ["Date.now", "ambient"],
  ["new Date()", "ambient"],
  ["Math.random", "ambient"],
]);
