import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Current, parseCurrent, succeed } from "./current.ts";
import { readBounded, writeDurable } from "./durable-file.ts";
import { readSealed, seal, unseal, writeSealed } from "./sealed-json.ts";
import { defaultStatePath, StateDirectory } from "./state-directory.ts";

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "selvedge-state-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const current: Current = {
  generation: 7,
  file: "6.ndjson",
  sourcesDigest: "d",
  drained: ["workload/prod/web"],
  previous: [{ generation: 5, file: "5.ndjson" }],
  issues: [],
  conditions: [],
};

describe("sealed JSON", () => {
  test("comes back, and no single changed byte goes unnoticed", () => {
    const text = seal({ a: 1 });
    expect(unseal(text)).toEqual({ a: 1 });
    for (let i = 0; i < text.length; i++) {
      const changed = `${text.slice(0, i)}${text[i] === "x" ? "y" : "x"}${text.slice(i + 1)}`;
      expect(unseal(changed)).toBeUndefined();
    }
    for (let i = 0; i < text.length; i++) expect(unseal(text.slice(0, i))).toBeUndefined();
  });

  test("tells absent from rotten", () => {
    const path = join(base, "x");
    expect(readSealed(path).state).toBe("absent");
    writeSealed(path, [1]);
    expect(readSealed(path)).toEqual({ state: "good", value: [1] });
    writeFileSync(path, "{}");
    expect(readSealed(path).state).toBe("rotten");
  });
});

describe("writeDurable", () => {
  test("leaves the old content and no litter where the new one cannot be written", () => {
    const path = join(base, "x");
    writeDurable(path, "old");
    mkdirSync(`${path}.new`);
    expect(() => writeDurable(path, "new")).toThrow();
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("reads no more than it is allowed to", () => {
    const path = join(base, "x");
    writeDurable(path, "12345");
    expect(readBounded(path, 5)?.length).toBe(5);
    expect(readBounded(path, 4)).toBeUndefined();
    expect(readBounded(join(base, "none"), 4)).toBeUndefined();
  });
});

describe("current", () => {
  test("is refused when any field is missing or names a file elsewhere", () => {
    expect(parseCurrent({ ...current })).toEqual(current);
    for (const field of Object.keys(current)) expect(parseCurrent({ ...current, [field]: undefined })).toBeUndefined();
    expect(parseCurrent({ ...current, file: "../../etc/passwd" })).toBeUndefined();
    expect(parseCurrent({ ...current, generation: 1.5 })).toBeUndefined();
  });

  test("keeps the last good ones, each file once, newest first", () => {
    const next = { ...current, generation: 9, file: "9.ndjson" };
    const after = succeed(current, next);
    expect(after.previous).toEqual([
      { generation: 7, file: "6.ndjson" },
      { generation: 5, file: "5.ndjson" },
    ]);
    const drainedAgain = succeed(after, { ...next, generation: 10 });
    expect(drainedAgain.previous).toEqual(after.previous);
    expect(succeed(undefined, next).previous).toEqual([]);
  });
});

describe("StateDirectory", () => {
  test("is private to its user", () => {
    const path = join(base, "a", "b");
    mkdirSync(path, { recursive: true, mode: 0o755 });
    new StateDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test("refuses a path that is a file", () => {
    const path = join(base, "file");
    writeFileSync(path, "");
    expect(() => new StateDirectory(path)).toThrow();
  });

  test("numbers generations past every trace, even of torn files", () => {
    const state = new StateDirectory(base);
    expect(state.nextGeneration(undefined)).toBe(1);
    writeFileSync(join(base, "generations", "41.ndjson"), "torn");
    writeFileSync(join(base, "generations", "note.txt"), "");
    expect(state.nextGeneration(current)).toBe(42);
    expect(state.generationsNewestFirst()).toEqual(["41.ndjson"]);
  });

  test("counts a rotten current as none and says so", () => {
    const state = new StateDirectory(base);
    expect(state.readCurrent()).toBeUndefined();
    expect(state.trouble).toEqual([]);
    expect(state.write("current", current)).toBe(true);
    expect(state.readCurrent()).toEqual(current);
    writeFileSync(join(base, "current"), readFileSync(join(base, "current"), "utf8").slice(0, 40));
    expect(state.readCurrent()).toBeUndefined();
    expect(state.trouble.map((trouble) => trouble.what)).toEqual(["current"]);
    expect(state.write("current", current)).toBe(true);
    expect(state.trouble).toEqual([]);
  });

  test("says false instead of throwing where the disk refuses, and offers memory", () => {
    const state = new StateDirectory(base);
    mkdirSync(join(base, "current.new"));
    expect(state.write("current", current)).toBe(false);
    expect(state.trouble).toHaveLength(1);
    const memory = state.memoryPath();
    writeFileSync(join(memory, "8.ndjson"), "x");
    expect(state.generationPath("8.ndjson")).toBe(join(memory, "8.ndjson"));
    expect(state.nextGeneration(undefined)).toBe(9);
    state.close();
    expect(existsSync(memory)).toBe(false);
  });

  test("keeps only the generation files it is told to keep", () => {
    const state = new StateDirectory(base);
    for (const n of [1, 2, 3]) writeFileSync(join(base, "generations", `${n}.ndjson`), "");
    state.prune(new Set(["2.ndjson"]));
    expect(state.generationsNewestFirst()).toEqual(["2.ndjson"]);
  });

  test("lies where the operator expects it", () => {
    expect(defaultStatePath(0, {})).toBe("/var/lib/selvedge");
    expect(defaultStatePath(5, { XDG_STATE_HOME: "/x" })).toBe("/x/selvedge");
    expect(defaultStatePath(5, { HOME: "/home/u" })).toBe("/home/u/.local/state/selvedge");
  });
});
