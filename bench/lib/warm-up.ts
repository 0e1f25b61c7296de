/** Load before the first measurement: what is measured is a program that has run for a while, not how it starts. */
import type { PieceContext } from "./piece.ts";
import type { Subject } from "./subjects.ts";
import { closedLoop } from "./wrk.ts";

/** Long enough for a just-in-time compiler to be through with the path of a request. */
const WARM_UP_SECONDS = 5;

/** Loads every subject once. */
export async function warmUp(context: PieceContext, subjects: readonly Subject[]): Promise<void> {
  for (const subject of subjects) {
    if (subject.pid === undefined) continue;
    context.note(`warming up ${subject.name}`);
    await closedLoop({ port: subject.httpPort, path: "/100", connections: 64, seconds: WARM_UP_SECONDS });
  }
}
