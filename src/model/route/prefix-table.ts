/** Finds the longest path prefix, by whole segments, without allocating and without regard to how many there are. */

/** A prefix in the table. */
export interface PrefixNode<T> {
  /** Without a trailing slash; `""` for `/`. */
  readonly prefix: string;
  readonly value: T;
  /** The next shorter prefix in the table that every path under this one has too. */
  parent: PrefixNode<T> | null;
}

/** The prefix without its trailing slash, which Gateway API tells us to ignore. */
export function trimPrefix(prefix: string): string {
  return prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
}

/**
 * An immutable table of prefixes.
 *
 * One pass over the path keeps a running hash and probes at the ends of segments, as far as the longest prefix goes.
 * Colliding with a hash gains a caller one failed comparison.
 */
export class PrefixTable<T> {
  readonly #slots: readonly (PrefixNode<T> | undefined)[];
  readonly #hashes: Int32Array;
  readonly #mask: number;
  readonly #root: PrefixNode<T> | null;
  /** 1 where a prefix of that length exists. */
  readonly #lengths: Uint8Array;

  /** @param values by trimmed prefix */
  constructor(values: ReadonlyMap<string, T>) {
    const nodes = [...values].map(([prefix, value]): PrefixNode<T> => ({ prefix, value, parent: null }));
    nodes.sort((a, b) => a.prefix.length - b.prefix.length);
    let size = 4;
    while (size < nodes.length * 2) size *= 2;
    const slots = new Array<PrefixNode<T> | undefined>(size).fill(undefined);
    this.#hashes = new Int32Array(size);
    this.#mask = size - 1;
    this.#slots = slots;
    this.#lengths = new Uint8Array((nodes.at(-1)?.prefix.length ?? 0) + 1);
    this.#root = nodes[0]?.prefix === "" ? nodes[0] : null;
    for (const node of nodes) {
      if (node.prefix === "") continue;
      // Shorter ones are in already, so what is the longest for the prefix itself is its parent.
      node.parent = this.longest(node.prefix);
      const hash = hashOf(node.prefix);
      let slot = hash & this.#mask;
      while (slots[slot] !== undefined) slot = (slot + 1) & this.#mask;
      slots[slot] = node;
      this.#hashes[slot] = hash;
      this.#lengths[node.prefix.length] = 1;
    }
  }

  /** The longest prefix of the path, or null. The shorter ones follow through `parent`. */
  longest(path: string): PrefixNode<T> | null {
    let best = this.#root;
    const lengths = this.#lengths;
    const reach = Math.min(path.length, lengths.length - 1);
    let hash = 0;
    for (let length = 1; length <= reach; length++) {
      hash = (Math.imul(hash, 31) + path.charCodeAt(length - 1)) | 0;
      if (lengths[length] === 0) continue;
      if (length < path.length && path.charCodeAt(length) !== 0x2f) continue;
      const node = this.#probe(hash, path, length);
      if (node !== undefined) best = node;
    }
    return best;
  }

  #probe(hash: number, path: string, length: number): PrefixNode<T> | undefined {
    let slot = hash & this.#mask;
    for (;;) {
      const node = this.#slots[slot];
      if (node === undefined) return undefined;
      if (this.#hashes[slot] === hash && node.prefix.length === length && path.startsWith(node.prefix)) return node;
      slot = (slot + 1) & this.#mask;
    }
  }
}

function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}
