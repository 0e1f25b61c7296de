/** Runs the open-loop generator as a process of its own, under the generator's uid and beside the origin. */
import { join } from "node:path";
import type { OpenLoop } from "./open-loop-program.ts";
import type { OpenLoopResult } from "./open-loop-statistics.ts";
import { CORE_OF_OTHERS, GENERATOR_UID, runToEnd } from "./processes.ts";
import type { Scratch } from "./scratch.ts";
import { HOST } from "./wrk.ts";

/** Loads one program at a fixed rate. */
export async function openLoop(scratch: Scratch, load: Omit<OpenLoop, "host" | "hostname">): Promise<OpenLoopResult> {
  const argument = JSON.stringify({ hostname: "127.0.0.1", host: HOST, ...load });
  const text = await runToEnd(
    [scratch.bun, "--config=/dev/null", join(scratch.generators, "open-loop-program.ts"), argument],
    { core: CORE_OF_OTHERS, uid: GENERATOR_UID, env: { HOME: "/nonexistent", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" } },
  );
  return JSON.parse(text) as OpenLoopResult;
}
