import { expect, test } from "bun:test";
import { edgeLabels, freshRegion } from "../../test/support/stats-region.ts";
import { FLAG } from "../model/response-flags.ts";
import { COUNTER } from "./fixed-metrics.ts";
import { restoreCounters, serialiseCounters } from "./retained-codec.ts";
import { ABSORBED_MAX, RetainedCounters } from "./retained-counters.ts";
import { StatsReader } from "./stats-reader.ts";
import { StatsWriter } from "./stats-writer.ts";

function filled(): RetainedCounters {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes, { workerId: 3, startedAtMs: 1000 });
  stats.counter(COUNTER.retries, 2);
  stats.edge(edgeLabels("web", "orders")).request(200, FLAG.none, 1000, 1, 2);
  const reader = new StatsReader(bytes);
  reader.refresh();
  const retained = new RetainedCounters();
  retained.absorb(reader);
  retained.noteAbsorbed(3);
  return retained;
}

const textOf = (retained: RetainedCounters): string => [...serialiseCounters(retained)].join("");

test("what was kept comes back, and so does whose counts are in it", () => {
  const restored = restoreCounters(textOf(filled()));
  expect(restored?.counter(COUNTER.retries)).toBe(2);
  expect(restored?.series.map((series) => restored.seriesCount(series))).toEqual([0, 1]);
  expect([restored?.hasAbsorbed(3), restored?.hasAbsorbed(4)]).toEqual([true, false]);
});

test("only the newest workers are remembered as taken", () => {
  const retained = filled();
  for (let id = 10; id < 10 + ABSORBED_MAX; id++) retained.noteAbsorbed(id);
  expect([3, 10, 9 + ABSORBED_MAX].map((id) => retained.hasAbsorbed(id))).toEqual([false, true, true]);
  expect(restoreCounters(textOf(retained))?.hasAbsorbed(9 + ABSORBED_MAX)).toBe(true);
});

test("a list of workers that makes no sense refuses the whole", () => {
  const text = textOf(filled());
  for (const broken of ['{"absorbed":7}', '{"absorbed":["3"]}', '{"absorbed":[1.5]}']) {
    expect(restoreCounters(text.replace('{"absorbed":[3]}', broken))).toBeUndefined();
  }
});

test("a worker says that it has drained, and a reader that was closed no longer hears it", () => {
  const bytes = freshRegion();
  const stats = new StatsWriter(bytes, { workerId: 3, startedAtMs: 1000 });
  const reader = new StatsReader(bytes);
  expect(reader.hasDrained).toBe(false);
  stats.drained();
  expect(reader.hasDrained).toBe(true);
  reader.close();
  expect(reader.hasDrained).toBe(false);
});
