import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const version = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies: { bun: string } })
  .dependencies.bun;

let folder = "";

/** A package root with the real scripts, and stand-ins for what npm would have installed. */
function fakeRoot(name: string): string {
  const fake = join(folder, name);
  mkdirSync(join(fake, "src/cli"), { recursive: true });
  mkdirSync(join(fake, "bin"));
  for (const file of ["package.json", "package-lock.json", "bin/selvedge"]) cpSync(join(root, file), join(fake, file));
  cpSync(join(root, "scripts"), join(fake, "scripts"), { recursive: true });
  return fake;
}

function program(path: string, text: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

function run(command: readonly string[], options: { cwd?: string; path?: string } = {}) {
  const child = Bun.spawnSync([...command], {
    cwd: options.cwd ?? folder,
    env: { PATH: options.path ?? process.env["PATH"] ?? "", HOME: folder },
    stdin: "ignore",
  });
  return { code: child.exitCode, out: child.stdout.toString().trim(), err: child.stderr.toString().trim() };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-scripts-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("finding the Bun binary", () => {
  const placeholder = "#!/bin/sh\necho 'install script was not run' >&2\nexit 1\n";
  const find = (fake: string) => run(["sh", join(fake, "scripts/bun-path.sh"), fake]);

  test("takes the one that the install script moved", () => {
    const fake = fakeRoot("moved");
    program(join(fake, "node_modules/bun/bin/bun.exe"), `#!/bin/sh\necho ${version}\n`);
    expect(find(fake)).toEqual({ code: 0, out: join(fake, "node_modules/bun/bin/bun.exe"), err: "" });
  });

  test("takes the platform package's where the install script was blocked", () => {
    const fake = fakeRoot("blocked");
    program(join(fake, "node_modules/bun/bin/bun.exe"), placeholder);
    program(join(fake, "node_modules/@oven/bun-linux-x64/bin/bun"), `#!/bin/sh\necho ${version}\n`);
    expect(find(fake).out).toBe(join(fake, "node_modules/@oven/bun-linux-x64/bin/bun"));
  });

  test("passes over one that does not run here or is of another version", () => {
    const fake = fakeRoot("several");
    program(join(fake, "node_modules/@oven/bun-linux-aarch64/bin/bun"), "\x7fELF not of this machine");
    program(join(fake, "node_modules/@oven/bun-linux-x64-musl/bin/bun"), "#!/bin/sh\necho 0.0.1\n");
    expect(find(fake)).toEqual({ code: 1, out: "", err: "" });
  });
});

describe("set-up", () => {
  test("says in one line that Node is too old", () => {
    const fake = fakeRoot("old-node");
    const old = join(folder, "old-node-bin");
    program(join(old, "node"), '#!/bin/sh\n[ "$1" = -p ] && echo 16 || echo v16.20.2\n');
    const result = run(["sh", join(fake, "scripts/setup.sh")], { path: `${old}:${process.env["PATH"]}` });
    expect(result.code).toBe(1);
    expect(result.err).toBe("selvedge: needs Node >= 20 with npm to install itself; this one is v16.20.2");
  });

  test("says in one line that npm or Node is missing", () => {
    const fake = fakeRoot("no-npm");
    const bare = join(folder, "bare-bin");
    mkdirSync(bare);
    for (const name of ["sh", "dirname", "sed", "head", "cmp"])
      symlinkSync(Bun.which(name) as string, join(bare, name));
    expect(run([`${bare}/sh`, join(fake, "scripts/setup.sh")], { path: bare }).err).toBe(
      "selvedge: needs Node >= 20 with npm to install itself; there is no node in PATH",
    );
    program(join(bare, "node"), "#!/bin/sh\necho 26\n");
    expect(run([`${bare}/sh`, join(fake, "scripts/setup.sh")], { path: bare }).err).toBe(
      "selvedge: needs npm to install itself; there is a node in PATH but no npm",
    );
  });
});

test("nothing in the current folder decides what the CLI runs", () => {
  const fake = fakeRoot("hostile");
  program(join(fake, "node_modules/bun/bin/bun.exe"), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`);
  writeFileSync(join(fake, "src/cli/main.ts"), 'console.log("cli", process.env["STOLEN"] ?? "-");');
  const cwd = join(folder, "hostile-cwd");
  mkdirSync(cwd);
  writeFileSync(join(cwd, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  writeFileSync(join(cwd, "preload.ts"), 'console.log("preloaded");');
  writeFileSync(join(cwd, ".env"), "STOLEN=yes\n");
  // Where Bun itself no longer does this, the flags in bin/selvedge may go.
  expect(run([process.execPath, join(fake, "src/cli/main.ts")], { cwd }).out).toBe("preloaded\ncli yes");
  expect(run([join(fake, "bin/selvedge")], { cwd }).out).toBe("cli -");
});
