import { describe, expect, test } from "bun:test";
import { principalOf } from "./names.ts";
import {
  nodeId,
  parseSpiffeId,
  principalOfId,
  printSpiffeId,
  SPIFFE_ID_BYTES_MAX,
  type SpiffeIdProblem,
  sameSpiffeId,
  spiffeSubject,
  trustDomainId,
  trustDomainProblem,
  workloadId,
} from "./spiffe-id.ts";

/** Every byte as one character, as certificates are read. */
const BYTES = Array.from({ length: 256 }, (_, code) => ({ code, char: String.fromCharCode(code) }));

/** Valid in a trust domain; written as a list of ranges, apart from the pattern under test. */
const isDomainByte = (code: number) =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || [0x2d, 0x2e, 0x5f].includes(code);
const isPathByte = (code: number) => isDomainByte(code) || (code >= 0x41 && code <= 0x5a);

let judged = 0;

describe("each byte in its place", () => {
  test("256 bytes in the trust domain: a slash ends it, and only the bytes of the standard are in it", () => {
    for (const { code, char } of BYTES) {
      const parsed = parseSpiffeId(`spiffe://a${char}b.example/ns/x`);
      judged++;
      if (char === "/") expect(parsed).toEqual({ trustDomain: "a", path: "/b.example/ns/x" });
      else if (isDomainByte(code)) expect(parsed).toEqual({ trustDomain: `a${char}b.example`, path: "/ns/x" });
      else expect([code, parsed]).toEqual([code, "trust_domain_byte"]);
    }
  });

  test("256 bytes in a path segment", () => {
    for (const { code, char } of BYTES) {
      const parsed = parseSpiffeId(`spiffe://td.example/p${char}q/r`);
      judged++;
      if (isPathByte(code) || char === "/") expect(parsed).toEqual({ trustDomain: "td.example", path: `/p${char}q/r` });
      else expect([code, parsed]).toEqual([code, "path_byte"]);
    }
  });

  test("256 bytes after the end of an ID", () => {
    for (const { code, char } of BYTES) {
      const parsed = parseSpiffeId(`spiffe://td.example/w${char}`);
      judged++;
      if (isPathByte(code)) expect(parsed).toEqual({ trustDomain: "td.example", path: `/w${char}` });
      else expect([code, parsed]).toEqual([code, char === "/" ? "path_trailing_slash" : "path_byte"]);
    }
  });
});

const long = (length: number) => `spiffe://td/${"a".repeat(length - "spiffe://td/".length)}`;

const REFUSED: readonly (readonly [string, SpiffeIdProblem])[] = [
  ["", "id_scheme"],
  ["spiffe", "id_scheme"],
  ["spiffe:", "id_scheme"],
  ["spiffe:/", "id_scheme"],
  ["spiffe:/td/path", "id_scheme"],
  ["//td/path", "id_scheme"],
  ["td/path", "id_scheme"],
  ["http://td/path", "id_scheme"],
  ["https://td/path", "id_scheme"],
  ["SPIFFE://td/path", "id_scheme"],
  ["Spiffe://td/path", "id_scheme"],
  ["spiffes://td/path", "id_scheme"],
  ["xspiffe://td/path", "id_scheme"],
  [" spiffe://td/path", "id_scheme"],
  ["\u0000spiffe://td/path", "id_scheme"],
  ["spiffe ://td/path", "id_scheme"],
  ["spiffe%3A//td/path", "id_scheme"],
  ["urn:spiffe://td/path", "id_scheme"],
  ["spiffe://", "trust_domain_empty"],
  ["spiffe:///", "trust_domain_empty"],
  ["spiffe:///path", "trust_domain_empty"],
  ["spiffe://TD/path", "trust_domain_byte"],
  ["spiffe://Td.example", "trust_domain_byte"],
  ["spiffe://user@td/path", "trust_domain_byte"],
  ["spiffe://user:pass@td/path", "trust_domain_byte"],
  ["spiffe://td:8443/path", "trust_domain_byte"],
  ["spiffe://td:/path", "trust_domain_byte"],
  ["spiffe://[::1]/path", "trust_domain_byte"],
  ["spiffe://t%64/path", "trust_domain_byte"],
  ["spiffe://td?q=1", "trust_domain_byte"],
  ["spiffe://td#f", "trust_domain_byte"],
  ["spiffe://td\\path", "trust_domain_byte"],
  ["spiffe://*.example/path", "trust_domain_byte"],
  ["spiffe://td\u0000.example/path", "trust_domain_byte"],
  ["spiffe://xn--\u00fc.example/path", "trust_domain_byte"],
  ["spiffe://\u4f60\u597d/path", "trust_domain_byte"],
  [`spiffe://${"a".repeat(256)}/path`, "trust_domain_too_long"],
  ["spiffe://td/", "path_trailing_slash"],
  ["spiffe://td//", "path_trailing_slash"],
  ["spiffe://td/path/", "path_trailing_slash"],
  ["spiffe://td/path//", "path_trailing_slash"],
  ["spiffe://td//path", "path_empty_segment"],
  ["spiffe://td/a//b", "path_empty_segment"],
  ["spiffe://td///b", "path_empty_segment"],
  ["spiffe://td/.", "path_dot_segment"],
  ["spiffe://td/..", "path_dot_segment"],
  ["spiffe://td/./a", "path_dot_segment"],
  ["spiffe://td/../a", "path_dot_segment"],
  ["spiffe://td/a/.", "path_dot_segment"],
  ["spiffe://td/a/..", "path_dot_segment"],
  ["spiffe://td/a/../b", "path_dot_segment"],
  ["spiffe://td/a/./b", "path_dot_segment"],
  ["spiffe://td/%2e%2e/a", "path_byte"],
  ["spiffe://td/a%2Fb", "path_byte"],
  ["spiffe://td/a%00", "path_byte"],
  ["spiffe://td/a?b=c", "path_byte"],
  ["spiffe://td/a?", "path_byte"],
  ["spiffe://td/a#b", "path_byte"],
  ["spiffe://td/a#", "path_byte"],
  ["spiffe://td/a b", "path_byte"],
  ["spiffe://td/a*", "path_byte"],
  ["spiffe://td/a\\b", "path_byte"],
  ["spiffe://td/a;b", "path_byte"],
  ["spiffe://td/a:b", "path_byte"],
  ["spiffe://td/a@b", "path_byte"],
  ["spiffe://td/a\r\nb", "path_byte"],
  ["spiffe://td/\u00e9", "path_byte"],
  [long(SPIFFE_ID_BYTES_MAX + 1), "id_too_long"],
];

const ACCEPTED: readonly (readonly [string, string, string])[] = [
  ["spiffe://td", "td", ""],
  ["spiffe://1.2.3.4/w", "1.2.3.4", "/w"],
  ["spiffe://a_b-c.d/w", "a_b-c.d", "/w"],
  ["spiffe://td/W", "td", "/W"],
  ["spiffe://td/...", "td", "/..."],
  ["spiffe://td/.a", "td", "/.a"],
  ["spiffe://td/a.", "td", "/a."],
  ["spiffe://td/..a/b..", "td", "/..a/b.."],
  ["spiffe://td/-/_", "td", "/-/_"],
  [`spiffe://${"a".repeat(255)}/w`, "a".repeat(255), "/w"],
  [long(SPIFFE_ID_BYTES_MAX), "td", long(SPIFFE_ID_BYTES_MAX).slice("spiffe://td".length)],
];

describe("whole IDs", () => {
  test.each(REFUSED)("%j is refused: %s", (text, problem) => {
    judged++;
    expect(parseSpiffeId(text)).toBe(problem);
  });

  test.each(ACCEPTED)("%j is an ID and prints as it was written", (text, trustDomain, path) => {
    judged++;
    const id = parseSpiffeId(text);
    if (typeof id === "string") throw new Error(id);
    expect(id).toEqual({ trustDomain, path });
    expect(printSpiffeId(id)).toBe(text);
  });

  test("more than 550 vectors were judged", () => {
    expect(judged).toBeGreaterThanOrEqual(550);
  });

  test("a trust domain alone is judged by the same rule", () => {
    expect(trustDomainProblem("store-042.fleet.example")).toBeUndefined();
    expect(trustDomainProblem("store/042")).toBe("trust_domain_byte");
  });
});

describe("what an ID names", () => {
  const subjectOf = (path: string) => spiffeSubject({ trustDomain: "td", path });

  test("a workload, with the same principal that policies use", () => {
    const id = workloadId("td", "prod", "orders");
    expect(spiffeSubject(id)).toEqual({ kind: "workload", namespace: "prod", serviceAccount: "orders" });
    expect(principalOfId(id)).toBe(principalOf("td", "prod", "orders"));
  });

  test("a node and the trust domain", () => {
    expect(spiffeSubject(nodeId("td", "till-1"))).toEqual({ kind: "node", name: "till-1" });
    expect(spiffeSubject(trustDomainId("td"))).toEqual({ kind: "trust-domain" });
  });

  test.each([
    "/ns/prod/sa",
    "/ns/prod/sa/orders/x",
    "/NS/prod/sa/orders",
    "/ns/prod/SA/orders",
    "/nsx/prod/sa/orders",
    "/selvedge/node",
    "/selvedge/node/till-1/x",
    "/selvedge/Node/till-1",
    "/selvedge/nodes/till-1",
    "/x/selvedge/node/till-1",
  ])("%s is neither", (path) => {
    expect(subjectOf(path)).toEqual({ kind: "other" });
  });

  test("no namespace or service account makes a workload into a node", () => {
    const names = ["selvedge", "node", "ns", "sa", "till-1", "..."];
    for (const namespace of names)
      for (const account of names) expect(spiffeSubject(workloadId("td", namespace, account)).kind).toBe("workload");
  });

  test("IDs are the same only byte for byte", () => {
    expect(sameSpiffeId(nodeId("td", "a"), nodeId("td", "a"))).toBe(true);
    expect(sameSpiffeId(nodeId("td", "a"), nodeId("td", "A"))).toBe(false);
    expect(sameSpiffeId(nodeId("td", "a"), nodeId("td2", "a"))).toBe(false);
    expect(sameSpiffeId(workloadId("td", "prod", "foo"), workloadId("td", "prod", "foobar"))).toBe(false);
  });
});
