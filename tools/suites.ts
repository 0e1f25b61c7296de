/** The test suites, in the order `npm test` runs them. */
export interface Suite {
  readonly name: string;
  /** Folders from the root whose `*.test.ts` belong to it. */
  readonly folders: readonly string[];
  /** Per test, unless the test says otherwise. */
  readonly testTimeoutMs: number;
  /** For the whole suite; one that takes longer is killed and counts as failed. */
  readonly suiteTimeoutMs: number;
  /** One process per test file: a file that loads a machine or leaks must not touch the next. */
  readonly isFilePerProcess: boolean;
  /**
   * Of a suite with a process per file, the files that nothing may run beside: what they measure, or count on the whole machine,
   * would be the neighbour's too. Ends of paths.
   */
  readonly alone: readonly string[];
}

export const SUITES: readonly Suite[] = [
  {
    name: "unit",
    folders: ["src", "tools", "bench", "examples", "test/support"],
    testTimeoutMs: 30_000,
    suiteTimeoutMs: 600_000,
    isFilePerProcess: false,
    alone: [],
  },
  {
    name: "conformance",
    folders: ["test/conformance"],
    testTimeoutMs: 30_000,
    suiteTimeoutMs: 600_000,
    isFilePerProcess: false,
    alone: [],
  },
  {
    name: "fuzz",
    folders: ["test/fuzz"],
    testTimeoutMs: 60_000,
    suiteTimeoutMs: 600_000,
    isFilePerProcess: false,
    alone: [],
  },
  {
    name: "runtime",
    folders: ["test/runtime"],
    testTimeoutMs: 60_000,
    suiteTimeoutMs: 600_000,
    isFilePerProcess: true,
    alone: ["connection-leak.test.ts"],
  },
  {
    name: "security",
    folders: ["test/security"],
    testTimeoutMs: 30_000,
    suiteTimeoutMs: 600_000,
    isFilePerProcess: true,
    alone: ["http2-attacks.test.ts", "stolen-till.test.ts"],
  },
  {
    name: "integration",
    folders: ["test/integration"],
    testTimeoutMs: 90_000,
    suiteTimeoutMs: 1_200_000,
    isFilePerProcess: true,
    alone: [
      // Time: of an answer, of a recovery, or beside a load.
      "data-path/pools.test.ts",
      "mesh/worker-death.test.ts",
      "tunnel/fairness.test.ts",
      "tunnel/trouble.test.ts",
      // Memory and processor time.
      "data-path/back-pressure.test.ts",
      "data-path/large-bodies.test.ts",
      "http2-proxy/floods.test.ts",
      "http2-proxy/flow.test.ts",
      "mesh/footprint.test.ts",
      "tunnel/leaks.test.ts",
      "tunnel/slow-receivers.test.ts",
    ],
  },
];
