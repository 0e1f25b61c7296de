/**
 * Nanoseconds per decision with 10 and with 10,000 rules, for rule sets of several shapes. Prints a table.
 * Run it with the pinned Bun: `bun bench/micro/authz.ts`.
 */
import { buildPolicySet } from "../../src/model/authz/decide.ts";
import { callerOf, PlainRequest } from "../../src/model/authz/plain-facts.ts";
import type { PolicyRuleRecord } from "../../src/model/authz/record.ts";
import type { PolicyRecord } from "../../src/model/snapshot.ts";

const ROUNDS = 7;
const DECISIONS = 100_000;

type Shape = (index: number) => PolicyRuleRecord;

/** Rule `index` of each shape; the request below matches the last one of each. */
const SHAPES: Readonly<Record<string, (count: number) => Shape>> = {
  "a caller each": (count) => (index) => ({
    from: [{ principals: [`cluster.local/ns/prod/sa/c${index - count + 1}`] }],
  }),
  "one caller, a path each": (count) => (index) => ({
    from: [{ principals: ["cluster.local/ns/prod/sa/c0"] }],
    to: [{ paths: [`/api/v1/r${index - count + 1}`], methods: ["GET"] }],
  }),
  "any caller, a prefix each": (count) => (index) => ({ to: [{ paths: [`/api/v1/r${index - count + 1}*`] }] }),
  "a caller and a template each": (count) => (index) => ({
    from: [{ principals: [`cluster.local/ns/prod/sa/c${index % 5}`, "cluster.local/ns/prod/sa/c0"] }],
    to: [{ paths: [`/api/{*}/r${index - count + 1}`, `/api/v1/r${index - count + 1}`] }],
  }),
  "any caller, a host each": (count) => (index) => ({ to: [{ hosts: [`h${index - count + 1}.prod`] }] }),
};

function setOf(count: number, shape: Shape) {
  const origin = { file: "bench", line: 1, col: 1 };
  const rules = Array.from({ length: count }, (_, index) => shape(index));
  const record: PolicyRecord = {
    kind: "policy",
    key: "policy/prod/bench",
    name: "bench",
    namespace: "prod",
    action: "ALLOW",
    dryRun: false,
    rules,
    origin,
  };
  const deny: PolicyRecord = {
    ...record,
    key: "policy/prod/deny",
    action: "DENY",
    rules: [{ from: [{ namespaces: ["dev"] }] }],
  };
  const site = { defaultAction: "deny" as const, trustDomain: "shop.example", trustDomainAliases: [] };
  const refs = { deny: [deny.key], allow: [record.key], audit: [] };
  return buildPolicySet(refs, (key) => (key === deny.key ? deny : record), site, true);
}

const facts = new PlainRequest({ caller: callerOf("shop.example", "prod", "c0"), path: "/api/v1/r0", host: "h0.prod" });

function measure(count: number, shape: Shape): { ns: number; buildMs: number } {
  const before = performance.now();
  const set = setOf(count, shape);
  if (!set.decide(facts).allowed) throw new Error("the bench request is not allowed");
  const buildMs = performance.now() - before;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = Bun.nanoseconds();
    let permitted = 0;
    for (let i = 0; i < DECISIONS; i++) if (set.decide(facts).allowed) permitted++;
    const ns = (Bun.nanoseconds() - start) / DECISIONS;
    if (permitted !== DECISIONS) throw new Error("a decision changed");
    best = Math.min(best, ns);
  }
  return { ns: best, buildMs };
}

console.log("shape                            10 rules   10,000 rules   first decision with 10,000");
for (const [name, shapeFor] of Object.entries(SHAPES)) {
  const few = measure(10, shapeFor(10));
  const many = measure(10_000, shapeFor(10_000));
  const cells = [`${few.ns.toFixed(0)} ns`, `${many.ns.toFixed(0)} ns`, `${many.buildMs.toFixed(1)} ms`];
  console.log(`${name.padEnd(30)} ${cells[0]!.padStart(10)} ${cells[1]!.padStart(14)} ${cells[2]!.padStart(28)}`);
}
