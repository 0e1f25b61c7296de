import { expect, test } from "bun:test";
import fc from "fast-check";
import { buildPolicySet, type PolicySite } from "../../../src/model/authz/decide.ts";
import { explain, type Trace } from "../../../src/model/authz/explain.ts";
import { callerOf, PlainRequest } from "../../../src/model/authz/plain-facts.ts";
import type { PolicyRuleRecord } from "../../../src/model/authz/record.ts";
import type { Subject } from "../../../src/model/authz/trace.ts";
import type { PolicyRecord } from "../../../src/model/snapshot.ts";
import { policies, request, SITE_DOMAIN, site } from "./generators.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 1500);

/** Found by a run: the name was suggested as the caller wrote it, with the dot of the root, which is compared to nothing. */
const WITH_ROOT_DOT: [PolicyRecord[], PolicySite, PlainRequest, boolean, boolean] = [
  [
    {
      kind: "policy",
      key: "policy/n/p0",
      name: "p0",
      namespace: "n",
      action: "ALLOW",
      dryRun: false,
      rules: [{ to: [{ hosts: ["web.prod"] }] }],
      origin: { file: "fuzz.yaml", line: 1, col: 1 },
    },
  ],
  { defaultAction: "deny", trustDomain: SITE_DOMAIN, trustDomainAliases: [] },
  new PlainRequest({ caller: callerOf(SITE_DOMAIN, "prod", "web", "10.0.0.1"), host: "orders.prod." }),
  false,
  false,
];

function refsOf(records: readonly PolicyRecord[]) {
  const keys = (action: string): string[] => records.filter((record) => record.action === action).map((one) => one.key);
  return { deny: keys("DENY"), allow: keys("ALLOW"), audit: keys("AUDIT") };
}

/** The verdict that the rules of a trace add up to; `undefined` where the fallback decides. */
function verdictOf(trace: Trace): { allowed: boolean; policy?: string; rule?: number } | undefined {
  const enforced = trace.policies.filter((policy) => !policy.dryRun);
  const broken = enforced.find((policy) => policy.broken !== undefined);
  if (broken !== undefined) return { allowed: false, policy: broken.policy };
  for (const action of ["DENY", "ALLOW"] as const) {
    const match = enforced.find((policy) => policy.action === action && policy.matchedRule >= 0);
    if (match !== undefined) return { allowed: action === "ALLOW", policy: match.policy, rule: match.matchedRule };
  }
  return enforced.some((policy) => policy.action === "ALLOW") ? { allowed: false } : undefined;
}

/** The records with a suggested change made. */
function changed(records: readonly PolicyRecord[], trace: Trace): PolicyRecord[] | undefined {
  const change = trace.change;
  if (change?.kind === "add-rule") {
    return records.map((one) => (one.key === change.policy ? { ...one, rules: [...one.rules, change.rule] } : one));
  }
  if (change?.kind !== "edit-rule") return undefined;
  return records.map((one) => {
    if (one.key !== change.policy) return one;
    const rules: Record<string, Record<string, (string | number)[]>[]>[] = structuredClone(one.rules) as never;
    for (const edit of change.edits) {
      const value = edit.field === "ports" ? Number(edit.value) : edit.value;
      rules[change.rule]![edit.place]![edit.index]![edit.field]!.push(value);
    }
    return { ...one, rules: rules as unknown as readonly PolicyRuleRecord[] };
  });
}

test("a trace adds up to the decision, and the suggested change of an ALLOW lets the request through", () => {
  let suggested = 0;
  fc.assert(
    fc.property(policies, site, request, fc.boolean(), fc.boolean(), (records, where, facts, isWorkload, isTcp) => {
      const subject: Subject = isTcp ? { protocol: "tcp", facts } : { protocol: "http", facts };
      const lookup = (list: readonly PolicyRecord[]) => (key: string) => list.find((one) => one.key === key);
      const refs = refsOf(records);
      const target = { namespace: "prod", name: "orders", labels: { app: "orders" } };
      const input = { refs, lookup: lookup(records), site: where, isWorkloadTarget: isWorkload, subject, target };
      const trace = explain(input);
      const { decision } = trace;
      const set = buildPolicySet(refs, lookup(records), where, isWorkload);
      expect(decision).toEqual(isTcp ? set.decideConnection(facts) : set.decide(facts));
      const verdict = verdictOf(trace);
      if (verdict !== undefined) expect(decision.allowed).toBe(verdict.allowed);
      if (verdict?.rule !== undefined) expect(decision).toMatchObject({ policy: verdict.policy, rule: verdict.rule });
      expect(trace.change === undefined).toBe(decision.allowed);
      if (decision.allowed || decision.reason !== "no_allow_matched" || trace.judgedPath !== undefined) return;
      const repaired = changed(records, trace);
      if (repaired === undefined) return;
      suggested++;
      // A path with parameters must pass both ways, and a change speaks of one.
      if (!isTcp && facts.path.includes(";")) return;
      const after = buildPolicySet(refs, lookup(repaired), where, isWorkload);
      expect((isTcp ? after.decideConnection(facts) : after.decide(facts)).allowed).toBe(true);
    }),
    { numRuns: RUNS, examples: [WITH_ROOT_DOT] },
  );
  expect(suggested).toBeGreaterThan(RUNS / 20);
}, 60_000);
