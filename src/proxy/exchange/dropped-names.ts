import type { HeaderEdits } from "../../model/route/header-edits.ts";

/** Header names that are dropped, in a form in which a name is looked up by its bytes. */
export class DroppedNames {
  /** Bit `length & 31` for each name: most lines are told apart by this alone. */
  readonly #lengths: number;
  readonly #names: readonly Buffer[];

  /** @param names in lower case. */
  constructor(names: Iterable<string>) {
    this.#names = [...names].map((name) => Buffer.from(name, "latin1"));
    this.#lengths = this.#names.reduce((lengths, name) => lengths | (1 << (name.length & 31)), 0);
  }

  /** Whether `bytes[start, end)` is one of the names, in whatever case. */
  has(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if ((this.#lengths & (1 << (length & 31))) === 0) return false;
    for (const name of this.#names) if (name.length === length && equals(bytes, start, name)) return true;
    return false;
  }
}

function equals(bytes: Buffer, start: number, name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i]!;
    if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== name[i]) return false;
  }
  return true;
}

const known = new WeakMap<HeaderEdits, DroppedNames | null>();

/** The names that edits drop; `null` where they drop none. Made once per edits. */
export function droppedBy(edits: HeaderEdits | null): DroppedNames | null {
  if (edits === null) return null;
  let names = known.get(edits);
  if (names === undefined) {
    names = edits.dropped.size > 0 ? new DroppedNames(edits.dropped) : null;
    known.set(edits, names);
  }
  return names;
}
