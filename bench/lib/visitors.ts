/** Starts the program that opens connections to the called node of a pair. */
import { join } from "node:path";
import type { VisitOrder, VisitResult } from "../../test/support/visitors/tunnel-visitor-program.ts";
import { PAIR_NODES } from "../mesh.ts";
import type { PairSubject } from "./pairs.ts";
import { CORE_OF_OTHERS, wrapCommand } from "./processes.ts";
import { ROOT } from "./scratch.ts";

/** Connections that were opened. Whoever opened them ends them with `stop`. */
export interface Visitors {
  readonly result: VisitResult;
  stop(): Promise<void>;
}

/** Runs an order; resolves when all its connections were tried. */
export async function visitors(
  pair: PairSubject,
  order: Omit<VisitOrder, "state" | "target">,
  before: readonly string[] = [],
): Promise<Visitors> {
  if (pair.state === undefined) throw new Error(`${pair.name} has no root to certify visitors with`);
  const target = { ...pair.tunnel, node: PAIR_NODES[1] };
  const argument = JSON.stringify({ ...order, state: pair.state, target } satisfies VisitOrder);
  const program = join(ROOT, "test/support/visitors/tunnel-visitor-program.ts");
  const command = [...before, process.execPath, "--config=/dev/null", program, argument];
  const child = Bun.spawn(wrapCommand(command, { core: CORE_OF_OTHERS }), {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const stop = async (): Promise<void> => {
    await child.stdin.end();
    await child.exited;
  };
  const { value } = await child.stdout.getReader().read();
  try {
    return { result: JSON.parse(new TextDecoder().decode(value)) as VisitResult, stop };
  } catch (error) {
    child.kill("SIGTERM");
    await stop();
    throw new Error("the visitors said nothing", { cause: error });
  }
}
