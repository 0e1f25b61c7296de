/** Nothing in the folder that somebody starts `selvedge` from decides what runs, perhaps as root. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../../src/keeper/reload/compile-child.ts";
import { RUNTIME_FLAGS } from "../../src/kernel/runtime-flags.ts";

const PROGRAM = join(import.meta.dir, "../../src/keeper/config/compile-main.ts");
const DRIVER = join(import.meta.dir, "../support/compile-program.ts");
const SELVEDGE = join(import.meta.dir, "../../bin/selvedge");
const MESH = "mesh: shop\nservices:\n  web: { namespace: prod, run: 'unix:uid:4242', port: 8080 }\n";

/** A folder in which Bun, started without care, runs the code that lies there, and a home that asks for the same. */
function trap(): { folder: string; home: string; sprung: string } {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-trap-"));
  const sprung = join(folder, "sprung");
  const evil = join(folder, "evil.ts");
  writeFileSync(evil, `require("node:fs").writeFileSync(${JSON.stringify(sprung)}, "");`);
  const home = join(folder, "home");
  mkdirSync(home);
  for (const place of [join(folder, "bunfig.toml"), join(home, ".bunfig.toml")]) {
    writeFileSync(place, `preload = [${JSON.stringify(evil)}]\n`);
  }
  writeFileSync(join(folder, ".env"), `BUN_OPTIONS="--preload ${evil}"\nSELVEDGE_NODE=evil\n`);
  writeFileSync(join(folder, "tsconfig.json"), '{"compilerOptions":{"paths":{"*":["./evil.ts"]}}}');
  return { folder, home, sprung };
}

/** Compiles in a process whose current folder is `folder`, as a keeper that was started there does. */
async function compileIn(folder: string, home: string, path: string): Promise<string> {
  const request = { paths: [path], node: "here", out: join(folder, "1.ndjson") };
  const flags = ["--config=/dev/null", "--tsconfig-override=/dev/null", "--no-env-file", "--no-install"];
  const argument = JSON.stringify({ program: PROGRAM, request });
  const child = Bun.spawn([process.execPath, ...flags, DRIVER, argument], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const text = await child.stdout.text();
  await child.exited;
  return text;
}

test("the child that compiles runs no code of the current folder, and still finds what is named relative to it", async () => {
  const { folder, home, sprung } = trap();
  try {
    writeFileSync(join(folder, "mesh.yaml"), MESH);
    const text = await compileIn(folder, home, "mesh.yaml");
    expect(existsSync(sprung)).toBe(false);
    expect(JSON.parse(text)).toMatchObject({ kind: "compiled", ok: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a problem is told by the path that was named, not by the one it was read from", async () => {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-trap-"));
  try {
    writeFileSync(join(folder, "bad.yaml"), "mesh: shop\nnonsense: 1\n");
    const text = await compileIn(folder, folder, "bad.yaml");
    expect(text).toContain('"file":"bad.yaml"');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("no command runs code of the current folder, nor of a folder above it", async () => {
  const { folder, home, sprung } = trap();
  try {
    const below = join(folder, "below");
    mkdirSync(below);
    for (const cwd of [folder, below]) {
      const child = Bun.spawn([SELVEDGE, "check", "-f", "missing.yaml"], {
        cwd,
        env: { PATH: process.env["PATH"] ?? "", HOME: home },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const complaint = (await child.stdout.text()) + (await child.stderr.text());
      await child.exited;
      expect(existsSync(sprung)).toBe(false);
      expect(complaint).toContain("SV0101");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the trap works: a Bun that is started without care springs it", async () => {
  const { folder, home, sprung } = trap();
  try {
    const child = Bun.spawn([process.execPath, "-e", "0"], {
      cwd: folder,
      env: { HOME: home },
      stdio: ["ignore", "ignore", "ignore"],
    });
    await child.exited;
    expect(existsSync(sprung)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a keeper whose folder was removed compiles what is named absolutely", async () => {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-trap-"));
  try {
    writeFileSync(join(folder, "mesh.yaml"), MESH);
    const request = { paths: [join(folder, "mesh.yaml")], node: "here", out: join(folder, "1.ndjson") };
    const gone = join(folder, "gone");
    mkdirSync(gone);
    const argument = JSON.stringify({ program: PROGRAM, request });
    const command = 'rmdir "$PWD" && exec "$0" "$@"';
    const child = Bun.spawn(["/bin/sh", "-c", command, process.execPath, ...RUNTIME_FLAGS, DRIVER, argument], {
      cwd: gone,
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(await child.stdout.text()).toContain('"ok":true');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("compiling needs nothing of the caller's environment", async () => {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-trap-"));
  try {
    writeFileSync(join(folder, "mesh.yaml"), MESH);
    const how = { bun: process.execPath, program: PROGRAM };
    const request = { paths: [join(folder, "mesh.yaml")], node: "here", out: join(folder, "1.ndjson") };
    expect(await compile(how, request)).toMatchObject({ kind: "compiled", ok: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
