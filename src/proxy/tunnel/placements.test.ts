import { expect, test } from "bun:test";
import type { WorkloadRecord } from "../../model/snapshot.ts";
import { Placements } from "./placements.ts";

function workload(name: string, node: string, more: Partial<WorkloadRecord> = {}): WorkloadRecord {
  return {
    kind: "workload",
    key: `workload/prod/${name}`,
    name,
    namespace: "prod",
    serviceAccount: name,
    principal: `a/ns/prod/sa/${name}`,
    app: name,
    version: "",
    labels: {},
    isLocal: false,
    node,
    selectors: [],
    calls: null,
    policies: { deny: [], allow: [], audit: [] },
    origin: { file: "a", line: 1, col: 1 },
    ...more,
  };
}

const PLACEMENTS = new Placements([
  workload("web", "till-1"),
  workload("orders-v1", "till-1", { serviceAccount: "orders" }),
  workload("orders-v2", "till-2", { serviceAccount: "orders" }),
  workload("log", "till-1", { isOnEveryNode: true }),
  workload("log-old", "till-2", { serviceAccount: "log" }),
]);

test("a node speaks for the workloads placed on it, and for no others", () => {
  expect(PLACEMENTS.has("till-1", "prod", "web")).toBe(true);
  expect(PLACEMENTS.has("till-2", "prod", "web")).toBe(false);
  expect(PLACEMENTS.has("till-1", "dev", "web")).toBe(false);
  expect(PLACEMENTS.workload("till-2", "prod", "orders", "workload/prod/orders-v1")).toBe("workload/prod/orders-v2");
});

test("every node speaks for a workload that runs on all of them", () => {
  for (const node of ["till-1", "till-2", "till-9"]) expect(PLACEMENTS.has(node, "prod", "log")).toBe(true);
  expect(PLACEMENTS.workload("till-1", "prod", "log", "")).toBe("workload/prod/log");
  expect(PLACEMENTS.workload("till-2", "prod", "log", "workload/prod/log")).toBe("workload/prod/log");
  expect(PLACEMENTS.workload("till-2", "prod", "log", "")).toBe("workload/prod/log-old");
});

test("no name of a node means every node", () => {
  expect(PLACEMENTS.has("", "prod", "web")).toBe(false);
});
