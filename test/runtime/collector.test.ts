/** What the worker's environment asks of the runtime's collector, and whether the runtime does it. */
import { expect, test } from "bun:test";
import { RUNTIME_ENVIRONMENT } from "../../src/kernel/spawn-worker.ts";

/** A heap like a worker's, most of it large buffers, and then much that is soon forgotten. */
const CHILD = `
  const buffers = Array.from({ length: 20 }, () => new Uint8Array(1 << 20));
  const kept = Array.from({ length: 40_000 }, (_, number) => ({ number }));
  const recent = [];
  for (let i = 0; i < 3_000_000; i++) recent[i & 63] = { i, bytes: (i & 15) === 0 ? new Uint8Array(800) : null, next: { i } };
  console.log(buffers.length + kept.length + recent.length);`;

async function collections(environment: Readonly<Record<string, string>>) {
  const child = Bun.spawn([process.execPath, "--smol", "-e", CHILD], {
    env: { ...environment, BUN_JSC_logGC: "1" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, log] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect([await child.exited, out]).toEqual([0, "40084\n"]);
  const count = (kind: string) => log.split(`=> ${kind}Collection`).length - 1;
  return { full: count("Full"), young: count("Eden") };
}

test("nearly all collections of a worker look at young objects only, which without its environment half of them do not", async () => {
  const { BUN_JSC_minEdenToOldGenerationRatio: ratio, ...others } = RUNTIME_ENVIRONMENT;
  const [asWorker, without] = [await collections(RUNTIME_ENVIRONMENT), await collections(others)];
  expect(ratio).toBeDefined();
  expect(asWorker.young).toBeGreaterThan(20);
  expect(asWorker.full).toBeLessThan(asWorker.young / 4);
  // Should the runtime's own choice become a better one, the setting has no reason any more.
  expect(without.full).toBeGreaterThan(without.young / 2);
});
