import { expect, test } from "bun:test";
import { Doorkeeper } from "./doorkeeper.ts";

test("a line is back when it is seen again within the window, and not when it comes later", () => {
  const keeper = new Doorkeeper(64);
  expect(keeper.isBack(11, 100, 1000)).toBe(false);
  expect(keeper.isBack(11, 100, 1000)).toBe(true);
  for (let i = 0; i < 11; i++) keeper.isBack(1000 + i, 100, 1000);
  expect(keeper.isBack(11, 100, 1000)).toBe(false);
  keeper.note(12);
  expect(keeper.isBack(12, 100, 1000)).toBe(true);
});

test("two lines that share one place are both remembered", () => {
  const keeper = new Doorkeeper(64);
  const [a, b] = [0x0001_0005, 0x0002_0005];
  for (let i = 0; i < 3; i++) for (const hash of [a, b]) expect(keeper.isBack(hash, 10, 1000)).toBe(i > 0);
});

test("its clock may run over", () => {
  const keeper = new Doorkeeper(64);
  for (let i = 0; i < 5; i++) keeper.isBack(100 + i, 0xffff_ff00 / 4, 10);
  expect(keeper.isBack(7, 300, 1000)).toBe(false);
  expect(keeper.isBack(7, 300, 1000)).toBe(true);
});
