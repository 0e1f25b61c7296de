/** Random policies and requests from small alphabets, so that they meet often and miss narrowly. */
import fc from "fast-check";
import { callerOf, PlainRequest, strangerAt } from "../../../src/model/authz/plain-facts.ts";
import type {
  ConditionRecord,
  OperationRecord,
  PolicyRuleRecord,
  SourceRecord,
} from "../../../src/model/authz/record.ts";
import type { PolicyRecord } from "../../../src/model/snapshot.ts";

export const SITE_DOMAIN = "shop.example";

const namespaces = ["prod", "prod2", "dev", "pro"];
const accounts = ["web", "web2", "we", "orders"];
const domains = [SITE_DOMAIN, "old.example", "cluster.local", "shop.example.evil", "evil"];
const paths = [
  "/",
  "/a",
  "/a/",
  "/a/b",
  "/a/b/c",
  "/ab",
  "/b",
  "/A",
  "/admin",
  "/a;x/b",
  "/a/..;v/b",
  "/b;",
  "/x/é",
  "/a/b/c/d",
];
const addresses = [
  "10.0.0.1",
  "10.0.1.1",
  "192.168.0.7",
  "::ffff:10.0.0.1",
  "fd00:0:0:0:0:0:0:1",
  "fd00:0:0:0:0:0:1:1",
  "",
];
const headerValues = ["a", "b", "ab", "a,b", "b, a", "", "é\u00ff", "a\u0080", "A"];

const principal = fc
  .tuple(fc.constantFrom(...domains), fc.constantFrom(...namespaces), fc.constantFrom(...accounts))
  .map(([domain, namespace, account]) => `${domain}/ns/${namespace}/sa/${account}`);
const principalPattern = fc.oneof(
  { weight: 4, arbitrary: principal },
  fc.constantFrom(
    "*",
    "cluster.local/*",
    "shop.example/ns/prod/*",
    "cluster.local/ns/pro*",
    "*/sa/web",
    "*/ns/dev/sa/web",
    "*web",
    "evil/*",
  ),
);
const namespacePattern = fc.constantFrom(...namespaces, "*", "pro*", "*2");
const account = fc
  .tuple(fc.constantFrom(...namespaces), fc.constantFrom(...accounts))
  .map(([namespace, name]) => `${namespace}/${name}`);
const block = fc.constantFrom(
  "10.0.0.0/8",
  "10.0.0.0/24",
  "10.0.0.1",
  "0.0.0.0/0",
  "192.168.0.0/31",
  "fd00:0:0:0:0:0:0:0/112",
  "fd00:0:0:0:0:0:0:0/8",
  "10.0.1.1/32",
);
const pathPattern = fc.oneof(
  fc.constantFrom(...paths),
  fc.constantFrom(
    "*",
    "/a*",
    "/a/*",
    "*b",
    "*/b",
    "/*",
    "/a/{*}",
    "/{*}/b",
    "/a/{**}",
    "/{*}/{**}",
    "/{*}/b/{*}",
    "/{**}",
  ),
);
const hostPattern = fc.constantFrom(
  "orders.prod",
  "ORDERS.prod",
  "*.prod",
  "orders*",
  "*",
  "orders.prod:*",
  "web.prod",
);
const methodPattern = fc.constantFrom("GET", "POST", "DELETE", "*", "P*", "get");
const valuePattern = fc.constantFrom("a", "b", "a*", "*b", "*", "a,b", "é*", "", "A");

function some<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(arbitrary, { minLength: 1, maxLength: 3 });
}

/** A record with a few of the fields, so that rules are neither empty nor unsatisfiable. */
function few<T>(fields: { [K in keyof T]-?: fc.Arbitrary<NonNullable<T[K]>> }): fc.Arbitrary<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  return fc
    .subarray(names, { minLength: 0, maxLength: 2 })
    .chain((chosen) =>
      fc.record(Object.fromEntries(chosen.map((name) => [name, fields[name]]))),
    ) as unknown as fc.Arbitrary<T>;
}

const source = few<SourceRecord>({
  principals: some(principalPattern),
  notPrincipals: some(principalPattern),
  requestPrincipals: some(fc.constant("*")),
  notRequestPrincipals: some(fc.constant("*")),
  namespaces: some(namespacePattern),
  notNamespaces: some(namespacePattern),
  serviceAccounts: some(account),
  notServiceAccounts: some(account),
  ipBlocks: some(block),
  notIpBlocks: some(block),
  remoteIpBlocks: some(block),
  notRemoteIpBlocks: some(block),
});

const operation = few<OperationRecord>({
  hosts: some(hostPattern),
  notHosts: some(hostPattern),
  ports: some(fc.constantFrom(80, 443, 5432)),
  notPorts: some(fc.constantFrom(80, 443, 5432)),
  methods: some(methodPattern),
  notMethods: some(methodPattern),
  paths: some(pathPattern),
  notPaths: some(pathPattern),
});

function conditionOn(key: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<ConditionRecord> {
  return fc.oneof(
    fc.record({ key, values: some(value) }),
    fc.record({ key, notValues: some(value) }),
    fc.record({ key, values: some(value), notValues: some(value) }),
  );
}

const condition = fc.oneof(
  { weight: 5, arbitrary: conditionOn(fc.constantFrom("request.headers[x-a]", "request.headers[X-B]"), valuePattern) },
  conditionOn(fc.constantFrom("source.ip", "remote.ip", "destination.ip"), block),
  conditionOn(fc.constant("source.namespace"), namespacePattern),
  conditionOn(fc.constant("source.principal"), principalPattern),
  conditionOn(fc.constant("source.serviceAccount"), account),
  conditionOn(fc.constant("destination.port"), fc.constantFrom("80", "443")),
  conditionOn(
    fc.constantFrom("request.auth.principal", "request.auth.claims[a][b]", "connection.sni"),
    fc.constant("*"),
  ),
);

const rule: fc.Arbitrary<PolicyRuleRecord> = fc.record(
  {
    from: fc.array(source, { minLength: 1, maxLength: 3 }),
    to: fc.array(operation, { minLength: 1, maxLength: 3 }),
    when: fc.array(condition, { minLength: 0, maxLength: 1 }),
  },
  { requiredKeys: [] },
);

const origin = { file: "fuzz.yaml", line: 1, col: 1 };

/** Up to five policies with distinct keys, DENY, ALLOW and AUDIT, some of them dry-run, seldom a broken one. */
export const policies: fc.Arbitrary<PolicyRecord[]> = fc
  .array(
    fc.record({
      action: fc.constantFrom<PolicyRecord["action"]>("ALLOW", "ALLOW", "ALLOW", "DENY", "AUDIT"),
      isDryRun: fc.nat(7).map((n) => n === 0),
      isBroken: fc.nat(40).map((n) => n === 0),
      rules: fc.array(rule, { minLength: 0, maxLength: 4 }),
    }),
    { minLength: 0, maxLength: 5 },
  )
  .map((list) =>
    list.map(({ action, isDryRun, isBroken, rules }, index) => {
      const name = `p${index}`;
      // A dry run of an AUDIT policy does not exist.
      const dryRun = isDryRun && action !== "AUDIT";
      const record: PolicyRecord = {
        kind: "policy",
        key: `policy/n/${name}`,
        name,
        namespace: "n",
        action,
        dryRun,
        rules,
        origin,
      };
      return isBroken ? { ...record, broken: "for the test" } : record;
    }),
  );

const caller = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...addresses).map(strangerAt) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom(SITE_DOMAIN, SITE_DOMAIN, SITE_DOMAIN, "old.example", "shop.example.evil", "evil"),
        fc.constantFrom(...namespaces),
        fc.constantFrom(...accounts),
        fc.constantFrom(...addresses),
      )
      .map(([domain, namespace, name, ip]) => callerOf(domain, namespace, name, ip)),
  },
);

export const request: fc.Arbitrary<PlainRequest> = fc
  .record({
    caller,
    method: fc.constantFrom("GET", "POST", "DELETE", "get"),
    path: fc.constantFrom(...paths),
    host: fc.constantFrom("orders.prod", "web.prod", "orders.prod.", "a.orders.prod", ""),
    destinationPort: fc.constantFrom(80, 443, 5432),
    destinationIp: fc.constantFrom(...addresses),
    remoteIp: fc.constantFrom(...addresses),
    headers: fc.array(fc.tuple(fc.constantFrom("x-a", "X-A", "x-b"), fc.constantFrom(...headerValues)), {
      maxLength: 3,
    }),
  })
  .map((init) => new PlainRequest(init));

export const site = fc.record({
  defaultAction: fc.constantFrom<"deny" | "audit" | "allow">("deny", "audit", "allow"),
  trustDomain: fc.constant(SITE_DOMAIN),
  trustDomainAliases: fc.constantFrom<string[]>([], ["old.example"]),
});
