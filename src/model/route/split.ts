/**
 * An exact weighted split: not lucky in the long run, but right in every block.
 *
 * With weights that stay as they are, every aligned block of sum(weights)/gcd picks holds exactly each backend's share, and
 * the order inside a block is random: each turn of a backend falls at a random place of its own window (a strict rhythm
 * would always hit the same one of alternating calls). A pick is O(log n); nothing of the size of a block is kept.
 *
 * How: a binary tree over the backends; at each inner node one side is drawn so that its lag (expected minus actual picks)
 * never leaves (-1, 1). Lags are integers (scaled by the node's weight), so a block ends exactly where it began.
 */

/** How many picks each backend is owed (positive) or ahead (negative), by index; what outlives a change of weights. */
export interface SplitState {
  readonly debts: readonly number[];
}

/**
 * Draws backends by weight.
 *
 * After a change of weights the debts come along: whole owed picks are made good in the first block, fractions stay in the
 * ledger until they add up to a whole one. So from a single edit on, blocks are exact again, and edits at any rate do not
 * starve the 1 %. For two backends the count stays within 2 of its running expectation over any sequence of changes
 * (within 1 while weights stay); for n backends within 1 + ceil(log2 n) while they stay.
 */
export class Split {
  readonly #random: () => number;
  readonly #count: number;
  /** Index of the first leaf in the heap-ordered tree: a power of two. */
  readonly #leaves: number;
  /** Weight of every tree node. */
  readonly #weights: number[];
  /** Inner nodes: lag of the left child, times the node's weight. */
  readonly #lags: number[];
  /** Debts that are not worked off in this tree. */
  readonly #ledger: readonly number[];

  /**
   * @param weights non-negative integers
   * @param random uniform in [0, 1)
   * @param state of the split that this one takes the place of, same indexes; debts should sum to 0
   */
  constructor(weights: readonly number[], random: () => number, state?: SplitState) {
    this.#random = random;
    this.#count = weights.length;
    this.#leaves = powerOfTwoAtLeast(weights.length);
    this.#weights = sumTree(weights, this.#leaves);
    const debts = weights.map((_, index) => state?.debts[index] ?? 0);
    const owed = wholePicks(debts, weights);
    this.#ledger = debts.map((debt, index) => debt - owed[index]!);
    this.#lags = initialLags(this.#weights, sumTree(owed, this.#leaves), this.#leaves);
  }

  /** Index of the backend for the next request; -1 when all weights are 0. */
  next(): number {
    const weights = this.#weights;
    if (weights[1] === 0) return -1;
    const leaves = this.#leaves;
    let node = 1;
    while (node < leaves) {
      const left = node * 2;
      const total = weights[node]!;
      const leftWeight = weights[left]!;
      const lag = this.#lags[node]!;
      // The lighter side is the one drawn: its turns are the rare events whose place must not be predictable.
      const takesLeft =
        leftWeight * 2 <= total
          ? drawsTurn(lag, leftWeight, total, this.#random)
          : !drawsTurn(-lag, total - leftWeight, total, this.#random);
      this.#lags[node] = takesLeft ? lag + leftWeight - total : lag + leftWeight;
      node = takesLeft ? left : left + 1;
    }
    return node - leaves;
  }

  /** What each backend is owed at this moment. */
  state(): SplitState {
    const owed = new Array<number>(this.#leaves * 2).fill(0);
    for (let node = 1; node < this.#leaves; node++) {
      const total = this.#weights[node]!;
      if (total === 0) continue;
      const left = node * 2;
      owed[left] = (this.#lags[node]! + this.#weights[left]! * owed[node]!) / total;
      owed[left + 1] = owed[node]! - owed[left]!;
    }
    return { debts: this.#ledger.map((debt, index) => debt + owed[this.#leaves + index]!) };
  }

  /** Number of backends, those with weight 0 included. */
  get size(): number {
    return this.#count;
  }
}

/** Whether the lighter side gets this pick; `lag` and `weight` are in units of `1 / total`. */
function drawsTurn(lag: number, weight: number, total: number, random: () => number): boolean {
  if (weight === 0) return false;
  const due = lag + weight;
  if (due >= total) return true;
  if (due <= 0) return false;
  // The turn is uniform over its window: the chance is this pick's part of what is left of the window.
  return random() < (lag >= 0 ? weight / (total - lag) : due / total);
}

function powerOfTwoAtLeast(count: number): number {
  let size = 1;
  while (size < count) size *= 2;
  return size;
}

function sumTree(values: readonly number[], leaves: number): number[] {
  const tree = new Array<number>(leaves * 2).fill(0);
  for (let index = 0; index < values.length; index++) tree[leaves + index] = values[index]!;
  for (let node = leaves - 1; node >= 1; node--) tree[node] = tree[node * 2]! + tree[node * 2 + 1]!;
  return tree;
}

function initialLags(weights: readonly number[], owed: readonly number[], leaves: number): number[] {
  const lags = new Array<number>(leaves).fill(0);
  for (let node = 1; node < leaves; node++) {
    lags[node] = owed[node * 2]! * weights[node]! - weights[node * 2]! * owed[node]!;
  }
  return lags;
}

/** Whole picks to move from those that are ahead to those that are owed; sums to 0, and 0 for weight 0. */
function wholePicks(debts: readonly number[], weights: readonly number[]): number[] {
  const rest = [...debts];
  const owed = debts.map(() => 0);
  for (let round = 0; round < debts.length * 4; round++) {
    const most = extreme(rest, weights, 1);
    const least = extreme(rest, weights, -1);
    if (most < 0 || rest[most]! - rest[least]! <= 1) break;
    if (rest[most]! < 1 && rest[least]! > -1) break;
    rest[most]! -= 1;
    owed[most]! += 1;
    rest[least]! += 1;
    owed[least]! -= 1;
  }
  return owed;
}

function extreme(values: readonly number[], weights: readonly number[], sign: 1 | -1): number {
  let best = -1;
  for (let index = 0; index < values.length; index++) {
    if (weights[index]! > 0 && (best < 0 || values[index]! * sign > values[best]! * sign)) best = index;
  }
  return best;
}
