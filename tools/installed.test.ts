import { expect, test } from "bun:test";
import { differingPackages } from "./installed.ts";

const wanted = {
  "": {},
  "node_modules/a": { version: "1.0.0", integrity: "x" },
  "node_modules/b": { version: "2.0.0", optional: true },
};

test("an equal tree differs in nothing, and packages of other platforms may be missing", () => {
  expect(differingPackages(wanted, { "node_modules/a": { version: "1.0.0", integrity: "x" } })).toEqual([]);
});

test("missing packages, other versions and other contents are named", () => {
  expect(differingPackages(wanted, {})).toEqual(["node_modules/a"]);
  expect(differingPackages(wanted, { "node_modules/a": { version: "1.0.1", integrity: "x" } })).toEqual([
    "node_modules/a",
  ]);
  expect(differingPackages(wanted, { "node_modules/a": { version: "1.0.0", integrity: "y" } })).toEqual([
    "node_modules/a",
  ]);
  const stale = { "node_modules/a": { version: "1.0.0", integrity: "x" }, "node_modules/b": { version: "1.9.0" } };
  expect(differingPackages(wanted, stale)).toEqual(["node_modules/b"]);
});
