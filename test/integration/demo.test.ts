import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyPackage, makeScratch } from "../../bench/lib/scratch.ts";
import { testWith } from "../support/needs.ts";
import { MACHINES_NEEDS } from "../support/two-machines.ts";

const root = join(import.meta.dir, "../..");
const DEMO_SECONDS = 6;

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-demo-test-"));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Command lines of processes that were started for a demo in `folder`: they name it, or have its TMPDIR from the demo. */
function leftovers(): string[] {
  const mark = join(folder, "tmp");
  return readdirSync("/proc").flatMap((name) => {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      return `${command}${readFileSync(`/proc/${name}/environ`, "utf8")}`.includes(mark) ? [command] : [];
    } catch {
      return [];
    }
  });
}

function startDemo(packageRoot: string, args: readonly string[], uid?: number) {
  const tmp = join(folder, "tmp");
  mkdirSync(tmp);
  chmodSync(tmp, 0o1777);
  const asUid = uid === undefined ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const script = 'root=$1; shift; exec "$(sh "$root/scripts/bun-path.sh" "$root")" "$root/examples/shop/demo.ts" "$@"';
  return Bun.spawn([...asUid, "sh", "-c", script, "sh", packageRoot, ...args], {
    cwd: "/",
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env["PATH"] ?? "", TMPDIR: tmp, BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
  });
}

async function finish(demo: ReturnType<typeof startDemo>) {
  const [out, err] = await Promise.all([new Response(demo.stdout).text(), new Response(demo.stderr).text()]);
  return { code: await demo.exited, out, err };
}

function expectNothingLeft(): void {
  expect(readdirSync(join(folder, "tmp")).filter((name) => name.startsWith("selvedge"))).toEqual([]);
  expect(leftovers()).toEqual([]);
}

describe("the demo", () => {
  test("shows in plain lines that everything it claims holds, and leaves nothing behind", async () => {
    const { code, out, err } = await finish(startDemo(root, ["--for", `${DEMO_SECONDS}s`]));
    expect(err).toBe("");
    expect(out).not.toContain("FAILED");
    expect(out).toContain("intruder.dev -> payments.prod");
    expect(out).toContain("MiB PSS");
    expect(out).not.toContain("\x1b");
    expect(code).toBe(0);
    expectNothingLeft();
  });

  testWith({ root: true, programs: ["setpriv"] })("works without root, and says that this is no boundary", async () => {
    const scratch = makeScratch();
    try {
      const { code, out } = await finish(startDemo(copyPackage(scratch), ["--for", `${DEMO_SECONDS}s`], 61_999));
      expect(out).toContain("this is no boundary");
      expect(out).not.toContain("FAILED");
      expect(code).toBe(0);
      expectNothingLeft();
    } finally {
      scratch.remove();
    }
  });

  testWith(MACHINES_NEEDS)(
    "splits the shop across two machines, shows how they came together, and leaves neither behind",
    async () => {
      const { code, out, err } = await finish(startDemo(root, ["--nodes", "2", "--for", `${DEMO_SECONDS}s`]));
      expect(err).toBe("");
      expect(out).not.toContain("FAILED");
      expect(out).toContain("till-1  selvedge node invite till-2");
      expect(out).toContain("till-2  selvedge node join TOKEN");
      expect(out).toMatch(/ok +[1-9]\S* requests crossed between the machines, all in mutual TLS/);
      expect(code).toBe(0);
      // No namespace either: each is there for as long as a process that the demo started is in it.
      expectNothingLeft();
    },
  );

  testWith({ root: true, programs: ["setpriv"] })(
    "asks for root in one line where two machines are wanted",
    async () => {
      const scratch = makeScratch();
      try {
        const told = await finish(startDemo(copyPackage(scratch), ["--nodes", "2"], 61_999));
        expect([told.code, told.out]).toEqual([1, ""]);
        expect(told.err).toMatch(/^--nodes 2 needs root[^\n]*\n$/);
      } finally {
        scratch.remove();
      }
    },
  );

  test("leaves nothing behind when it is interrupted", async () => {
    const demo = startDemo(root, []);
    const reader = demo.stdout.getReader();
    let seen = "";
    while (!seen.includes("t=2s")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the demo ended early: ${seen}`);
      seen += new TextDecoder().decode(value);
    }
    demo.kill("SIGINT");
    expect(await demo.exited).toBe(0);
    expectNothingLeft();
  });
});
