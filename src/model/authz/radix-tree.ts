class Node<T> {
  label: string;
  children: Map<number, Node<T>> | null = null;
  exact: T | undefined = undefined;
  prefix: T | undefined = undefined;

  constructor(label: string) {
    this.label = label;
  }
}

/**
 * Values filed under whole strings and under beginnings of strings (or, with `fromEnd`, under ends), found in one walk over
 * the characters of a text. The cost depends on the text's length, not on how many values there are.
 */
export class RadixTree<T> {
  readonly #root = new Node<T>("");
  readonly #fromEnd: boolean;
  /** How many values are filed. */
  size = 0;

  constructor(fromEnd = false) {
    this.#fromEnd = fromEnd;
  }

  /** The value filed under exactly `text` as a whole or as a beginning; made and filed where there is none. */
  open(kind: "exact" | "prefix", text: string, make: () => T): T {
    const node = this.#nodeFor(this.#fromEnd ? reverse(text) : text);
    const known = node[kind];
    if (known !== undefined) return known;
    const made = make();
    node[kind] = made;
    this.size++;
    return made;
  }

  /** Writes every value that `text` finds to the front of `out`, which only grows, and returns how many there are. */
  collect(text: string, out: T[]): number {
    let count = 0;
    let node: Node<T> = this.#root;
    let at = 0;
    for (;;) {
      if (node.prefix !== undefined) out[count++] = node.prefix;
      if (at === text.length) {
        if (node.exact !== undefined) out[count++] = node.exact;
        return count;
      }
      const next = node.children?.get(this.#charAt(text, at));
      if (next === undefined || !this.#hasLabel(text, at, next.label)) return count;
      at += next.label.length;
      node = next;
    }
  }

  #charAt(text: string, at: number): number {
    return text.charCodeAt(this.#fromEnd ? text.length - 1 - at : at);
  }

  #hasLabel(text: string, at: number, label: string): boolean {
    if (!this.#fromEnd) return text.startsWith(label, at);
    if (text.length - at < label.length) return false;
    for (let i = 1; i < label.length; i++) {
      if (text.charCodeAt(text.length - 1 - at - i) !== label.charCodeAt(i)) return false;
    }
    return true;
  }

  #nodeFor(text: string): Node<T> {
    let node = this.#root;
    let at = 0;
    while (at < text.length) {
      const first = text.charCodeAt(at);
      node.children ??= new Map();
      const next = node.children.get(first);
      if (next === undefined) {
        const leaf = new Node<T>(text.slice(at));
        node.children.set(first, leaf);
        return leaf;
      }
      const shared = sharedLength(text, at, next.label);
      node = shared === next.label.length ? next : split(node, next, shared);
      at += shared;
    }
    return node;
  }
}

function split<T>(parent: Node<T>, child: Node<T>, length: number): Node<T> {
  const middle = new Node<T>(child.label.slice(0, length));
  child.label = child.label.slice(length);
  middle.children = new Map([[child.label.charCodeAt(0), child]]);
  parent.children?.set(middle.label.charCodeAt(0), middle);
  return middle;
}

function sharedLength(text: string, at: number, label: string): number {
  let length = 0;
  while (length < label.length && text.charCodeAt(at + length) === label.charCodeAt(length)) length++;
  return length;
}

function reverse(text: string): string {
  let reversed = "";
  // By code unit, as the walk compares them; code points would come out in another order.
  for (let i = text.length - 1; i >= 0; i--) reversed += text[i];
  return reversed;
}
