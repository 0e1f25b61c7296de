import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Pattern } from "./pattern.ts";
import { literalPrefix, PatternError, parsePattern } from "./pattern-parse.ts";

describe("a pattern", () => {
  const cases: readonly [pattern: string, subject: string, matches: boolean][] = [
    ["/v[0-9]+/.*", "/v12/x", true],
    ["/v[0-9]+/.*", "/v/x", false],
    ["^/a$", "/a", true],
    ["/a", "/ab", false],
    ["/a", "x/a", false],
    ["", "", true],
    ["a|b|cd", "cd", true],
    ["(a|b)*c", "ababc", true],
    ["(?:ab){2,3}", "abab", true],
    ["(?:ab){2,3}", "abababab", false],
    ["a{0}", "", true],
    ["a{2,}", "aaaaa", true],
    ["a{2,}", "a", false],
    ["[^/]+", "abc", true],
    ["[^/]+", "a/c", false],
    ["[]a]+", "]a", true],
    ["[a-]+", "-a-", true],
    ["\\d{3}-\\w+", "123-x_9", true],
    ["\\.\\x41", ".A", true],
    ["a.c", "a\nc", false],
    ["(a*)*", "aaaa", true],
    ["(a?)*b", "aaab", true],
    ["a+?b??", "aa", true],
  ];
  for (const [pattern, subject, matches] of cases) {
    test(`${JSON.stringify(pattern)} ${matches ? "matches" : "does not match"} ${JSON.stringify(subject)}`, () => {
      expect(new Pattern(pattern).test(subject)).toBe(matches);
    });
  }

  const refused = [
    "(a",
    "a)",
    "[a",
    "a**",
    "*a",
    "(?=a)",
    "(?<n>a)",
    "(?i)a",
    "\\1",
    "\\b",
    "a{3,1}",
    "a{999}",
    "a{x",
    "\\",
  ];
  for (const pattern of refused) {
    test(`${JSON.stringify(pattern)} is refused`, () => expect(() => new Pattern(pattern)).toThrow(PatternError));
  }

  test("agrees with the runtime's own expressions on random small patterns", () => {
    const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "(a|b)", "(?:ab|c)", "\\w");
    const quantifier = fc.constantFrom("", "", "*", "+", "?", "{2}", "{1,2}");
    const pattern = fc
      .array(
        fc.tuple(atom, quantifier).map(([a, q]) => a + q),
        { maxLength: 5 },
      )
      .map((p) => p.join(""));
    const subject = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 7 }).map((p) => p.join(""));
    fc.assert(
      fc.property(pattern, fc.array(subject, { maxLength: 10 }), (text, subjects) => {
        const compiled = new Pattern(text);
        const reference = new RegExp(`^(?:${text})$`);
        for (const one of subjects) expect([text, one, compiled.test(one)]).toEqual([text, one, reference.test(one)]);
      }),
      { numRuns: 500 },
    );
  });

  test("takes a catastrophic pattern in linear time", () => {
    const pattern = new Pattern("(a+)+(a|a)*(.*)*b");
    const started = performance.now();
    expect(pattern.test("a".repeat(8000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
  });

  test("refuses what unrolls to too many steps", () => {
    expect(() => new Pattern("((a{50}){50}){50}")).toThrow(PatternError);
  });

  test("does not match a subject beyond the bound", () => {
    expect(new Pattern("a*").test("a".repeat(9000))).toBe(false);
  });

  test("knows the literal text it begins with", () => {
    expect(literalPrefix(parsePattern("/api/v\\d+"))).toBe("/api/v");
    expect(literalPrefix(parsePattern("a|b"))).toBe("");
    expect(literalPrefix(parsePattern("/x"))).toBe("/x");
  });
});
