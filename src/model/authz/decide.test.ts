import { describe, expect, test } from "bun:test";
import type { DefaultAction } from "../documents.ts";
import type { PolicyRecord } from "../snapshot.ts";
import { buildPolicySet, PolicySetFactory } from "./decide.ts";
import { callerOf, PlainRequest, plainConnection, strangerAt } from "./plain-facts.ts";
import type { PolicyRuleRecord } from "./record.ts";

const DOMAIN = "store-042.fleet.example";
const web = callerOf(DOMAIN, "prod", "web");
const dev = callerOf(DOMAIN, "dev", "web");

function policy(name: string, action: PolicyRecord["action"], rules: readonly PolicyRuleRecord[]): PolicyRecord {
  const origin = { file: "test.yaml", line: 1, col: 1 };
  return { kind: "policy", key: `policy/prod/${name}`, name, namespace: "prod", action, dryRun: false, rules, origin };
}

function setOf(policies: readonly PolicyRecord[], defaultAction: DefaultAction = "deny", isWorkload = true) {
  const keys = (action: string) => policies.filter((item) => item.action === action).map((item) => item.key);
  const refs = { deny: keys("DENY"), allow: keys("ALLOW"), audit: keys("AUDIT") };
  const site = { defaultAction, trustDomain: DOMAIN, trustDomainAliases: [] };
  return buildPolicySet(refs, (key) => policies.find((item) => item.key === key), site, isWorkload);
}

const get = new PlainRequest({ caller: web });
const fromDev = new PlainRequest({ caller: dev });
const anybody = policy("anybody", "ALLOW", [{}]);
const onlyWeb = policy("only-web", "ALLOW", [{ from: [{ principals: ["cluster.local/ns/prod/sa/web"] }] }]);

describe("where nothing selects the workload", () => {
  test("the default deny denies and says so", () => {
    expect(setOf([]).decide(get)).toEqual({
      allowed: false,
      policy: undefined,
      rule: -1,
      reason: "default_deny",
    });
  });

  test("the default audit allows and flags what deny would have done", () => {
    const decision = setOf([], "audit").decide(get);
    expect(decision.allowed && decision.wouldDeny?.reason).toBe("default_deny");
  });

  test("the default allow allows without a flag", () => {
    expect(setOf([], "allow").decide(get)).toMatchObject({ allowed: true, wouldDeny: undefined });
  });

  test("a Service passes the request on whatever the default", () => {
    expect(setOf([], "deny", false).decide(get).allowed).toBe(true);
  });
});

describe("order of the actions", () => {
  test("the ALLOW rule that matched is named", () => {
    expect(setOf([onlyWeb]).decide(get)).toMatchObject({ allowed: true, policy: "policy/prod/only-web", rule: 0 });
  });

  test("an ALLOW that does not match denies, and is named where it is the only one", () => {
    const decision = setOf([onlyWeb]).decide(fromDev);
    expect(decision).toMatchObject({ allowed: false, policy: "policy/prod/only-web", reason: "no_allow_matched" });
  });

  test("a DENY goes before every ALLOW", () => {
    const noDev = policy("no-dev", "DENY", [{ from: [{ namespaces: ["dev"] }] }]);
    const set = setOf([noDev, anybody]);
    expect(set.decide(fromDev)).toMatchObject({ policy: "policy/prod/no-dev", rule: 0, reason: "explicit_deny" });
    expect(set.decide(get).allowed).toBe(true);
  });

  test("the default audit never overrides an explicit DENY", () => {
    expect(setOf([policy("all", "DENY", [{}])], "audit").decide(get).allowed).toBe(false);
  });

  test("an AUDIT policy is reported and changes nothing", () => {
    const decision = setOf([anybody, policy("watch", "AUDIT", [{}])]).decide(get);
    expect(decision.allowed && decision.audit).toEqual({ policy: "policy/prod/watch", rule: 0 });
  });

  test("an ALLOW without rules allows nothing", () => {
    expect(setOf([policy("nothing", "ALLOW", [])], "allow").decide(get).allowed).toBe(false);
  });
});

describe("policies that cannot be judged", () => {
  const broken: PolicyRecord = { ...anybody, broken: "action CUSTOM is not supported yet" };

  test("a broken policy denies whatever it is attached to", () => {
    expect(setOf([broken], "allow").decide(get)).toMatchObject({ allowed: false, reason: "broken_policy" });
    expect(setOf([broken], "allow").decideConnection(plainConnection(web, 80)).allowed).toBe(false);
  });

  test("a policy that the generation lacks denies", () => {
    const refs = { deny: ["policy/prod/gone"], allow: [], audit: [] };
    const site = { defaultAction: "allow" as const, trustDomain: DOMAIN, trustDomainAliases: [] };
    expect(buildPolicySet(refs, () => undefined, site, true).decide(get)).toMatchObject({ reason: "broken_policy" });
  });

  test.each([
    [{ from: [] }],
    [{ to: [] }],
    [{ from: [{ principals: [] }] }],
    [{ from: [{ ipBlocks: ["10.0.0.0/33"] }] }],
    [{ to: [{ paths: ["/a/{x}"] }] }],
    [{ when: [{ key: "source.colour", values: ["red"] }] }],
    [{ when: [{ key: "destination.port", values: ["http"] }] }],
    [{ when: [{ key: "source.ip" }] }],
  ] as [PolicyRuleRecord][])("a rule that makes no sense denies: %j", (rule) => {
    expect(setOf([policy("odd", "ALLOW", [rule])], "allow").decide(get)).toMatchObject({ reason: "broken_policy" });
  });

  test("an action that this version does not know denies", () => {
    const record = JSON.parse(JSON.stringify({ ...anybody, action: "CUSTOM" })) as PolicyRecord;
    const refs = { deny: [record.key], allow: [], audit: [] };
    const site = { defaultAction: "allow" as const, trustDomain: DOMAIN, trustDomainAliases: [] };
    expect(buildPolicySet(refs, () => record, site, true).decide(get).allowed).toBe(false);
  });

  test("facts that throw are denied", () => {
    const hostile = new PlainRequest({ caller: web });
    Object.defineProperty(hostile, "method", {
      get() {
        throw new Error("out of bounds");
      },
    });
    const set = setOf([policy("get", "ALLOW", [{ to: [{ methods: ["GET"] }] }])]);
    expect(set.decide(hostile)).toMatchObject({ allowed: false, reason: "broken_policy" });
  });
});

describe("dry-run policies", () => {
  const dry = (record: PolicyRecord): PolicyRecord => ({ ...record, dryRun: true });

  test("a dry-run DENY allows and says that it would deny", () => {
    const decision = setOf([anybody, dry(policy("all", "DENY", [{}]))]).decide(get);
    expect(decision.allowed && decision.wouldDeny).toMatchObject({
      policy: "policy/prod/all",
      reason: "explicit_deny",
    });
  });

  test("a dry-run ALLOW does not open a workload whose default is deny", () => {
    expect(setOf([dry(anybody)]).decide(get)).toMatchObject({ allowed: false, reason: "default_deny" });
  });

  test("a dry-run ALLOW tells what would be denied once it is enforced", () => {
    const set = setOf([dry(onlyWeb)], "allow");
    const other = set.decide(fromDev);
    expect(other.allowed && other.wouldDeny?.reason).toBe("no_allow_matched");
    expect(set.decide(get)).toMatchObject({ allowed: true, wouldDeny: undefined });
  });

  test("a broken dry-run policy is not enforced either", () => {
    const set = setOf([anybody, { ...dry(onlyWeb), broken: "bad" }]);
    const decision = set.decide(get);
    expect(decision.allowed && decision.wouldDeny?.reason).toBe("broken_policy");
  });
});

describe("what the proxy relies on", () => {
  test("the same decision is the same frozen object", () => {
    const set = setOf([onlyWeb]);
    expect(set.decide(get)).toBe(set.decide(new PlainRequest({ caller: web, path: "/other" })));
    expect(Object.isFrozen(set.decide(get))).toBe(true);
  });

  test("a set tells what its decisions depend on", () => {
    expect(setOf([onlyWeb]).dependsOn).toEqual({
      path: false,
      method: false,
      headers: false,
      headerNames: [],
      host: false,
      ip: false,
      query: false,
    });
    const rule = {
      to: [{ methods: ["GET"], paths: ["/a"], hosts: ["h"] }],
      when: [{ key: "remote.ip", values: ["::1"] }],
    };
    const set = setOf([policy("all", "ALLOW", [rule, { when: [{ key: "request.headers[X]", values: ["*"] }] }])]);
    expect(set.dependsOn).toEqual({
      ...{ path: true, method: true, headers: true, host: true, ip: true, query: false },
      headerNames: ["x"],
    });
  });

  test("targets with the same policies share one set", () => {
    const site = { defaultAction: "deny" as const, trustDomain: DOMAIN, trustDomainAliases: [] };
    const factory = new PolicySetFactory(() => onlyWeb, site);
    const refs = { deny: [], allow: [onlyWeb.key], audit: [] };
    expect(factory.build(refs, true)).toBe(factory.build({ ...refs }, true));
    expect(factory.build(refs, true)).not.toBe(factory.build(refs, false));
  });

  test("a path with parameters must be allowed with and without them", () => {
    const set = setOf([policy("no-admin", "DENY", [{ to: [{ paths: ["/admin", "/admin/*"] }] }]), anybody]);
    for (const path of ["/admin;x=1", "/admin;/users", "/a/..;/admin", "/;x/admin"]) {
      expect(set.decide(new PlainRequest({ caller: web, path })).allowed).toBe(false);
    }
    expect(set.decide(new PlainRequest({ caller: web, path: "/shop;x=1" })).allowed).toBe(true);
  });

  test("a caller without identity matches no positive field and, for a DENY alone, every negative one", () => {
    const stranger = new PlainRequest({ caller: strangerAt("10.0.0.9") });
    const star = (field: string) => [{ from: [{ [field]: ["*"] }] }];
    for (const field of ["principals", "namespaces"]) {
      expect(setOf([policy("a", "ALLOW", star(field))]).decide(stranger).allowed).toBe(false);
      expect(setOf([policy("d", "DENY", star(field)), anybody]).decide(stranger).allowed).toBe(true);
    }
    for (const field of ["notPrincipals", "notNamespaces", "notServiceAccounts"]) {
      const rules = [{ from: [{ [field]: ["prod/web"] }] }];
      expect(setOf([policy("a", "ALLOW", rules)]).decide(stranger).allowed).toBe(false);
      expect(setOf([policy("d", "DENY", rules), anybody]).decide(stranger).allowed).toBe(false);
    }
  });
});
