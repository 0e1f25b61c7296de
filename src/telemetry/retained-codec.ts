/**
 * Retained counters as lines of JSON, so that totals go on over a restart of the keeper. Whoever writes the text down also
 * guards it with a checksum; what comes back is checked all the same, and a line that makes no sense refuses the whole.
 */
import { RESPONSE_FLAGS } from "../model/response-flags.ts";
import { COUNTERS_MAX, EDGES_MAX, PROTOCOLS, REPORTERS, SECURITIES, SERIES_MAX, SERIES_USED } from "./layout.ts";
import { ABSORBED_MAX, KEPT_EDGE_VALUES, RetainedCounters } from "./retained-counters.ts";
import { saneCount } from "./sane-number.ts";
import type { EdgeInfo, SeriesInfo, SeriesKind } from "./stats-source.ts";

/** First line of the text; another one is refused. */
const HEADER = '{"selvedgeCounters":1}';

/** Longest text that `restoreCounters` looks at, in characters. Reason: a full region with twenty buckets per histogram. */
export const RETAINED_TEXT_MAX = 16 * 1024 * 1024;

const KINDS: readonly SeriesKind[] = ["http", "tcp", "overflow"];

/** Everything that was kept, one JSON value per line. */
export function* serialiseCounters(retained: RetainedCounters): Generator<string> {
  const { counters, edges, series, absorbed } = retained.kept();
  yield `${HEADER}\n`;
  yield `${JSON.stringify({ counters: [...counters.entries()].filter(([, value]) => value !== 0) })}\n`;
  yield `${JSON.stringify({ absorbed: [...absorbed] })}\n`;
  for (const { info, values } of edges) yield `${JSON.stringify({ edge: info, values: [...values] })}\n`;
  for (const { info, values } of series) {
    if (values.size === 0) continue;
    const entry = { series: { ...info, edge: info.edge.index }, values: [...values] };
    yield `${JSON.stringify(entry)}\n`;
  }
}

/** What was written down, or `undefined` where the text is not wholly what `serialiseCounters` writes. Never throws. */
export function restoreCounters(text: string): RetainedCounters | undefined {
  if (text.length > RETAINED_TEXT_MAX || !text.endsWith("\n")) return undefined;
  const [header, ...lines] = text.slice(0, -1).split("\n");
  if (header !== HEADER || lines.length > EDGES_MAX + SERIES_MAX + 2) return undefined;
  const retained = new RetainedCounters();
  const edges = new Map<number, EdgeInfo>();
  try {
    for (const line of lines) if (!takeLine(retained, edges, JSON.parse(line))) return undefined;
  } catch {
    return undefined;
  }
  return retained;
}

function takeLine(retained: RetainedCounters, edges: Map<number, EdgeInfo>, line: unknown): boolean {
  if (!isObject(line)) return false;
  if ("counters" in line) {
    return eachPair(line["counters"], COUNTERS_MAX, (position, value) => retained.addCounter(position, value));
  }
  if ("absorbed" in line) return takeAbsorbed(retained, line["absorbed"]);
  if ("edge" in line) return takeEdge(retained, edges, line["edge"], line["values"]);
  return takeSeries(retained, edges, line["series"], line["values"]);
}

function takeAbsorbed(retained: RetainedCounters, ids: unknown): boolean {
  if (!Array.isArray(ids) || ids.length > ABSORBED_MAX) return false;
  for (const id of ids) {
    if (!Number.isSafeInteger(id)) return false;
    retained.noteAbsorbed(id as number);
  }
  return true;
}

function takeEdge(retained: RetainedCounters, edges: Map<number, EdgeInfo>, edge: unknown, values: unknown): boolean {
  if (!isEdge(edge) || !Array.isArray(values) || values.length !== KEPT_EDGE_VALUES) return false;
  const kept = retained.keepEdge(edge);
  for (const [which, value] of values.entries())
    kept.values[which]! += typeof value === "number" ? saneCount(value) : 0;
  edges.set(edge.index, edge);
  return true;
}

function takeSeries(retained: RetainedCounters, edges: Map<number, EdgeInfo>, raw: unknown, values: unknown): boolean {
  if (!isObject(raw) || typeof raw["edge"] !== "number") return false;
  const edge = edges.get(raw["edge"]);
  const flag = RESPONSE_FLAGS.find((known) => known === raw["flag"]);
  const kind = KINDS.find((known) => known === raw["kind"]);
  const { code, grpc } = raw;
  if (edge === undefined || flag === undefined || kind === undefined) return false;
  if (typeof code !== "number" || typeof grpc !== "number") return false;
  const info: SeriesInfo = { index: 0, edge, kind, code, flag, grpc };
  const kept = retained.keepSeries(info).values;
  return eachPair(values, SERIES_USED, (at, value) => kept.set(at, (kept.get(at) ?? 0) + value));
}

/** Calls back for each `[position, count]`; false where the list is not one of such pairs. */
function eachPair(list: unknown, end: number, take: (position: number, value: number) => void): boolean {
  if (!Array.isArray(list)) return false;
  for (const pair of list) {
    if (!Array.isArray(pair) || pair.length !== 2) return false;
    const [position, value]: unknown[] = pair;
    if (typeof position !== "number" || typeof value !== "number") return false;
    if (!Number.isInteger(position) || position < 0 || position >= end) return false;
    take(position, saneCount(value));
  }
  return true;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const PEER_FIELDS = ["workload", "namespace", "principal", "app", "version", "cluster"];
const SERVICE_FIELDS = ["service", "serviceName", "serviceNamespace"];

function isEdge(value: unknown): value is EdgeInfo {
  if (!isObject(value)) return false;
  const hasTexts = (of: unknown, fields: readonly string[]): boolean =>
    isObject(of) && fields.every((field) => typeof of[field] === "string");
  const isOneOf = (of: unknown, known: readonly string[]): boolean => typeof of === "string" && known.includes(of);
  return (
    Number.isInteger(value["index"]) &&
    typeof value["key"] === "string" &&
    typeof value["isOverflow"] === "boolean" &&
    isOneOf(value["reporter"], REPORTERS) &&
    isOneOf(value["protocol"], PROTOCOLS) &&
    isOneOf(value["security"], SECURITIES) &&
    hasTexts(value["source"], PEER_FIELDS) &&
    hasTexts(value["destination"], [...PEER_FIELDS, ...SERVICE_FIELDS])
  );
}
