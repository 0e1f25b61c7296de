import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { buildPolicySet, type PolicySite } from "../../../src/model/authz/decide.ts";
import type { Decision } from "../../../src/model/authz/decision.ts";
import type { PolicySet } from "../../../src/model/authz/policy-set.ts";
import type { PolicyRecord } from "../../../src/model/snapshot.ts";
import { policies, request, site } from "./generators.ts";
import { judge, type ReferenceRequest } from "./reference.ts";

/** Policy lists per run; each is asked about REQUESTS_EACH requests, by HTTP and by TCP. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 2500);
const REQUESTS_EACH = 8;

function setOf(records: readonly PolicyRecord[], where: PolicySite, isWorkload: boolean): PolicySet {
  const keys = (action: string): string[] =>
    records.filter((record) => record.action === action).map((record) => record.key);
  const refs = { deny: keys("DENY"), allow: keys("ALLOW"), audit: keys("AUDIT") };
  return buildPolicySet(refs, (key) => records.find((record) => record.key === key), where, isWorkload);
}

/** Both evaluators' results in one shape: absent and `undefined` are the same. */
function shape(decision: Decision | ReturnType<typeof judge>): unknown {
  return JSON.parse(JSON.stringify(decision));
}

describe("the indexed evaluator and the naive one", () => {
  test("agree on every request, on the rule that decided, and on what dry-run and audit would say", () => {
    const seen = { allowed: 0, denied: 0, explicit: 0, wouldDeny: 0, audited: 0 };
    const cases = fc.tuple(
      policies,
      site,
      fc.boolean(),
      fc.array(request, { minLength: REQUESTS_EACH, maxLength: REQUESTS_EACH }),
    );
    fc.assert(
      fc.property(cases, ([records, where, isWorkload, requests]) => {
        const set = setOf(records, where, isWorkload);
        for (const facts of requests) {
          const asked: ReferenceRequest = {
            caller: facts.caller,
            port: facts.destinationPort,
            destinationIp: facts.destinationIp,
            http: facts,
          };
          const decision = set.decide(facts);
          expect(shape(decision)).toEqual(shape(judge(records, where, isWorkload, asked)));
          const stream = {
            caller: facts.caller,
            destinationPort: facts.destinationPort,
            destinationIp: facts.destinationIp,
          };
          const expected = judge(records, where, isWorkload, { ...asked, http: undefined });
          expect(shape(set.decideConnection(stream))).toEqual(shape(expected));
          if (decision.allowed) {
            seen.allowed++;
            if (decision.wouldDeny !== undefined) seen.wouldDeny++;
            if (decision.audit !== undefined) seen.audited++;
          } else {
            seen.denied++;
            if (decision.reason === "explicit_deny") seen.explicit++;
          }
        }
      }),
      { numRuns: RUNS },
    );
    // A generator that stopped reaching one of these would make the agreement worth little.
    const least = (RUNS * REQUESTS_EACH) / 200;
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(least);
  }, 60_000);
});
