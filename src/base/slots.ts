/**
 * A bag whose members come and go all the time. Whoever adds one keeps its slot, and gives it back to take the member out.
 * Slots are used again, so that it holds no more than ever were in it at once.
 *
 * Not a Set: that is made anew every few additions, and each old one leads to the next, so that a collection that looks at
 * young objects only keeps all that ever were in it.
 */
export class Slots<T> {
  readonly #members: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** How many members there are. */
  get size(): number {
    return this.#members.length - this.#free.length;
  }

  /** Adds a member; answers its slot, 0 or more. */
  add(member: T): number {
    const slot = this.#free.pop() ?? this.#members.length;
    this.#members[slot] = member;
    return slot;
  }

  /** Takes out the member of a slot that `add` answered, once. Throws RangeError where there is none. */
  delete(slot: number): void {
    if (this.#members[slot] === undefined) throw new RangeError(`nobody is in slot ${slot}`);
    this.#members[slot] = undefined;
    this.#free.push(slot);
  }

  /** All members, in no order; a copy, so that they may leave while it is looked at. */
  all(): T[] {
    return this.#members.filter((member) => member !== undefined) as T[];
  }
}
