import { describe, expect, test } from "bun:test";
import type { PolicyRecord } from "../snapshot.ts";
import { CALLS_PERMITTED, checkCalls } from "./calls.ts";
import { buildPolicySet } from "./decide.ts";
import { authorize, authorizeConnection } from "./permit.ts";
import { callerOf, PlainRequest, plainConnection } from "./plain-facts.ts";
import type { PolicyRuleRecord } from "./record.ts";

const site = { defaultAction: "deny" as const, trustDomain: "td", trustDomainAliases: [] };
const web = callerOf("td", "prod", "web");

function setOf(rules: readonly PolicyRuleRecord[] | null, isWorkload: boolean, action: "ALLOW" | "DENY" = "ALLOW") {
  const origin = { file: "t", line: 1, col: 1 };
  const base = {
    kind: "policy" as const,
    key: `policy/a/${isWorkload}`,
    name: "p",
    namespace: "a",
    dryRun: false,
    origin,
  };
  const record: PolicyRecord = { ...base, action, rules: rules ?? [] };
  const keys = rules === null ? [] : [record.key];
  const refs = { deny: action === "DENY" ? keys : [], allow: action === "ALLOW" ? keys : [], audit: [] };
  return buildPolicySet(refs, () => record, site, isWorkload);
}

const received = new PlainRequest({ caller: web, path: "/api/orders" });
const forwarded = new PlainRequest({ caller: web, path: "/orders" });

describe("authorize", () => {
  test("policies of the Service judge the request as received, those of the workload as it is forwarded", () => {
    const service = setOf([{ to: [{ paths: ["/api/orders"] }] }], false);
    const workload = setOf([{ to: [{ paths: ["/orders"] }] }], true);
    const inputs = { calls: CALLS_PERMITTED, service, workload, asReceived: received, asForwarded: forwarded };
    expect(authorize(inputs)).toMatchObject({ allowed: true, policy: "policy/a/true" });
    expect(authorize({ ...inputs, asReceived: forwarded, asForwarded: received }).allowed).toBe(false);
  });

  test("either side's denial is the denial", () => {
    const open = setOf([{}], true);
    const shut = setOf([{}], false, "DENY");
    const inputs = {
      calls: CALLS_PERMITTED,
      service: shut,
      workload: open,
      asReceived: received,
      asForwarded: received,
    };
    expect(authorize(inputs)).toMatchObject({ allowed: false, policy: "policy/a/false" });
    expect(authorize({ ...inputs, service: undefined }).allowed).toBe(true);
    expect(authorize({ ...inputs, service: undefined, workload: setOf(null, true) })).toMatchObject({
      reason: "default_deny",
    });
  });

  test("a Service's ALLOW does not stand in for the workload's", () => {
    const inputs = { calls: CALLS_PERMITTED, asReceived: received, asForwarded: received };
    expect(authorize({ ...inputs, service: setOf([{}], false), workload: setOf(null, true) }).allowed).toBe(false);
  });

  test("what the caller may not call is refused before any policy is asked", () => {
    const calls = checkCalls({ services: ["service/prod/orders"], hosts: [] }, { serviceKey: "service/prod/payments" });
    const inputs = { calls, workload: setOf([{}], true), asReceived: received, asForwarded: received };
    expect(authorize(inputs)).toMatchObject({ allowed: false, reason: "calls" });
  });

  test("a destination outside the mesh needs no workload policy", () => {
    expect(
      authorize({ calls: CALLS_PERMITTED, workload: null, asReceived: received, asForwarded: received }).allowed,
    ).toBe(true);
  });

  test("a raw TCP stream is judged by the same policies", () => {
    const facts = plainConnection(web, 5432);
    const inputs = { calls: CALLS_PERMITTED, asReceived: facts, asForwarded: facts };
    expect(authorizeConnection({ ...inputs, workload: setOf([{ to: [{ ports: [5432] }] }], true) }).allowed).toBe(true);
    expect(authorizeConnection({ ...inputs, workload: setOf([{ to: [{ methods: ["GET"] }] }], true) }).allowed).toBe(
      false,
    );
    const calls = checkCalls({ services: [], hosts: [] }, {});
    expect(authorizeConnection({ ...inputs, calls, workload: null })).toMatchObject({ reason: "calls" });
  });
});

describe("checkCalls", () => {
  const record = { services: ["service/prod/orders"], hosts: ["api.pay.example:443"] };

  test("a workload without a list may call anybody", () => {
    expect(checkCalls(null, { serviceKey: "service/x/y" }).allowed).toBe(true);
  });

  test("a list names services and hosts, and an empty one nobody", () => {
    expect(checkCalls(record, { serviceKey: "service/prod/orders" }).allowed).toBe(true);
    expect(checkCalls(record, { hostPort: "api.pay.example:443" }).allowed).toBe(true);
    expect(checkCalls(record, { hostPort: "api.pay.example:80" }).allowed).toBe(false);
    expect(checkCalls(record, {}).allowed).toBe(false);
    expect(checkCalls({ services: [], hosts: [] }, { serviceKey: "service/prod/orders" }).allowed).toBe(false);
  });
});
