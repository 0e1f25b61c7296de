import { describe, expect, test } from "bun:test";
import { buildPolicySet } from "../../../model/authz/decide.ts";
import { callerOf, PlainRequest } from "../../../model/authz/plain-facts.ts";
import type { AuthorizationOperation, AuthorizationPolicySpec, AuthorizationSource } from "../../../model/documents.ts";
import { compilePolicies } from "./policies.ts";
import type { PolicyDocument } from "./policy-record.ts";

const context = { rootNamespace: "selvedge-system", trustDomain: "shop.example", trustDomainAliases: ["old.example"] };
const origin = { file: "policies.yaml", line: 1, col: 1 };

const noSource: AuthorizationSource = {
  principals: [],
  notPrincipals: [],
  requestPrincipals: [],
  notRequestPrincipals: [],
  namespaces: [],
  notNamespaces: [],
  serviceAccounts: [],
  notServiceAccounts: [],
  ipBlocks: [],
  notIpBlocks: [],
  remoteIpBlocks: [],
  notRemoteIpBlocks: [],
};
const noOperation: AuthorizationOperation = {
  hosts: [],
  notHosts: [],
  ports: [],
  notPorts: [],
  methods: [],
  notMethods: [],
  paths: [],
  notPaths: [],
};
const everything = { from: undefined, to: undefined, when: [] };

function document(
  name: string,
  spec: Partial<AuthorizationPolicySpec>,
  namespace = "prod",
  annotations: Record<string, string> = {},
): PolicyDocument {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name, namespace, labels: {}, annotations },
    spec: { selector: undefined, targetRefs: [], action: "ALLOW", rules: undefined, ...spec },
    origin,
    // A position per path length is enough to tell whether the right field was pointed at.
    at: (path) => ({ ...origin, line: path.length + 1 }),
  };
}

const workload = (namespace: string, labels: Record<string, string> = {}) => ({ namespace, labels });

describe("scope", () => {
  const compiled = compilePolicies(
    [
      document("mesh", { action: "DENY", rules: [everything] }, "selvedge-system"),
      document("mesh-orders", { selector: { matchLabels: { app: "orders" } } }, "selvedge-system"),
      document("namespace", { rules: [everything] }),
      document("orders-v2", { selector: { matchLabels: { app: "orders", version: "v2" } }, action: "AUDIT" }),
      document("all-by-empty-selector", { selector: { matchLabels: {} } }),
      document("on-service", {
        targetRefs: [{ group: "", kind: "Service", name: "orders", namespace: undefined }],
      }),
      document("nobody", { selector: { matchLabels: { app: "ordres" } } }),
    ],
    context,
  );

  test("the root namespace holds everywhere, a namespace within itself, a selector where all its labels fit", () => {
    expect(compiled.refsForWorkload(workload("prod", { app: "orders", version: "v2" }))).toEqual({
      deny: ["policy/selvedge-system/mesh"],
      allow: ["policy/selvedge-system/mesh-orders", "policy/prod/all-by-empty-selector", "policy/prod/namespace"],
      audit: ["policy/prod/orders-v2"],
    });
    expect(compiled.refsForWorkload(workload("prod", { app: "orders", version: "v1" })).audit).toEqual([]);
    expect(compiled.refsForWorkload(workload("dev", { app: "orders" })).allow).toEqual([
      "policy/selvedge-system/mesh-orders",
    ]);
  });

  test("a policy with targetRefs holds for its targets in its own namespace and for no workload", () => {
    expect(compiled.refsForTarget("Service", "prod", "orders").allow).toEqual(["policy/prod/on-service"]);
    expect(compiled.refsForTarget("Service", "dev", "orders").allow).toEqual([]);
    expect(compiled.refsForTarget("Gateway", "prod", "orders").allow).toEqual([]);
    expect(compiled.refsForWorkload(workload("prod")).allow).not.toContain("policy/prod/on-service");
  });

  test("a policy that nothing was told of is reported", () => {
    const unattached = compiled.unattached();
    expect(unattached.map((issue) => issue.code)).toEqual(["SV2009"]);
    expect(unattached[0]?.message).toContain("prod/nobody");
  });

  test("labels named like object members select nothing by accident", () => {
    const odd = compilePolicies([document("odd", { selector: { matchLabels: { constructor: "x" } } })], context);
    expect(odd.refsForWorkload(workload("prod")).allow).toEqual([]);
  });
});

describe("records", () => {
  test("principals are expanded to this site's trust domains, service accounts are qualified", () => {
    const source = {
      ...noSource,
      principals: ["cluster.local/ns/prod/sa/web", "*/ns/x/sa/y", "other/ns/a/sa/b"],
      notServiceAccounts: ["admin", "dev/admin"],
    };
    const when = [{ key: "source.principal", values: ["old.example/*"], notValues: [] }];
    const { records } = compilePolicies([document("p", { rules: [{ from: [source], to: undefined, when }] })], context);
    expect(records[0]?.rules).toEqual([
      {
        from: [
          {
            principals: ["shop.example/ns/prod/sa/web", "old.example/ns/prod/sa/web", "*/ns/x/sa/y", "other/ns/a/sa/b"],
            notServiceAccounts: ["prod/admin", "dev/admin"],
          },
        ],
        when: [{ key: "source.principal", values: ["shop.example/*", "old.example/*"] }],
      },
    ]);
  });

  test("a spec without anything is an ALLOW that allows nothing", () => {
    const { records, issues } = compilePolicies([document("nothing", {})], context);
    expect(records[0]).toMatchObject({ action: "ALLOW", rules: [], dryRun: false, key: "policy/prod/nothing" });
    expect(issues).toEqual([]);
  });

  test("records survive JSON as they are", () => {
    const rule = { from: [{ ...noSource, namespaces: ["a"] }], to: [{ ...noOperation, ports: ["80"] }], when: [] };
    const { records } = compilePolicies([document("p", { rules: [rule] })], context);
    expect(JSON.parse(JSON.stringify(records))).toEqual(records);
    expect(records[0]?.rules).toEqual([{ from: [{ namespaces: ["a"] }], to: [{ ports: [80] }] }]);
  });

  test("dry-run is taken from the annotation, and an unclear one enforces", () => {
    const spec = { action: "DENY" as const, rules: [everything] };
    const compiled = compilePolicies(
      [
        document("watched", spec, "prod", { "istio.io/dry-run": "true" }),
        document("enforced", spec, "prod", { "istio.io/dry-run": "false" }),
        document("unclear", spec, "prod", { "istio.io/dry-run": "yes" }),
        document("audit", { ...spec, action: "AUDIT" }, "prod", { "istio.io/dry-run": "true" }),
      ],
      context,
    );
    expect(compiled.records.map((record) => record.dryRun)).toEqual([true, false, false, false]);
    expect(compiled.issues.map((issue) => issue.code)).toEqual(["SV2004", "SV2004"]);
  });
});

describe("what cannot be judged", () => {
  const withTo = (to: Partial<AuthorizationOperation>) => ({
    rules: [{ from: undefined, to: [{ ...noOperation, ...to }], when: [] }],
  });
  const withFrom = (from: Partial<AuthorizationSource>) => ({
    rules: [{ from: [{ ...noSource, ...from }], to: undefined, when: [] }],
  });
  const withWhen = (key: string, values: readonly string[], notValues: readonly string[] = []) => ({
    rules: [{ from: undefined, to: undefined, when: [{ key, values, notValues }] }],
  });

  test.each([
    ["an unknown condition key", withWhen("source.principle", ["x"]), "source.principle"],
    ["a condition without values", withWhen("source.ip", []), "neither values nor notValues"],
    ["a filter state key", withWhen("experimental.envoy.filters.network.mysql_proxy[db]", ["x"]), "not supported"],
    ["the Host header as a condition", withWhen("request.headers[Host]", ["x"]), "operation.hosts"],
    ["a pseudo header", withWhen("request.headers[:authority]", ["x"]), "not known"],
    ["a port that is none", withTo({ ports: ["http"] }), "not a port"],
    ["port 0", withTo({ notPorts: ["0"] }), "not a port"],
    ["a bad block of addresses", withFrom({ ipBlocks: ["10.0.0.0/40"] }), "CIDR"],
    ["a host with a port", withTo({ hosts: ["a.example:8080"] }), "names a port"],
    ["a template that is none", withTo({ paths: ["/a/{id}"] }), "path template"],
    ["a principal with a scheme", withFrom({ principals: ["spiffe://shop.example/ns/a/sa/b"] }), "spiffe://"],
    ["a wildcard inside a trust domain", withFrom({ principals: ["shop.example*"] }), "inside a trust domain"],
    ["an empty source", withFrom({}), "without any field"],
    ["an empty operation", withTo({}), "without any field"],
    ["an empty list of sources", { rules: [{ from: [], to: undefined, when: [] }] }, "empty list"],
  ])("%s is an error, and the policy denies", (_title, spec, text) => {
    const compiled = compilePolicies([document("p", spec)], context);
    const errors = compiled.issues.filter((issue) => issue.severity === "error");
    expect(errors.map((issue) => issue.code)).toEqual(["SV2001"]);
    expect(errors[0]?.message).toContain(text);
    expect(errors[0]?.line).toBe(4);
    const [record] = compiled.records;
    expect(record?.broken).toContain(text);
    const refs = compiled.refsForWorkload(workload("prod"));
    const site = { defaultAction: "allow" as const, trustDomain: "shop.example", trustDomainAliases: [] };
    const set = buildPolicySet(refs, () => record, site, true);
    const facts = new PlainRequest({ caller: callerOf("shop.example", "prod", "web") });
    expect(set.decide(facts)).toMatchObject({ allowed: false, reason: "broken_policy" });
  });

  test("an unknown key names the nearest known one", () => {
    const { issues } = compilePolicies([document("p", withWhen("source.namespaces", ["x"]))], context);
    expect(issues[0]?.hint).toBe("did you mean source.namespace?");
  });

  test("every rule's problem is reported, not the first alone", () => {
    const bad = withTo({ ports: ["x"] }).rules[0]!;
    const { issues } = compilePolicies([document("p", { rules: [bad, everything, bad] })], context);
    expect(issues.map((issue) => issue.code)).toEqual(["SV2001", "SV2001"]);
  });

  test("CUSTOM is refused and denies", () => {
    const compiled = compilePolicies([document("ext", { action: "CUSTOM", rules: [everything] })], context);
    expect(compiled.issues.map((issue) => issue.code)).toEqual(["SV2002"]);
    expect(compiled.refsForWorkload(workload("prod")).deny).toEqual(["policy/prod/ext"]);
    expect(compiled.records[0]?.broken).toContain("CUSTOM");
  });

  test.each([
    ["GatewayClass", "gateway.networking.k8s.io", undefined],
    ["Service", "apps", undefined],
    ["Service", "", "dev"],
  ])(
    "a target %s of %j in namespace %p is refused, and the policy denies its whole namespace",
    (kind, group, namespace) => {
      const targetRefs = [{ group, kind, name: "x", namespace }];
      const compiled = compilePolicies([document("p", { targetRefs, rules: [everything] })], context);
      expect(compiled.issues.map((issue) => issue.code)).toEqual(["SV2003"]);
      expect(compiled.refsForWorkload(workload("prod")).allow).toEqual(["policy/prod/p"]);
      expect(compiled.records[0]?.broken).toBeDefined();
    },
  );
});

describe("surprises are warnings", () => {
  const codes = (spec: Partial<AuthorizationPolicySpec>) =>
    compilePolicies([document("p", spec)], context).issues.map((issue) => [issue.severity, issue.code]);
  const from = (source: Partial<AuthorizationSource>) => ({
    rules: [{ from: [{ ...noSource, ...source }], to: undefined, when: [] }],
  });

  test.each([
    ["a DENY without rules", { action: "DENY" as const }, "SV2005"],
    ["a token's principal", from({ requestPrincipals: ["*"] }), "SV2006"],
    ["another site's trust domain", from({ principals: ["shop.exmaple/ns/a/sa/b"] }), "SV2007"],
    ["a pattern that ends inside a namespace", from({ notPrincipals: ["cluster.local/ns/prod*"] }), "SV2008"],
  ])("%s", (_title, spec, code) => {
    expect(codes(spec)).toEqual([["warning", code]]);
  });

  test("ordinary principals are none", () => {
    expect(codes(from({ principals: ["cluster.local/ns/a/sa/b", "*", "*/sa/b", "old.example/ns/a/*"] }))).toEqual([]);
  });
});
