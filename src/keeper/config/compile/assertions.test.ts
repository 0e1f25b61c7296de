import { describe, expect, test } from "bun:test";
import type { DocumentOf } from "../../../model/documents.ts";
import type { Issue } from "../../../model/issue.ts";
import { decodeFiles } from "../decode/decode-files.ts";
import { checkAssertions } from "./assertions.ts";
import { compile } from "./compile.ts";

const MESH = `
apiVersion: selvedge/v1
kind: Site
metadata: { name: store }
spec: { trustDomain: store.example, defaultAction: DEFAULT }
---
{ apiVersion: selvedge/v1, kind: Workload, metadata: { name: web, namespace: prod }, spec: { selectors: [["unix:uid:1001"]] } }
---
{ apiVersion: selvedge/v1, kind: Workload, metadata: { name: spy, namespace: dev }, spec: { selectors: [["unix:uid:1002"]] } }
---
apiVersion: selvedge/v1
kind: Workload
metadata: { name: orders-v1, namespace: prod, labels: { app: orders, version: v1 } }
spec: { serviceAccount: orders, address: 127.0.0.1, ports: { http: 9001 }, selectors: [["unix:uid:1003"]], calls: [] }
---
apiVersion: selvedge/v1
kind: Workload
metadata: { name: orders-v2, namespace: prod, labels: { app: orders, version: v2 } }
spec: { serviceAccount: orders, address: 127.0.0.1, ports: { http: 9002 }, selectors: [["unix:uid:1003"]] }
---
apiVersion: v1
kind: Service
metadata: { name: orders, namespace: prod }
spec: { selector: { app: orders, version: v1 }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: v1
kind: Service
metadata: { name: orders-v2, namespace: prod }
spec: { selector: { app: orders, version: v2 }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: v1
kind: Service
metadata: { name: ledger, namespace: prod }
spec: { selector: { app: orders }, ports: [{ port: 5432, targetPort: http, appProtocol: tcp }] }
`;

const CANARY = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: orders, namespace: prod }
spec:
  parentRefs: [{ group: "", kind: Service, name: orders }]
  rules:
    - backendRefs: [{ name: orders, port: 80, weight: 99 }, { name: orders-v2, port: 80, weight: WEIGHT }]
`;

interface Setup {
  readonly assertion: string;
  readonly documents?: readonly string[];
  readonly defaultAction?: string;
}

function issuesOf({ assertion, documents = [], defaultAction = "deny" }: Setup): Issue[] {
  const asserted = `{ apiVersion: selvedge/v1, kind: Assertion, metadata: { name: a }, spec: ${assertion} }`;
  const text = [MESH.replace("DEFAULT", defaultAction), ...documents, asserted].join("\n---\n");
  const decoded = decodeFiles([{ path: "mesh.yaml", text }]);
  const compiled = compile(decoded.documents, { node: undefined, hostname: "store", resolveUser: () => undefined });
  const errors = [...decoded.issues, ...compiled.issues].filter((issue) => issue.severity === "error");
  expect(errors).toEqual([]);
  const assertions = decoded.documents.filter((one): one is DocumentOf<"Assertion"> => one.kind === "Assertion");
  return checkAssertions(compiled.records, assertions);
}

function policy(name: string, spec: string, namespace = "prod"): string {
  return `{ apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: { name: ${name}, namespace: ${namespace} }, spec: ${spec} }`;
}

const ALLOW_ALL = policy("open", "{ rules: [{}] }");
const NO_DEV = "{ expect: deny, from: dev/*, to: prod/* }";
const WEB_MAY = "{ expect: allow, from: prod/web, to: prod/orders }";

describe("expect: deny", () => {
  test("holds where the default denies", () => {
    expect(issuesOf({ assertion: NO_DEV })).toEqual([]);
  });

  test.each(["audit", "allow"])("is broken by the default %s, which is named", (defaultAction) => {
    const issues = issuesOf({ assertion: NO_DEV, defaultAction });
    expect(issues.map((issue) => issue.code)).toEqual(["SV2101", "SV2101", "SV2101"]);
    expect(issues[0]?.message).toContain(`defaultAction is ${defaultAction}`);
  });

  test("is broken by an ALLOW, and names policy, rule and position", () => {
    const [issue] = issuesOf({ assertion: "{ expect: deny, from: dev/*, to: prod/orders }", documents: [ALLOW_ALL] });
    expect(issue?.message).toBe(
      "assertion a: dev/spy may reach prod/orders (workload prod/orders-v1): rule 0 of policy prod/open (mesh.yaml:37) allows it",
    );
  });

  test.each([
    ["a method", `to: [{ operation: { methods: ["OPTIONS"] } }]`],
    ["a path", `to: [{ operation: { paths: ["/healthz"] } }]`],
    ["a header", `when: [{ key: "request.headers[x-debug]", values: ["1"] }]`],
    ["an address", `from: [{ source: { ipBlocks: ["10.0.0.1"] } }]`],
    ["a host", `to: [{ operation: { hosts: ["x.example"] } }]`],
  ])("is broken by an ALLOW that asks for %s: some requests get through", (_title, rule) => {
    const issues = issuesOf({
      assertion: "{ expect: deny, from: dev/*, to: prod/orders }",
      documents: [policy("some", `{ rules: [{ ${rule} }] }`)],
    });
    expect(issues.map((issue) => issue.message.includes("with some requests"))).toEqual([true]);
  });

  test("holds where a DENY takes everything of the caller away", () => {
    for (const rule of [
      `from: [{ source: { namespaces: ["dev"] } }]`,
      `from: [{ source: { notNamespaces: ["prod"] } }]`,
      `from: [{ source: { namespaces: ["dev"] } }], to: [{ operation: { paths: ["/*"] } }]`,
    ]) {
      expect(
        issuesOf({ assertion: NO_DEV, documents: [ALLOW_ALL, policy("no", `{ action: DENY, rules: [{ ${rule} }] }`)] }),
      ).toEqual([]);
    }
  });

  test("is broken where a DENY leaves something over", () => {
    const some = policy(
      "some",
      `{ action: DENY, rules: [{ from: [{ source: { namespaces: ["dev"] } }], to: [{ operation: { methods: ["POST"] } }] }] }`,
    );
    expect(
      issuesOf({ assertion: "{ expect: deny, from: dev/*, to: prod/orders }", documents: [ALLOW_ALL, some] }),
    ).toHaveLength(1);
    expect(
      issuesOf({
        assertion: "{ expect: deny, from: dev/*, to: prod/orders, method: POST }",
        documents: [ALLOW_ALL, some],
      }),
    ).toEqual([]);
  });

  test("looks at every backend of a split, and at none without a share", () => {
    const v2 = policy("v2", "{ selector: { matchLabels: { version: v2 } }, rules: [{}] }");
    const assertion = "{ expect: deny, from: dev/*, to: prod/orders }";
    const issues = issuesOf({ assertion, documents: [CANARY.replace("WEIGHT", "1"), v2] });
    expect(issues.map((issue) => issue.message.includes("workload prod/orders-v2"))).toEqual([true]);
    expect(issuesOf({ assertion, documents: [CANARY.replace("WEIGHT", "0"), v2] })).toEqual([]);
    expect(issuesOf({ assertion, documents: [v2] })).toEqual([]);
  });

  test("holds where every workload of the caller leaves the service out of its calls", () => {
    const assertion = "{ expect: deny, from: prod/orders, to: prod/orders }";
    // orders-v1 may call nobody, but orders-v2 has the same service account and no such list.
    expect(issuesOf({ assertion, documents: [ALLOW_ALL] })).toHaveLength(1);
    expect(issuesOf({ assertion, documents: [] })).toEqual([]);
  });

  test("holds where a policy on the Service denies", () => {
    const onService = policy(
      "svc",
      `{ action: DENY, targetRefs: [{ group: "", kind: Service, name: orders }], rules: [{}] }`,
    );
    expect(
      issuesOf({ assertion: "{ expect: deny, from: dev/*, to: prod/orders }", documents: [ALLOW_ALL, onService] }),
    ).toEqual([]);
  });

  test("a dry-run DENY keeps nobody out", () => {
    const dry = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: dry, namespace: prod, annotations: { istio.io/dry-run: "true" } }
spec: { action: DENY, rules: [{}] }`;
    expect(
      issuesOf({ assertion: "{ expect: deny, from: dev/*, to: prod/orders }", documents: [ALLOW_ALL, dry] }),
    ).toHaveLength(1);
  });

  test("a TCP port is opened by an ALLOW without HTTP fields, and by no other", () => {
    const assertion = "{ expect: deny, from: dev/*, to: prod/ledger }";
    const l7 = policy("l7", `{ rules: [{ to: [{ operation: { methods: ["GET"] } }] }] }`);
    const l4 = policy("l4", `{ rules: [{ to: [{ operation: { ports: ["9001"] } }] }] }`);
    expect(issuesOf({ assertion, documents: [l7] })).toEqual([]);
    expect(issuesOf({ assertion, documents: [l4] })).toHaveLength(1);
  });
});

describe("expect: allow", () => {
  const web = `from: [{ source: { principals: ["cluster.local/ns/prod/sa/web"] } }]`;

  test("holds where every backend surely lets the request in", () => {
    const open = policy("web", `{ rules: [{ ${web}, to: [{ operation: { methods: ["GET"] } }] }] }`);
    expect(issuesOf({ assertion: WEB_MAY, documents: [open, CANARY.replace("WEIGHT", "1")] })).toEqual([]);
  });

  test("is broken where no policy holds and the default denies", () => {
    expect(issuesOf({ assertion: WEB_MAY })[0]?.message).toContain("no ALLOW policy holds and defaultAction is deny");
  });

  test("is broken by one backend of a split", () => {
    const v1 = policy("v1", `{ selector: { matchLabels: { version: v1 } }, rules: [{ ${web} }] }`);
    const issues = issuesOf({ assertion: WEB_MAY, documents: [v1, CANARY.replace("WEIGHT", "1")] });
    expect(issues.map((issue) => issue.message.includes("workload prod/orders-v2"))).toEqual([true]);
    expect(issuesOf({ assertion: WEB_MAY, documents: [v1] })).toEqual([]);
  });

  test("is judged with the method, path and headers it gives", () => {
    const open = policy(
      "web",
      `{ rules: [{ ${web}, to: [{ operation: { methods: ["POST"], paths: ["/orders/*"] } }], when: [{ key: "request.headers[x-team]", values: ["shop"] }] }] }`,
    );
    const asked = (fields: string) =>
      issuesOf({ assertion: `{ expect: allow, from: prod/web, to: prod/orders, ${fields} }`, documents: [open] });
    expect(asked("method: POST, path: /orders/7, headers: { x-team: shop }")).toEqual([]);
    expect(asked("method: POST, path: /orders/7")).toHaveLength(1);
    expect(asked("method: PUT, path: /orders/7, headers: { x-team: shop }")).toHaveLength(1);
  });

  test("is broken by what depends on an address, in either direction", () => {
    const byIp = policy("ip", `{ rules: [{ from: [{ source: { ipBlocks: ["127.0.0.0/8"] } }] }] }`);
    expect(issuesOf({ assertion: WEB_MAY, documents: [byIp] })[0]?.message).toContain("allows it only sometimes");
    const denied = policy("no", `{ action: DENY, rules: [{ from: [{ source: { ipBlocks: ["10.0.0.1"] } }] }] }`);
    expect(issuesOf({ assertion: WEB_MAY, documents: [ALLOW_ALL, denied] })[0]?.message).toContain("may match");
  });

  test("is broken by the caller's own calls, which are named", () => {
    const issues = issuesOf({
      assertion: "{ expect: allow, from: prod/orders, to: prod/orders }",
      documents: [ALLOW_ALL],
    });
    expect(issues[0]?.message).toContain("spec.calls of Workload prod/orders-v1");
  });
});

test("an assertion that names nobody is a warning", () => {
  const issues = issuesOf({ assertion: "{ expect: deny, from: nowhere/*, to: prod/* }" });
  expect(issues.map(({ severity, code }) => [severity, code])).toEqual([["warning", "SV2102"]]);
});

test("many broken pairs are counted, not listed", () => {
  const services = Array.from(
    { length: 14 },
    (_, i) =>
      `{ apiVersion: v1, kind: Service, metadata: { name: s${i}, namespace: many }, spec: { selector: { app: orders }, ports: [{ port: 80, targetPort: http }] } }`,
  );
  const workload = `{ apiVersion: selvedge/v1, kind: Workload, metadata: { name: o, namespace: many, labels: { app: orders } }, spec: { address: 127.0.0.1, ports: { http: 9009 } } }`;
  const issues = issuesOf({
    assertion: "{ expect: deny, from: dev/*, to: many/* }",
    defaultAction: "allow",
    documents: [...services, workload],
  });
  expect(issues).toHaveLength(11);
  expect(issues.at(-1)?.message).toContain("and 4 more pairs");
});
