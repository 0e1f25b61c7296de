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
}

export const SUITES: readonly Suite[] = [
  {
    name: "unit",
    folders: ["src", "tools", "bench", "examples", "test/support"],
    testTimeoutMs: 30_000,
    suiteTimeoutMs: 600_000,
    isFilePerProcess: false,
  },
  {
    name: "conformance",
    folders: ["test/conformance"],
    testTimeoutMs: 30_000,
    suiteTimeoutMs: 600_000,
    isFilePerProcess: false,
  },
  {
    name: "fuzz",
    folders: ["test/fuzz"],
    testTimeoutMs: 60_000,
    suiteTimeoutMs: 600_000,
    isFilePerProcess: false,
  },
  {
    name: "runtime",
    folders: ["test/runtime"],
    testTimeoutMs: 60_000,
    suiteTimeoutMs: 600_000,
    isFilePerProcess: true,
  },
  {
    name: "security",
    folders: ["test/security"],
    testTimeoutMs: 30_000,
    suiteTimeoutMs: 600_000,
    isFilePerProcess: true,
  },
  {
    name: "integration",
    folders: ["test/integration"],
    testTimeoutMs: 90_000,
    suiteTimeoutMs: 1_200_000,
    isFilePerProcess: true,
  },
];
