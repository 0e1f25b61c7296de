import { expect, test } from "bun:test";
import { join } from "node:path";
import { RUNTIME_FLAGS } from "./runtime-flags.ts";

/** A process that has made garbage, and then does nothing but tend to its memory until it need not any more. */
const program = `
  import { readFileSync } from "node:fs";
  import { SpareMemory } from ${JSON.stringify(join(import.meta.dir, "spare-memory.ts"))};
  const mib = (key) => Number(new RegExp("^" + key + ":\\\\s+(\\\\d+) kB$", "m").exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
  const spare = new SpareMemory();
  let garbage = Array.from({ length: 200_000 }, (_, i) => ({ i, text: [i] }));
  const before = { own: mib("RssAnon"), code: mib("RssFile") };
  garbage = null;
  while (spare.tend()) await Bun.sleep(500);
  const after = { own: mib("RssAnon"), code: mib("RssFile") };
  console.log(JSON.stringify({ before, after }));
`;

test("a process that has become quiet keeps neither its garbage nor the code it does not use", async () => {
  await using child = Bun.spawn([process.execPath, ...RUNTIME_FLAGS, "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { BUN_GC_TIMER_INTERVAL: "30000" },
  });
  const { before, after } = (await child.stdout.json()) as Record<"before" | "after", { own: number; code: number }>;
  expect(after.own).toBeLessThan(before.own / 2);
  expect(after.code).toBeLessThan(before.code / 2);
}, 20_000);
