import { describe, expect, test } from "bun:test";
import { BRIEF_BYTES_PER_BULK, BULK_QUANTUM_BYTES, QUANTUM_BYTES } from "./limits.ts";
import { SendingOrder } from "./sending-order.ts";

const little = (name: string) => ({ name, queuedBytes: QUANTUM_BYTES });
const much = (name: string) => ({ name, queuedBytes: QUANTUM_BYTES + 1 });

/** Gives `count` turns, in each of which all that may be is sent; whoever had one waits again. */
function names(order: SendingOrder<ReturnType<typeof little>>, count: number): string {
  const had: string[] = [];
  for (let i = 0; i < count; i++) {
    const one = order.next()!;
    order.took(order.quantumBytes);
    order.add(one);
    had.push(one.name);
  }
  return had.join("");
}

describe("turns", () => {
  test("come round for all who have much, and for all who have little", () => {
    for (const kind of [much, little]) {
      const order = new SendingOrder<ReturnType<typeof little>>();
      for (const name of "abc") order.add(kind(name));
      expect(names(order, 7)).toBe("abcabca");
    }
  });

  test("are first of those who have little, however many have much", () => {
    const order = new SendingOrder<ReturnType<typeof little>>();
    for (let i = 0; i < 50; i++) order.add(much("B"));
    order.add(little("a"));
    expect(order.next()?.name).toBe("a");
    expect(order.quantumBytes).toBe(QUANTUM_BYTES);
  });

  test("are not only of those who have little: the others send as much", () => {
    const order = new SendingOrder<ReturnType<typeof little>>();
    for (const name of "AB") order.add(much(name));
    for (const name of "abc") order.add(little(name));
    const each = Math.ceil(BRIEF_BYTES_PER_BULK / QUANTUM_BYTES);
    const round = names(order, 2 * (each + 1));
    expect(round.replace(/[a-z]/g, "")).toBe("AB");
    expect(round.indexOf("A")).toBe(each);
    expect(BULK_QUANTUM_BYTES).toBeGreaterThanOrEqual(BRIEF_BYTES_PER_BULK);
  });

  test("end with whoever sent all", () => {
    const order = new SendingOrder<ReturnType<typeof little>>();
    order.add(much("A"));
    order.add(little("a"));
    expect([...order].map(({ name }) => name)).toEqual(["a", "A"]);
    for (const name of ["a", "A"]) {
      expect(order.next()?.name).toBe(name);
      order.took(1);
    }
    expect([order.next(), order.isEmpty]).toEqual([undefined, true]);
  });
});
