import { expect, test } from "bun:test";
import { CATALOGUE, FIXED_METRICS } from "./catalogue.ts";
import { ATTESTATION_RESULTS, DENIAL_REASONS, LIMITS, UPSTREAM_STATES } from "./fixed-metrics.ts";
import { COUNTERS_MAX, GAUGES_MAX } from "./layout.ts";
import { metricsMarkdown } from "./metrics-markdown.ts";

test("no two fixed metrics share a position, and all of them fit", () => {
  for (const [type, end] of [
    ["counter", COUNTERS_MAX],
    ["gauge", GAUGES_MAX],
  ] as const) {
    const positions = FIXED_METRICS.filter((metric) => metric.type === type).flatMap(({ at, values }) =>
      values.map((_, step) => at + step),
    );
    expect(new Set(positions).size).toBe(positions.length);
    expect(Math.max(...positions)).toBeLessThan(end);
  }
});

test("closed sets of label values stay within the room they were given", () => {
  expect(ATTESTATION_RESULTS.length).toBeLessThanOrEqual(16);
  expect(DENIAL_REASONS.length).toBeLessThanOrEqual(16);
  expect(LIMITS.length).toBeLessThanOrEqual(128);
  expect(UPSTREAM_STATES.length).toBeLessThanOrEqual(8);
});

test("names are unique, valid, and say their type", () => {
  expect(new Set(CATALOGUE.map(({ name }) => name)).size).toBe(CATALOGUE.length);
  for (const { name, type, help } of CATALOGUE) {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
    expect(help).toMatch(/^[A-Z].*\.$/);
  }
});

test("docs/metrics.md is what the catalogue says", async () => {
  const path = new URL("../../docs/metrics.md", import.meta.url);
  if (process.env["UPDATE_DOCS"] === "1") await Bun.write(path, metricsMarkdown());
  expect(await Bun.file(path).text()).toBe(metricsMarkdown());
});

test("every bound is counted somewhere, and docs/limits.md says what it is", async () => {
  const page = await Bun.file(new URL("../../docs/limits.md", import.meta.url)).text();
  expect(LIMITS.filter((limit) => !page.includes(`\`${limit}\``))).toEqual([]);
  const sources = new URL("../", import.meta.url).pathname;
  const texts: string[] = [];
  for (const path of new Bun.Glob("{proxy,telemetry,keeper}/**/*.ts").scanSync(sources)) {
    if (path.endsWith(".test.ts")) continue;
    const text = await Bun.file(`${sources}${path}`).text();
    // Where they are listed, they are not counted.
    texts.push(text.replace(/export const LIMITS = \[[^\]]*\]/, ""));
  }
  const all = texts.join("\n");
  expect(LIMITS.filter((limit) => !new RegExp(`LIMIT_COUNTER\\.${limit}\\b|"${limit}"`).test(all))).toEqual([]);
});
