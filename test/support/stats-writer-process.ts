/** A worker for `src/telemetry/shared-region.test.ts`: writes without end into the file that its first argument names. */
import { AccessRecord } from "../../src/telemetry/access-record.ts";
import { StatsWriter } from "../../src/telemetry/stats-writer.ts";
import { edgeLabels } from "./stats-region.ts";

const stats = new StatsWriter(Bun.mmap(process.argv[2]!, { shared: true }), { workerId: 1, startedAtMs: 1 });
const record = new AccessRecord();
console.log("writing");

for (let round = 1; ; round++) {
  const edge = stats.edge(edgeLabels("web", `s${round % 500}`));
  edge.request(200 + (round % 7), 0, 1000, 1, 1);
  record.timeMs = round;
  record.durationUs = round;
  record.bytesSent = round;
  record.rule = round;
  record.path.setText(`/${String(round).repeat(20)}`);
  stats.records.write(record);
}
