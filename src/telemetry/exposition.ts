/**
 * Prometheus text format 0.0.4 out of any number of sources. Counters of several workers (and of dead ones) add up; samples that
 * come to the same labels become one, so that no source can make a scrape invalid. Rendered in pieces, so that the keeper can do
 * other work in between and never holds the whole.
 */
import {
  BUILD_INFO,
  EDGE_COUNTERS,
  EDGE_GAUGES,
  type EdgeMetric,
  FIXED_METRICS,
  type MetricFamily,
  REQUESTS_TOTAL,
  SERIES_HISTOGRAMS,
  type SeriesHistogram,
  TCP_FAILED,
} from "./catalogue.ts";
import { CLASSIC_BOUNDS, classicCounts, slotsBelow } from "./classic-buckets.ts";
import { BYTES_HISTOGRAM, DURATION_HISTOGRAM, type HistogramShape } from "./exponential.ts";
import type { FixedMetric } from "./fixed-metrics.ts";
import { edgeLabelText, escapeLabel, reportersOf, seriesLabelText, UNKNOWN } from "./label-text.ts";
import { SERIES_USED, SERIES_VALUE } from "./layout.ts";
import type { EdgeInfo, SeriesInfo, SeriesKind, StatsSource } from "./stats-source.ts";

/** Content type of what is rendered. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Most bytes of one piece. Reason: a quarter of a channel frame, about 100 µs of work. */
export const EXPOSITION_PIECE_BYTES = 64 * 1024;

/** Characters after which a piece is cut; each is at most 3 bytes, and one more line has to fit. */
const PIECE_CHARS = 12 * 1024;

const SHAPES: Readonly<Record<SeriesHistogram["shape"], HistogramShape>> = {
  duration: DURATION_HISTOGRAM,
  bytes: BYTES_HISTOGRAM,
};
const BELOW = { duration: slotsBelow(DURATION_HISTOGRAM), bytes: slotsBelow(BYTES_HISTOGRAM) } as const;
const BOUND_TEXT: readonly string[] = [...CLASSIC_BOUNDS.map(String), "+Inf"];

/** What adds up to one line: everything with the same labels. */
type Group<T> = Map<string, Members<T>>;
type Members<T> = { readonly source: StatsSource; readonly item: T }[];

/** A line that lacks one of its parts would look like a counter that was reset; it is better left out once. */
const areOpen = (members: Members<unknown>): boolean => members.every(({ source }) => source.isOpen);

/**
 * The whole of `/metrics`, in pieces of EXPOSITION_PIECE_BYTES at most. Sources may close between two pieces; what they had not
 * given by then is missing from this scrape, along with whatever it would have been added to.
 *
 * @param version of the mesh, for `selvedge_build_info`.
 */
export function* renderPrometheus(sources: readonly StatsSource[], version: string): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = "";
  for (const line of lines(sources, version)) {
    text += line;
    if (text.length < PIECE_CHARS) continue;
    yield* cut(encoder.encode(text));
    text = "";
  }
  yield* cut(encoder.encode(text));
}

/** Only names of absurd length make more than one piece of it. */
function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += EXPOSITION_PIECE_BYTES)
    yield bytes.subarray(at, at + EXPOSITION_PIECE_BYTES);
}

function* lines(sources: readonly StatsSource[], version: string): Generator<string> {
  yield `${head(BUILD_INFO)}${BUILD_INFO.name}{version="${escapeLabel(version)}"} 1\n`;
  yield FIXED_METRICS.map((metric) => fixedLines(metric, sources)).join("");
  yield* edgeLines(sources);
  yield* seriesLines(sources);
}

const head = (family: Pick<MetricFamily, "name" | "type" | "help">): string =>
  `# HELP ${family.name} ${family.help}\n# TYPE ${family.name} ${family.type}\n`;

function fixedLines(metric: FixedMetric, sources: readonly StatsSource[]): string {
  const samples = metric.values.map((value, step) => {
    const labels = metric.label === undefined ? "" : `{${metric.label}="${escapeLabel(value)}"}`;
    const sample = combined(metric, metric.at + step, sources);
    return metric.isOptional === true && sample === 0 ? "" : `${metric.name}${labels} ${sample}\n`;
  });
  const text = samples.join("");
  return text === "" ? "" : head(metric) + text;
}

/** The value of several sources together; for `min` and `max` a 0 means that a source has nothing to say. */
function combined(metric: FixedMetric, position: number, sources: readonly StatsSource[]): number {
  const values = sources.map((source) =>
    metric.type === "counter" ? source.counter(position) : source.gauge(position),
  );
  if (metric.combine === "sum") return values.reduce((sum, value) => sum + value, 0);
  const said = values.filter((value) => value !== 0);
  if (said.length === 0) return 0;
  return metric.combine === "min" ? Math.min(...said) : Math.max(...said);
}

function addTo<T>(group: Group<T>, labels: string, source: StatsSource, item: T): void {
  const members = group.get(labels);
  if (members === undefined) group.set(labels, [{ source, item }]);
  else members.push({ source, item });
}

function* edgeLines(sources: readonly StatsSource[]): Generator<string> {
  const brief: Group<EdgeInfo> = new Map();
  const tcp: Group<EdgeInfo> = new Map();
  for (const source of sources) {
    for (const edge of source.edges) {
      if (edge.isOverflow && isSilent(source, edge, EDGE_METRICS)) continue;
      addTo(brief, briefLabels(edge), source, edge);
      if (isSilent(source, edge, EDGE_COUNTERS)) continue;
      for (const reporter of reportersOf(edge))
        addTo(tcp, `${edgeLabelText(edge, reporter)},response_flags="-"`, source, edge);
    }
  }
  for (const metric of EDGE_GAUGES) yield* edgeMetricLines(metric, brief);
  for (const metric of EDGE_COUNTERS) yield* edgeMetricLines(metric, tcp);
}

const EDGE_METRICS = [...EDGE_GAUGES, ...EDGE_COUNTERS];

const isSilent = (source: StatsSource, edge: EdgeInfo, metrics: readonly EdgeMetric[]): boolean =>
  metrics.every(({ valueAt }) => source.edgeValue(edge, valueAt) === 0);

const briefLabels = ({ source, destination }: EdgeInfo): string =>
  [
    `source_workload="${escapeLabel(source.workload || UNKNOWN)}"`,
    `source_workload_namespace="${escapeLabel(source.namespace || UNKNOWN)}"`,
    `destination_service="${escapeLabel(destination.service || UNKNOWN)}"`,
  ].join(",");

function* edgeMetricLines(metric: EdgeMetric, group: Group<EdgeInfo>): Generator<string> {
  if (group.size > 0) yield head(metric);
  for (const [labels, members] of group) {
    if (!areOpen(members)) continue;
    const value = members.reduce((sum, { source, item }) => sum + source.edgeValue(item, metric.valueAt), 0);
    yield `${metric.name}{${labels}} ${value}\n`;
  }
}

function* seriesLines(sources: readonly StatsSource[]): Generator<string> {
  const byKind: Record<SeriesKind, Group<SeriesInfo>> = { http: new Map(), tcp: new Map(), overflow: new Map() };
  for (const source of sources) groupSeries(source, byKind);
  yield* countLines(TCP_FAILED, byKind.tcp);
  const requests = new Map([...byKind.http, ...byKind.overflow]);
  yield* countLines(REQUESTS_TOTAL, requests);
  for (const histogram of SERIES_HISTOGRAMS) yield* histogramLines(histogram, requests);
}

function groupSeries(source: StatsSource, byKind: Record<SeriesKind, Group<SeriesInfo>>): void {
  const edgeTexts = new Map<EdgeInfo, readonly string[]>();
  for (const series of source.series) {
    if (source.seriesCount(series) === 0) continue;
    const known = edgeTexts.get(series.edge);
    const texts = known ?? reportersOf(series.edge).map((reporter) => edgeLabelText(series.edge, reporter));
    if (known === undefined) edgeTexts.set(series.edge, texts);
    const rest = seriesLabelText(series);
    for (const text of texts) addTo(byKind[series.kind], text + rest, source, series);
  }
}

function* countLines(family: MetricFamily, group: Group<SeriesInfo>): Generator<string> {
  if (group.size > 0) yield head(family);
  for (const [labels, members] of group) {
    if (!areOpen(members)) continue;
    const count = members.reduce((sum, { source, item }) => sum + source.seriesCount(item), 0);
    yield `${family.name}{${labels}} ${count}\n`;
  }
}

function* histogramLines(histogram: SeriesHistogram, group: Group<SeriesInfo>): Generator<string> {
  if (group.size > 0) yield head(histogram);
  const values = new Float64Array(SERIES_USED);
  const part = new Float64Array(SERIES_USED);
  const counts = new Float64Array(BOUND_TEXT.length);
  const shape = SHAPES[histogram.shape];
  for (const [labels, members] of group) {
    if (!areOpen(members)) continue;
    values.fill(0);
    for (const { source, item } of members) {
      if (!source.readSeries(item, part)) continue;
      for (let at = 0; at < SERIES_USED; at++) values[at]! += part[at]!;
    }
    if (values[SERIES_VALUE.count] === 0) continue;
    classicCounts(shape, BELOW[histogram.shape], values, histogram.bucketsAt, counts);
    yield oneHistogram(histogram, labels, counts, values[histogram.sumAt]! * histogram.sumScale);
  }
}

/** `_count` is the last bucket and not the series' own count: the two must be equal, and the worker counts on meanwhile. */
function oneHistogram(family: MetricFamily, labels: string, counts: Float64Array, sum: number): string {
  let text = "";
  for (const [at, bound] of BOUND_TEXT.entries()) {
    text += `${family.name}_bucket{${labels},le="${bound}"} ${counts[at]}\n`;
  }
  return `${text}${family.name}_sum{${labels}} ${sum}\n${family.name}_count{${labels}} ${counts[BOUND_TEXT.length - 1]}\n`;
}
