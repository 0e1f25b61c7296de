/**
 * One field against one request, row by row. Each row says whether the field matches in an ALLOW and in a DENY policy; they
 * differ only where an attribute is missing or ambiguous, and then to the safe side. Every row is judged twice, as the only
 * rule of an ALLOW policy (matches = allowed) and of a DENY beside an open ALLOW (matches = denied).
 */
import { describe, expect, test } from "bun:test";
import type { Caller } from "../request-facts.ts";
import { callerOf, type PlainRequestInit, strangerAt } from "./plain-facts.ts";
import type { PolicyRuleRecord } from "./record.ts";
import { TEST_DOMAIN as DOMAIN, matchesOf } from "./testing.ts";

const web = callerOf(DOMAIN, "prod", "web", "10.0.0.5");
const nobody = strangerAt("10.0.0.5");

function expectMatch(
  rule: PolicyRuleRecord,
  init: PlainRequestInit,
  allow: boolean,
  deny = allow,
  aliases: readonly string[] = [],
): void {
  expect(matchesOf(rule, init, aliases)).toEqual({ allow, deny });
}

describe("principals", () => {
  const rows: readonly (readonly [pattern: string, caller: Caller, matches: boolean])[] = [
    ["shop.example/ns/prod/sa/web", web, true],
    ["cluster.local/ns/prod/sa/web", web, true],
    ["shop.example/ns/prod/sa/web2", web, false],
    ["shop.example/ns/prod/sa/we", web, false],
    ["shop.example/ns/prod2/sa/web", web, false],
    ["shop.example/ns/pro/sa/web", web, false],
    ["shop.example.evil/ns/prod/sa/web", web, false],
    ["evil.shop.example/ns/prod/sa/web", web, false],
    ["shop.exampl/ns/prod/sa/web", web, false],
    ["SHOP.EXAMPLE/ns/prod/sa/web", web, false],
    ["shop.example/ns/prod/sa/Web", web, false],
    ["shop.example/ns/prod/sa/web/", web, false],
    ["shop.example/ns/prod/sa/", web, false],
    ["shop.example/ns/prod", web, false],
    ["/shop.example/ns/prod/sa/web", web, false],
    ["shop_example/ns/prod/sa/web", web, false],
    ["*", web, true],
    ["*", nobody, false],
    ["cluster.local/*", web, true],
    ["cluster.local/*", callerOf("shop.example.evil", "prod", "web"), false],
    ["shop.example/*", callerOf("shop.examplevil", "prod", "web"), false],
    ["cluster.local/ns/prod/*", web, true],
    ["cluster.local/ns/prod/*", callerOf(DOMAIN, "prod2", "web"), false],
    ["cluster.local/ns/prod/sa/*", web, true],
    ["cluster.local/ns/prod/sa/we*", web, true],
    ["cluster.local/ns/dev/*", web, false],
    ["*/sa/web", web, true],
    ["*/sa/web", callerOf("evil", "x", "web"), true],
    ["*/sa/web", callerOf(DOMAIN, "prod", "myweb"), false],
    ["*/ns/prod/sa/web", web, true],
    ["*/ns/prod/sa/web", callerOf(DOMAIN, "nonprod", "web"), false],
    ["*web", callerOf(DOMAIN, "prod", "myweb"), true],
    ["cluster.local/ns/prod/sa/web", callerOf("cluster.local", "prod", "web"), false],
    ["evil/ns/prod/sa/web", callerOf("evil", "prod", "web"), true],
    ["shop.example/ns/prod/sa/web", nobody, false],
  ];
  test.each(rows)("%s against %j: %p", (pattern, caller, matches) => {
    expectMatch({ from: [{ principals: [pattern] }] }, { caller }, matches);
    expectMatch({ when: [{ key: "source.principal", values: [pattern] }] }, { caller }, matches);
    // A caller without identity escapes no DENY by a negation and passes no ALLOW by one.
    const isStranger = caller.principal === "";
    expectMatch(
      { from: [{ notPrincipals: [pattern] }] },
      { caller },
      isStranger ? false : !matches,
      isStranger || !matches,
    );
  });

  const aliased: readonly (readonly [pattern: string, domain: string, matches: boolean])[] = [
    ["cluster.local/ns/prod/sa/web", "old.example", true],
    ["old.example/ns/prod/sa/web", DOMAIN, true],
    ["shop.example/ns/prod/sa/web", "old.example", true],
    ["old.example/*", DOMAIN, true],
    ["old.example/*", "old.example.evil", false],
    ["cluster.local/*", "older.example", false],
    ["other.example/ns/prod/sa/web", DOMAIN, false],
    ["other.example/ns/prod/sa/web", "old.example", false],
  ];
  test.each(aliased)("with the alias old.example, %s against a caller of %s: %p", (pattern, domain, matches) => {
    expectMatch({ from: [{ principals: [pattern] }] }, { caller: callerOf(domain, "prod", "web") }, matches, matches, [
      "old.example",
    ]);
  });
});

describe("namespaces and service accounts", () => {
  const rows: readonly (readonly [
    field: "namespaces" | "serviceAccounts",
    value: string,
    caller: Caller,
    matches: boolean,
  ])[] = [
    ["namespaces", "prod", web, true],
    ["namespaces", "prod2", web, false],
    ["namespaces", "pro", web, false],
    ["namespaces", "Prod", web, false],
    ["namespaces", "pro*", web, true],
    ["namespaces", "*od", web, true],
    ["namespaces", "*", web, true],
    ["namespaces", "*", nobody, false],
    ["namespaces", "", nobody, false],
    ["serviceAccounts", "prod/web", web, true],
    ["serviceAccounts", "prod/web2", web, false],
    ["serviceAccounts", "dev/web", web, false],
    ["serviceAccounts", "web", web, false],
    ["serviceAccounts", "prod/web", nobody, false],
  ];
  test.each(rows)("%s [%j] against %j: %p", (field, value, caller, matches) => {
    expectMatch({ from: [{ [field]: [value] }] }, { caller }, matches);
    const key = field === "namespaces" ? "source.namespace" : "source.serviceAccount";
    expectMatch({ when: [{ key, values: [value] }] }, { caller }, matches);
    const isStranger = caller.principal === "";
    const negation = field === "namespaces" ? "notNamespaces" : "notServiceAccounts";
    expectMatch({ from: [{ [negation]: [value] }] }, { caller }, isStranger ? false : !matches, isStranger || !matches);
  });
});

describe("addresses", () => {
  const rows: readonly (readonly [block: string, ip: string, matches: boolean | undefined])[] = [
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.0.0.5", "10.0.0.5", true],
    ["10.0.0.5", "10.0.0.50", false],
    ["10.0.0.4/31", "10.0.0.5", true],
    ["10.0.0.6/31", "10.0.0.5", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["128.0.0.0/1", "200.1.2.3", true],
    ["128.0.0.0/1", "127.255.255.255", false],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["::ffff:10.0.0.0/104", "10.1.2.3", true],
    ["::/0", "10.1.2.3", false],
    ["0.0.0.0/0", "::1", false],
    ["fd00::/8", "fd12:3456::1", true],
    ["fd00::/8", "fe80::1", false],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["::1/128", "::2", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["10.0.0.0/8", "", undefined],
    ["0.0.0.0/0", "not an address", undefined],
    ["0.0.0.0/0", "010.0.0.1", undefined],
  ];
  test.each(rows)("%s against %j: %p", (block, ip, matches) => {
    const at = (address: string): Caller => ({ ...web, ip: address });
    const positive = matches ?? false;
    const allowed = matches === undefined ? false : !matches;
    const denied = matches === undefined ? true : !matches;
    expectMatch({ from: [{ ipBlocks: [block] }] }, { caller: at(ip), remoteIp: "192.0.2.1" }, positive);
    expectMatch({ from: [{ notIpBlocks: [block] }] }, { caller: at(ip), remoteIp: "192.0.2.1" }, allowed, denied);
    expectMatch({ from: [{ remoteIpBlocks: [block] }] }, { caller: at("192.0.2.1"), remoteIp: ip }, positive);
    expectMatch(
      { when: [{ key: "remote.ip", notValues: [block] }] },
      { caller: at("192.0.2.1"), remoteIp: ip },
      allowed,
      denied,
    );
    expectMatch({ when: [{ key: "destination.ip", values: [block] }] }, { caller: web, destinationIp: ip }, positive);
    expectMatch({ when: [{ key: "source.ip", values: [block] }] }, { caller: at(ip), remoteIp: "192.0.2.1" }, positive);
  });
});
