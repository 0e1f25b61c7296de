/** Nobody else gets root, or anybody, to keep the state of a node in a place of his. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findUnsafe } from "../../src/keeper/state/safe-path.ts";
import { StateDirectory } from "../../src/keeper/state/state-directory.ts";
import { runSelvedge } from "../support/mesh-process.ts";

const OTHER = 4242;
const isRoot = process.getuid?.() === 0;

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "selvedge-safe-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function others(path: string): string {
  mkdirSync(path, { recursive: true });
  chownSync(path, OTHER, OTHER);
  return path;
}

describe.skipIf(!isRoot)("a state directory", () => {
  test("is not one that somebody else's link leads to, and what it leads to stays as it is", () => {
    const victim = join(base, "victim");
    mkdirSync(victim, { mode: 0o755 });
    const shared = join(base, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const link = join(shared, "state");
    chmodSync(base, 0o755);
    Bun.spawnSync(["setpriv", `--reuid=${OTHER}`, "--clear-groups", "ln", "-s", victim, link]);
    expect(() => new StateDirectory(link)).toThrow(`belongs to uid ${OTHER}`);
    expect([statSync(victim).mode & 0o777, readdirSync(victim)]).toEqual([0o755, []]);
  });

  test("is not below a directory of somebody else, who could exchange it", () => {
    expect(() => new StateDirectory(join(others(join(base, "his")), "state"))).toThrow(`belongs to uid ${OTHER}`);
  });

  test("is not in a directory that everybody may rename in", () => {
    const open = join(base, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    expect(() => new StateDirectory(join(open, "state"))).toThrow("everybody may write");
    chmodSync(open, 0o1777);
    expect(() => new StateDirectory(join(open, "state")).close()).not.toThrow();
  });

  test("holds nothing that somebody else has put there before", () => {
    const state = join(base, "state");
    mkdirSync(state);
    others(join(state, "generations"));
    expect(() => new StateDirectory(state)).toThrow(`belongs to uid ${OTHER}`);
    rmSync(join(state, "generations"), { recursive: true });
    const his = others(join(base, "his"));
    symlinkSync(his, join(state, "generations"));
    expect(() => new StateDirectory(state)).toThrow(`belongs to uid ${OTHER}`);
  });

  test("may be reached by root's own links", () => {
    mkdirSync(join(base, "disk"));
    symlinkSync("disk", join(base, "link"));
    const state = new StateDirectory(join(base, "link", "state"));
    expect(readdirSync(join(base, "disk", "state")).sort()).toEqual(["generations", "logs"]);
    state.close();
  });

  test("that is refused says why in one line, with exit code 1, and nothing is written there", async () => {
    const his = others(join(base, "his"));
    const { code, stderr } = await runSelvedge(["up", "--state", join(his, "state")]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${his} belongs to uid ${OTHER}`);
    expect(stderr).not.toContain(" at ");
    expect(readdirSync(his)).toEqual([]);
  });
});

test("links that lead to one another end", () => {
  symlinkSync("b", join(base, "a"));
  symlinkSync("a", join(base, "b"));
  expect(findUnsafe(join(base, "a"), { uid: process.getuid?.() ?? 0, roots: [0] })).toContain("link");
});
