import { describe, expect, test } from "bun:test";
import { DynamicTable } from "./dynamic-table.ts";

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

function add(table: DynamicTable, name: string, value: string, traits = 0): boolean {
  if (!table.makeRoom(name.length, value.length)) return false;
  table.add(bytesOf(`<${name}>`), 1, name.length, bytesOf(`<${value}>`), 1, value.length, traits);
  return true;
}

function lines(table: DynamicTable): string[] {
  const found: string[] = [];
  for (let id = table.firstId; id < table.insertedCount; id++) {
    const start = table.startOf(id);
    const end = start + table.nameBytesOf(id) + table.valueBytesOf(id) + 4;
    found.push(String.fromCharCode(...table.ring.subarray(start, end)));
  }
  return found;
}

describe("the dynamic table", () => {
  test("keeps entries as lines, counts 32 bytes more for each, and evicts the oldest first", () => {
    const table = new DynamicTable(100);
    add(table, "a", "1", 7);
    add(table, "bb", "22");
    expect([lines(table), table.bytes, table.traitsOf(0)]).toEqual([["a: 1\r\n", "bb: 22\r\n"], 70, 7]);
    add(table, "c", "");
    expect([lines(table), table.bytes, table.has(0), table.has(2)]).toEqual([
      ["bb: 22\r\n", "c: \r\n"],
      69,
      false,
      true,
    ]);
  });
  test("is emptied by an entry that never fits", () => {
    const table = new DynamicTable(100);
    add(table, "a", "1");
    expect(add(table, "b", "x".repeat(68))).toBe(false);
    expect([table.count, table.bytes]).toEqual([0, 0]);
    expect(add(table, "b", "x".repeat(67))).toBe(true);
  });
  test("changes its version with everything that comes or goes", () => {
    const table = new DynamicTable(100);
    const versions = [table.version];
    add(table, "a", "1");
    versions.push(table.version);
    table.setLimit(0);
    versions.push(table.version);
    expect(new Set(versions).size).toBe(3);
  });
  test("holds no memory before its first entry", () => {
    expect(new DynamicTable(65_536).ring.length).toBe(0);
  });
  test("never overwrites an entry that is there, whatever the sizes, in a hundred thousand insertions", () => {
    const table = new DynamicTable(500);
    const model: string[] = [];
    let seed = 1;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let i = 0; i < 100_000; i++) {
      if (random(50) === 0) table.setLimit(random(501));
      const name = `n${i}`.slice(0, 1 + random(6));
      const value = String.fromCharCode(97 + random(26)).repeat(random(8) === 0 ? random(480) : random(40));
      if (add(table, name, value)) model.push(`${name}: ${value}\r\n`);
      model.splice(0, model.length - table.count);
      if (i % 10 === 0) expect(lines(table)).toEqual(model);
    }
  });
});
