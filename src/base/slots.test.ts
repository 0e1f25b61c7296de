import { expect, test } from "bun:test";
import { Slots } from "./slots.ts";

test("members are there until their slot is given back", () => {
  const slots = new Slots<string>();
  const [a, b] = [slots.add("a"), slots.add("b")];
  expect([slots.size, slots.all()]).toEqual([2, ["a", "b"]]);
  slots.delete(a);
  expect([slots.size, slots.all()]).toEqual([1, ["b"]]);
  slots.delete(b);
  expect([slots.size, slots.all()]).toEqual([0, []]);
});

test("slots are used again", () => {
  const slots = new Slots<number>();
  const used = new Set(
    Array.from({ length: 1000 }, (_, i) => {
      const slot = slots.add(i);
      slots.delete(slot);
      return slot;
    }),
  );
  expect(used.size).toBe(1);
});

test("a slot is given back once", () => {
  const slots = new Slots<string>();
  const slot = slots.add("a");
  slots.delete(slot);
  expect(() => slots.delete(slot)).toThrow(new RangeError("nobody is in slot 0"));
  expect(() => slots.delete(7)).toThrow(RangeError);
  expect(slots.size).toBe(0);
});

test("members may leave while all are looked at", () => {
  const slots = new Slots<number>();
  const mine = [slots.add(1), slots.add(2), slots.add(3)];
  for (const member of slots.all()) slots.delete(mine[member - 1]!);
  expect(slots.size).toBe(0);
});
