/** What a command prints arrives whole, whoever reads it, however slowly. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SELVEDGE = join(import.meta.dir, "../../bin/selvedge");
const folder = mkdtempSync(join(tmpdir(), "selvedge-long-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SERVICES = 2_000;
const services = Array.from({ length: SERVICES }, (_, i) => `  s${i}: { namespace: prod, port: ${10_000 + i} }`);
const file = join(folder, "mesh.yaml");
writeFileSync(file, `mesh: shop\nservices:\n${services.join("\n")}\n`);

/** Lines that `expand` comes to, by a file, where nothing has to wait. */
function expanded(): string {
  const whole = join(folder, "whole");
  Bun.spawnSync([SELVEDGE, "expand", "-f", file], { stdout: Bun.file(whole) });
  return Bun.spawnSync(["cat", whole]).stdout.toString();
}

test("over a socket that is read late, far more than the kernel keeps in it", async () => {
  const wanted = expanded();
  expect(wanted.length).toBeGreaterThan(500_000);
  // The runtime's own "pipe" is a socket pair here; nothing reads it until it is asked for.
  const child = Bun.spawn([SELVEDGE, "expand", "-f", file], { stdout: "pipe", stderr: "pipe" });
  await Bun.sleep(300);
  expect(await child.stdout.text()).toBe(wanted);
  expect(await child.exited).toBe(0);
}, 20_000);

test("through a pipe that is read late", async () => {
  const piped = Bun.spawnSync(["/bin/sh", "-c", `"${SELVEDGE}" expand -f "${file}" | (sleep 0.3; wc -c)`]);
  expect(Number(piped.stdout.toString())).toBe(Buffer.byteLength(expanded()));
}, 20_000);

test("a reader that goes away ends the command, without a word about it", async () => {
  const result = Bun.spawnSync(["/bin/sh", "-c", `"${SELVEDGE}" expand -f "${file}" | head -c 10`]);
  expect(result.stdout.length).toBe(10);
  expect(result.stderr.toString()).toBe("");
}, 20_000);

test("a problem keeps its exit code", async () => {
  const child = Bun.spawn([SELVEDGE, "check", "-f", join(folder, "missing.yaml")], { stdout: "pipe", stderr: "pipe" });
  const [out, complaint, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect(out + complaint).toContain("SV0101");
  expect(code).toBe(1);
}, 20_000);
