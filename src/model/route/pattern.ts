/**
 * Matches a subject against a pattern in time linear in its length, whatever the pattern: a simulated automaton, never
 * backtracking, so no header and no path can make a worker stand still.
 */
import { PatternError, type PatternNode, parsePattern } from "./pattern-parse.ts";

/** Most steps of a compiled pattern, counts unrolled. Reason: the time per character grows with it; 8 KiB then take 40 ms at the very worst, an ordinary path 1 us. */
export const PATTERN_STEPS_MAX = 256;

/** Longest subject; a longer one does not match. The longest request target. */
export const PATTERN_SUBJECT_CHARS_MAX = 8192;

/** Kinds of step: take a character of a set; go on at two places; done. */
const TAKE = 0;
const FORK = 1;
const DONE = 2;

interface Step {
  kind: typeof TAKE | typeof FORK | typeof DONE;
  next: number;
  /** FORK: the other place. */
  other: number;
  ranges: readonly number[];
  negated: boolean;
}

/** A compiled pattern. Holds its own scratch space: not re-entrant, and it never has to be. */
export class Pattern {
  readonly #steps: readonly Step[];
  readonly #start: number;
  #active: Int32Array;
  #following: Int32Array;
  readonly #marks: Uint32Array;
  readonly #stack: Int32Array;
  #mark = 0;

  /** @throws PatternError where the text is not in the dialect or too large */
  constructor(text: string) {
    const builder = new Builder();
    this.#start = builder.add(parsePattern(text), builder.step({ kind: DONE }));
    this.#steps = builder.steps;
    this.#active = new Int32Array(this.#steps.length);
    this.#following = new Int32Array(this.#steps.length);
    this.#marks = new Uint32Array(this.#steps.length);
    this.#stack = new Int32Array(this.#steps.length * 2);
  }

  /** Whether the whole subject matches. */
  test(subject: string): boolean {
    if (subject.length > PATTERN_SUBJECT_CHARS_MAX) return false;
    this.#nextMark();
    let count = this.#enter(this.#start, this.#active, 0);
    for (let at = 0; at < subject.length && count > 0; at++) {
      const code = subject.charCodeAt(at);
      this.#nextMark();
      let following = 0;
      for (let i = 0; i < count; i++) {
        const step = this.#steps[this.#active[i]!]!;
        if (step.kind === TAKE && takes(step, code)) following = this.#enter(step.next, this.#following, following);
      }
      [this.#active, this.#following] = [this.#following, this.#active];
      count = following;
    }
    for (let i = 0; i < count; i++) if (this.#steps[this.#active[i]!]!.kind === DONE) return true;
    return false;
  }

  /** Adds a place and everything reachable from it without a character; each place once per character. */
  #enter(place: number, list: Int32Array, count: number): number {
    const stack = this.#stack;
    let depth = 0;
    let length = count;
    stack[depth++] = place;
    while (depth > 0) {
      const at = stack[--depth]!;
      if (this.#marks[at] === this.#mark) continue;
      this.#marks[at] = this.#mark;
      const step = this.#steps[at]!;
      if (step.kind === FORK) {
        stack[depth++] = step.other;
        stack[depth++] = step.next;
      } else {
        list[length++] = at;
      }
    }
    return length;
  }

  #nextMark(): void {
    this.#mark = (this.#mark + 1) >>> 0;
    if (this.#mark !== 0) return;
    this.#marks.fill(0);
    this.#mark = 1;
  }
}

function takes(step: Step, code: number): boolean {
  const ranges = step.ranges;
  for (let i = 0; i < ranges.length; i += 2) {
    if (code >= ranges[i]! && code <= ranges[i + 1]!) return !step.negated;
  }
  return step.negated;
}

/** Builds steps from the end to the start: `add(node, next)` gives the place where `node` begins. */
class Builder {
  readonly steps: Step[] = [];

  step(values: Pick<Step, "kind"> & Partial<Step>): number {
    if (this.steps.length >= PATTERN_STEPS_MAX) throw new PatternError(`more than ${PATTERN_STEPS_MAX} steps unrolled`);
    this.steps.push({ next: 0, other: 0, ranges: [], negated: false, ...values });
    return this.steps.length - 1;
  }

  add(node: PatternNode, next: number): number {
    switch (node.type) {
      case "set":
        return this.step({ kind: TAKE, next, ranges: node.ranges, negated: node.negated });
      case "concat":
        return node.parts.reduceRight((after, part) => this.add(part, after), next);
      case "either":
        return node.options
          .map((option) => this.add(option, next))
          .reduceRight((other, place) => this.step({ kind: FORK, next: place, other }));
      case "repeat":
        return this.#repeat(node.part, node.min, node.max, next);
    }
  }

  #repeat(part: PatternNode, min: number, max: number, next: number): number {
    let place = next;
    if (max === Infinity) {
      place = this.step({ kind: FORK, other: next });
      this.steps[place]!.next = this.add(part, place);
    } else {
      for (let n = min; n < max; n++) place = this.step({ kind: FORK, next: this.add(part, place), other: next });
    }
    for (let n = 0; n < min; n++) place = this.add(part, place);
    return place;
  }
}
