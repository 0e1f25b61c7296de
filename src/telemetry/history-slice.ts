import { EdgeActivity, OUTCOME_KEYS, TCP_NUMBERS } from "./edge-activity.ts";

/** Multiplier that puts a count above a histogram slot in one number. */
const SLOTS = 512;

/** Largest count that one number holds beside its key. Reason: 2^53 over the 21 bits of an outcome key. */
const COUNT_MAX = 2 ** 31;

/** Numbers before an edge's outcomes: its id, how many outcomes, how many buckets, then TCP. */
const FIXED = 3 + TCP_NUMBERS;

/**
 * What happened in an interval, packed into one array: most edges of most intervals are idle and take nothing, and a busy one
 * takes about 240 bytes.
 */
export interface HistorySlice {
  /** Epoch milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly packed: Float64Array;
}

/** Packs the activity of edges, by edge id. Edges on which nothing happened are left out. */
export function packSlice(startMs: number, endMs: number, edges: ReadonlyMap<number, EdgeActivity>): HistorySlice {
  const numbers: number[] = [];
  for (const [id, activity] of edges) {
    if (activity.isEmpty) continue;
    numbers.push(id, activity.outcomes.size, activity.buckets.size, ...activity.tcp);
    for (const [key, count] of activity.outcomes) numbers.push(Math.min(count, COUNT_MAX) * OUTCOME_KEYS + key);
    for (const [slot, count] of activity.buckets) numbers.push(Math.min(count, COUNT_MAX) * SLOTS + slot);
  }
  return { startMs, endMs, packed: Float64Array.from(numbers) };
}

/** Adds a packed slice to the activity of edges, by edge id. */
export function unpackInto(slice: HistorySlice, edges: Map<number, EdgeActivity>): void {
  const { packed } = slice;
  for (let at = 0; at < packed.length; ) {
    const activity = new EdgeActivity();
    const id = packed[at]!;
    const outcomesEnd = at + FIXED + packed[at + 1]!;
    const bucketsEnd = outcomesEnd + packed[at + 2]!;
    for (let tcp = 0; tcp < TCP_NUMBERS; tcp++) activity.tcp[tcp] = packed[at + 3 + tcp]!;
    for (at += FIXED; at < outcomesEnd; at++) takePair(activity.outcomes, packed[at]!, OUTCOME_KEYS);
    for (; at < bucketsEnd; at++) takePair(activity.buckets, packed[at]!, SLOTS);
    const known = edges.get(id);
    if (known === undefined) edges.set(id, activity);
    else known.add(activity);
  }
}

function takePair(counts: Map<number, number>, pair: number, keys: number): void {
  counts.set(pair % keys, Math.floor(pair / keys));
}
