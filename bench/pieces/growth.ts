/** Does the cost of a request grow with the number of routes and rules? Two meshes side by side, 10 against 10,000. */
import { join } from "node:path";
import { writeDifferingHeads } from "../lib/differing-heads.ts";
import { interleave, measure, validPairs } from "../lib/measure.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { median, ratioOfPairs, showRatio, tooFewPairs } from "../lib/statistics.ts";
import { type SelvedgeSubject, startSelvedge } from "../lib/subjects.ts";
import { warmUp } from "../lib/warm-up.ts";
import { closedLoop } from "../lib/wrk.ts";

const SIZES = [10, 10_000] as const;

/** CPU per request of both, in turns. */
export async function growth(context: PieceContext): Promise<PieceReport> {
  const subjects: SelvedgeSubject[] = [];
  try {
    for (const rules of SIZES) {
      context.note(`growth: starting with ${rules} routes and rules`);
      subjects.push(await startSelvedge(context.scratch, { label: `rules-${rules}`, rules }));
    }
    await warmUp(context, subjects);
    // No two alike: a head that repeats is not routed and judged again, and would hide what rules cost.
    const script = join(context.scratch.generators, "growth.lua");
    writeDifferingHeads(script, "/p/5");
    const measured = await interleave(subjects, context.rounds, (subject) =>
      measure(subject, () =>
        closedLoop({ port: subject.httpPort, path: "/p/5", connections: 64, seconds: context.seconds, script }),
      ),
    );
    const [few = [], many = []] = subjects.map((subject) => measured.get(subject.name) ?? []);
    const cost = (one: (typeof few)[number]) => (one.cpuSeconds * 1e6) / one.result.requests;
    const ratio = ratioOfPairs(...validPairs(many, few, cost));
    const row = (name: string, all: typeof few) => [
      name,
      median(all.map(cost)).toFixed(2),
      Math.round(median(all.map((one) => one.result.requestsPerSecond))).toLocaleString("en"),
    ];
    return {
      rows: [["routes and rules", "µs CPU/request", "requests/s"], row("10", few), row("10,000", many)],
      figures: [
        {
          gate: "growth",
          value: ratio.high,
          text: showRatio(ratio, 3),
          void: tooFewPairs(ratio),
        },
      ],
      raw: Object.fromEntries(measured),
    };
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}
