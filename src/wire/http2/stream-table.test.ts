import { expect, test } from "bun:test";
import { Http2Stream } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

const streamOf = (id: number) => new Http2Stream<never>(id, 0, 0, 0);

test("nothing is found in a table that never held anything", () => {
  const table = new StreamTable<never>();
  table.delete(1);
  expect([table.size, table.get(1), table.all()]).toEqual([0, undefined, []]);
});

test("streams are found by their numbers until they are taken out", () => {
  const table = new StreamTable<never>();
  const [one, three] = [streamOf(1), streamOf(3)];
  table.add(one);
  table.add(three);
  expect([table.get(1), table.get(3), table.get(5), table.size]).toEqual([one, three, undefined, 2]);
  table.delete(1);
  table.delete(1);
  expect([table.get(1), table.get(3), table.size]).toEqual([undefined, three, 1]);
});

test("what ends while all are looked at does not disturb the look", () => {
  const table = new StreamTable<never>();
  for (let id = 1; id < 100; id += 2) table.add(streamOf(id));
  const seen = table.all().map(({ id }) => {
    table.delete(id);
    return id;
  });
  expect([seen.length, new Set(seen).size, table.size]).toEqual([50, 50, 0]);
});

test("it holds what a Map holds, however streams come and go", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (const openMax of [1, 3, 40, 400]) {
    const [table, map] = [new StreamTable<never>(), new Map<number, Http2Stream<never>>()];
    // Long-lived ones stay while numbers run around the table many times; gaps, and numbers of both sides.
    for (let step = 0, id = 1; step < 20_000; step++) {
      if (map.size < openMax && random(2) === 0) {
        id += 1 + random(4);
        const stream = streamOf(id);
        table.add(stream);
        map.set(id, stream);
      } else {
        const ids = [...map.keys()];
        const gone = random(10) === 0 ? random(id + 5) : (ids[random(ids.length || 1)] ?? 0);
        table.delete(gone);
        map.delete(gone);
      }
      if (step % 50 === 0) expect(table.all().sort((a, b) => a.id - b.id)).toEqual([...map.values()]);
      const asked = random(id + 5);
      if (table.get(asked) !== map.get(asked)) throw new Error(`stream ${asked} at step ${step}`);
    }
    expect(table.size).toBe(map.size);
  }
});

test("numbers up to the last there can be are found", () => {
  const table = new StreamTable<never>();
  const last = streamOf(0x7fff_ffff);
  table.add(last);
  table.add(streamOf(1));
  expect(table.get(0x7fff_ffff)).toBe(last);
  table.delete(0x7fff_ffff);
  expect([table.get(0x7fff_ffff), table.get(1)?.id]).toEqual([undefined, 1]);
});
