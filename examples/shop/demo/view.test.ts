import { expect, test } from "bun:test";
import { Observations } from "./facts.ts";
import { edgeLines, pictureLines } from "./view.ts";

const edge = {
  from: "web.prod",
  to: "orders.prod",
  requests: 1204,
  errors: 0,
  refused: 0,
  crossed: 12,
  p50Ms: 1,
  p99Ms: Number.NaN,
};

test("edges line up under their headings", () => {
  const [head = "", row = ""] = edgeLines([edge]);
  expect(row.length).toBe(head.length);
  expect(row).toContain("1,204");
  expect(head).not.toContain("encrypted");
  const [splitHead = "", splitRow = ""] = edgeLines([edge], true);
  expect(splitRow.length).toBe(splitHead.length);
  expect(splitHead).toContain("crossed encrypted");
});

test("the picture says whether there is a boundary, what was seen and what to try", () => {
  const seen = new Observations();
  seen.why = "refused: no rule allows dev/intruder\nnearest: prod/orders";
  const picture = {
    story: [],
    seconds: 3,
    generation: 2,
    edges: [edge],
    seen,
    weight: undefined,
    tryNext: ["bin/selvedge stat"],
  };
  const text = pictureLines({ ...picture, isRoot: false }).join("\n");
  expect(text).toContain("this is no boundary");
  expect(text).toContain("nearest: prod/orders");
  expect(text).toContain("bin/selvedge stat");
  expect(pictureLines({ ...picture, isRoot: true }).join("\n")).toContain("only the mesh may open");
  const story = ["till-1  selvedge node invite till-2"];
  expect(pictureLines({ ...picture, story, isRoot: true }).join("\n")).toContain("node invite till-2");
});
