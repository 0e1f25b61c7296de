/** Strings in Huffman form (RFC 7541 5.2): read four bits at a time by table, written symbol by symbol. */
import { CODE, CODE_BITS, END_OF_STRING, SYMBOLS } from "./huffman-code.ts";

/** Answer of `decodeHuffman`: the end-of-string symbol, padding that is too long or not all ones, or no room. */
export const BAD_HUFFMAN = -1;

/** What one nibble does in one state: bits 0-7 the symbol, 8-15 the next state, then flags. */
const STATE_SHIFT = 8;
const EMITS = 1 << 16;
/** The bits since the last symbol may end the string: at most seven, all ones (RFC 7541 5.2). */
const MAY_END = 1 << 17;
const FAILS = 1 << 18;

/** An inner node of the code tree; there are 256, one less than leaves, so a state fits a byte. */
interface Node {
  readonly zero: Node | number;
  readonly one: Node | number;
}

function treeOf(): Node {
  const root: { zero?: unknown; one?: unknown } = {};
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    let node: { zero?: unknown; one?: unknown } = root;
    for (let bit = CODE_BITS[symbol]! - 1; bit > 0; bit--) {
      const side = (CODE[symbol]! >>> bit) & 1 ? "one" : "zero";
      node[side] ??= {};
      node = node[side] as typeof root;
    }
    node[CODE[symbol]! & 1 ? "one" : "zero"] = symbol;
  }
  return root as Node;
}

function numberNodes(node: Node | number, states: Map<Node, number>): void {
  if (typeof node === "number") return;
  states.set(node, states.size);
  numberNodes(node.zero, states);
  numberNodes(node.one, states);
}

/** The nodes that at most seven ones lead to: a string may end there. */
function endingNodes(root: Node): ReadonlySet<Node> {
  const nodes = new Set<Node>([root]);
  let node: Node | number = root;
  for (let ones = 1; ones <= 7 && typeof node !== "number"; ones++) {
    node = node.one;
    if (typeof node !== "number") nodes.add(node);
  }
  return nodes;
}

function transition(
  from: Node,
  nibble: number,
  root: Node,
  states: Map<Node, number>,
  ending: ReadonlySet<Node>,
): number {
  let node: Node | number = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    node = (nibble >>> bit) & 1 ? (node as Node).one : (node as Node).zero;
    if (typeof node !== "number") continue;
    if (node === END_OF_STRING) return FAILS;
    emitted = EMITS | node;
    node = root;
  }
  const mayEnd = ending.has(node as Node) ? MAY_END : 0;
  return emitted | mayEnd | (states.get(node as Node)! << STATE_SHIFT);
}

/** `state << 4 | nibble` to what happens. No code has fewer than five bits, so a nibble ends at most one symbol. */
const TRANSITIONS: Uint32Array = (() => {
  const root = treeOf();
  const states = new Map<Node, number>();
  numberNodes(root, states);
  const ending = endingNodes(root);
  const table = new Uint32Array(states.size << 4);
  for (const [node, state] of states)
    for (let nibble = 0; nibble < 16; nibble++) {
      table[(state << 4) | nibble] = transition(node, nibble, root, states, ending);
    }
  return table;
})();

/**
 * Decodes `buf[start, end)` into `into` at `at` and answers the offset behind the text, or BAD_HUFFMAN. The text is at most
 * 8/5 as long; where `into` has not that much room left, a text that does not fit is BAD_HUFFMAN too.
 */
export function decodeHuffman(buf: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
  const room = into.length;
  let to = at;
  let step = MAY_END;
  for (let from = start; from < end; from++) {
    const byte = buf[from]!;
    step = TRANSITIONS[(((step >>> STATE_SHIFT) & 0xff) << 4) | (byte >>> 4)]!;
    if ((step & (EMITS | FAILS)) !== 0) {
      if ((step & FAILS) !== 0 || to >= room) return BAD_HUFFMAN;
      into[to++] = step;
    }
    step = TRANSITIONS[(((step >>> STATE_SHIFT) & 0xff) << 4) | (byte & 15)]!;
    if ((step & (EMITS | FAILS)) !== 0) {
      if ((step & FAILS) !== 0 || to >= room) return BAD_HUFFMAN;
      into[to++] = step;
    }
  }
  return (step & MAY_END) !== 0 ? to : BAD_HUFFMAN;
}

/** Bytes that `buf[start, end)` takes in Huffman form. */
export function huffmanBytes(buf: Uint8Array, start: number, end: number): number {
  let bits = 0;
  for (let at = start; at < end; at++) bits += CODE_BITS[buf[at]!]!;
  return (bits + 7) >>> 3;
}

/**
 * Writes `buf[start, end)` in Huffman form at `at` and answers the offset behind it. The caller made sure that
 * `huffmanBytes` fit.
 */
export function encodeHuffman(buf: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
  let to = at;
  /** Bits not written yet stand in the low `count` bits; never more than seven between symbols. */
  let pending = 0;
  let count = 0;
  for (let from = start; from < end; from++) {
    const symbol = buf[from]!;
    let bits = CODE_BITS[symbol]!;
    const code = CODE[symbol]!;
    // Seven pending bits and more than 24 new ones would not fit into 32: the high part goes first.
    if (bits > 24) {
      bits -= 15;
      pending = (pending << bits) | (code >>> 15);
      count += bits;
      while (count >= 8) {
        count -= 8;
        into[to++] = pending >>> count;
      }
      pending = ((pending & ((1 << count) - 1)) << 15) | (code & 0x7fff);
      count += 15;
    } else {
      pending = (pending << bits) | code;
      count += bits;
    }
    while (count >= 8) {
      count -= 8;
      into[to++] = pending >>> count;
    }
    pending &= (1 << count) - 1;
  }
  if (count > 0) into[to++] = (pending << (8 - count)) | (0xff >>> count);
  return to;
}
