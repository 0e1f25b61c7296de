import { FLAG, RESPONSE_FLAGS, type ResponseFlag } from "../model/response-flags.ts";
import { DURATION_HISTOGRAM } from "./exponential.ts";
import type { SeriesInfo } from "./stats-source.ts";

/** How requests or connections ended, and how many did. */
export interface Outcome {
  readonly kind: "http" | "tcp";
  /** 0 where there was none. */
  readonly code: number;
  readonly flag: ResponseFlag;
  /** 0 to 16, or -1. */
  readonly grpc: number;
  readonly count: number;
}

/** Positions of TCP numbers in `EdgeActivity.tcp`; the first four are EDGE_VALUE's. */
export const TCP_NUMBERS = 4;

/** Room for gRPC statuses (-1 to 16) and the mark of a TCP connection in an outcome's key. */
const KINDS = 19;
const TCP_MARK = 18;

/** Outcome keys are below this: code up to 999, 64 flags, 19 kinds; 21 bits. */
export const OUTCOME_KEYS = 1000 * 64 * KINDS;

/** What happened on one edge in some interval. Grows with what is different, not with how much there is. */
export class EdgeActivity {
  /** Count by outcome key. */
  readonly outcomes = new Map<number, number>();
  /** Count by slot of the duration histogram. */
  readonly buckets = new Map<number, number>();
  /** Opened, closed, bytes sent, bytes received. */
  readonly tcp = new Float64Array(TCP_NUMBERS);

  add(other: EdgeActivity): void {
    for (const [key, count] of other.outcomes) bump(this.outcomes, key, count);
    for (const [slot, count] of other.buckets) bump(this.buckets, slot, count);
    for (let at = 0; at < TCP_NUMBERS; at++) this.tcp[at]! += other.tcp[at]!;
  }

  get isEmpty(): boolean {
    return this.outcomes.size === 0 && this.tcp.every((value) => value === 0);
  }

  /** The outcomes, spelt out. */
  outcomeList(): Outcome[] {
    return [...this.outcomes].map(([key, count]) => outcomeOf(key, count));
  }

  /** The duration histogram with a place for every slot. */
  durations(): Float64Array {
    const dense = new Float64Array(DURATION_HISTOGRAM.buckets);
    for (const [slot, count] of this.buckets) dense[slot] = count;
    return dense;
  }
}

/** Adds to a count in a map. */
export function bump<Key>(counts: Map<Key, number>, key: Key, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}

/** The key that tells a series' outcome from others of its edge. */
export function outcomeKey(series: SeriesInfo): number {
  const kind = series.kind === "tcp" ? TCP_MARK : series.grpc + 1;
  return (series.code * 64 + FLAG_INDEX.get(series.flag)!) * KINDS + kind;
}

function outcomeOf(key: number, count: number): Outcome {
  const kind = key % KINDS;
  const flag = RESPONSE_FLAGS[Math.floor(key / KINDS) % 64] ?? RESPONSE_FLAGS[FLAG.none];
  const code = Math.floor(key / (KINDS * 64));
  const isTcp = kind === TCP_MARK;
  return { kind: isTcp ? "tcp" : "http", code, flag, grpc: isTcp ? -1 : kind - 1, count };
}

const FLAG_INDEX = new Map<ResponseFlag, number>(RESPONSE_FLAGS.map((flag, index) => [flag, index]));
