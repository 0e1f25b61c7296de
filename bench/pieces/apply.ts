/** Taking up a configuration of 10,000 services while traffic flows: how long, and what the traffic feels of it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askAdmin } from "../lib/admin.ts";
import { openLoop } from "../lib/open-loop.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { GENERATOR_UID } from "../lib/processes.ts";
import { ORIGIN_PORTS, startSelvedge } from "../lib/subjects.ts";
import { meshFile } from "../mesh.ts";

const SERVICES = 10_000;
const LOAD = { path: "/100", requestsPerSecond: 1_000, connections: 16 } as const;

/** Starts small, applies the large configuration under load, and starts once more from it. */
export async function apply(context: PieceContext): Promise<PieceReport> {
  const { scratch } = context;
  const subject = await startSelvedge(scratch, { label: "apply" });
  const large = join(scratch.folder, "large.yaml");
  writeFileSync(large, meshFile({ generatorUid: GENERATOR_UID, originPorts: ORIGIN_PORTS, services: SERVICES }));
  try {
    const calm = await openLoop(scratch, { ...LOAD, port: subject.httpPort, seconds: context.seconds });
    context.note(`apply: ${SERVICES} services under load`);
    const load = openLoop(scratch, { ...LOAD, port: subject.httpPort, seconds: context.seconds + 15 });
    const startedAt = performance.now();
    // The documents of a node under watched files belong to the files, so the file is what changes.
    writeFileSync(subject.meshPath, readFileSync(large));
    await untilServed(String(subject.ready["admin"]), SERVICES);
    const appliedMs = performance.now() - startedAt;
    const during = await load;
    return {
      rows: [
        ["10,000 services", "value"],
        ["until every worker serves them, ms (500 of them the wait for a quiet file)", appliedMs.toFixed(0)],
        ["p99 before, µs", String(calm.p99Us)],
        ["p99 during, µs", String(during.p99Us)],
        ["slowest request during, µs", String(during.maxUs)],
        ["errors during", String(during.errors)],
      ],
      figures: [],
      raw: { appliedMs, calm, during },
    };
  } finally {
    await subject.stop();
  }
}

async function untilServed(admin: string, services: number): Promise<void> {
  const first = await generationOf(admin);
  const deadline = performance.now() + 60_000;
  while ((await generationOf(admin)) === first) {
    if (performance.now() > deadline) throw new Error(`${services} services were not taken up within 60 s`);
    await Bun.sleep(20);
  }
}

async function generationOf(admin: string): Promise<number | undefined> {
  const status = (await askAdmin(admin, { op: "generation" })) as { readonly generation?: number };
  return status.generation;
}
