import { describe, expect, test } from "bun:test";
import { withDrained } from "./drained.ts";

const ALL = "workload/prod/orders";
const ONE = `${ALL}|127.0.0.1:9001`;
const FAR = `${ALL}|till-2/127.0.0.1:9001`;
const OTHER = "workload/prod/orders-v2|127.0.0.1:9001";

const after = (before: readonly string[], endpoint: string, isDrained: boolean) => {
  const list = withDrained(new Set(before), endpoint, isDrained);
  return typeof list === "string" ? list : [...list];
};

describe("what is out of rotation by hand", () => {
  test("grows by what is named, once", () => {
    expect(after([], ONE, true)).toEqual([ONE]);
    expect(after([ONE], ONE, true)).toEqual([ONE]);
    expect(after([ONE], ALL, true)).toEqual([ONE, ALL]);
  });

  test("holds nothing of a workload that was put back, however it was taken out, and all of the others", () => {
    expect(after([ONE, OTHER, FAR, ALL], ALL, false)).toEqual([OTHER]);
    expect(after([ONE, OTHER], ONE, false)).toEqual([OTHER]);
    expect(after([OTHER], ALL, false)).toEqual([OTHER]);
    expect(after([], ONE, false)).toEqual([]);
  });

  test("does not say that an endpoint is back while something else keeps it out", () => {
    expect(after([ALL], ONE, false)).toBe("all of prod/orders is drained: put it back without an address");
    expect(after([ALL, ONE], ONE, false)).toBe("all of prod/orders is drained: put it back without an address");
    expect(after([FAR], ONE, false)).toBe(
      "prod/orders 127.0.0.1:9001 is not what was drained: prod/orders till-2/127.0.0.1:9001",
    );
  });
});
