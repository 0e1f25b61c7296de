import { describe, expect, test } from "bun:test";
import {
  type JoinToken,
  parseJoinToken,
  printJoinToken,
  TOKEN_CHARACTERS_MAX,
  tokenKeyHash,
  tokenPublicKey,
} from "./join-token.ts";

const token: JoinToken = {
  trustDomain: "store-042.fleet.example",
  node: "till-2",
  rootNode: "till-1",
  pin: "ab".repeat(32),
  address: "10.0.0.11:15008",
  id: "0f".repeat(16),
  secret: new Uint8Array(32).fill(7),
  expiresAtMs: Date.UTC(2026, 10, 22),
};

describe("a join token", () => {
  test("comes back as it was, also with blanks of a copied line around it", () => {
    const text = printJoinToken(token);
    expect(parseJoinToken(`  ${text}\n`)).toEqual(token);
    expect(text).toMatch(/^[-_.A-Za-z0-9]+$/);
  });

  test("of the longest names is short enough to be read", () => {
    const long = {
      ...token,
      trustDomain: "d".repeat(255),
      node: "n".repeat(63),
      rootNode: "r".repeat(63),
      address: `${"a".repeat(254)}:15008`,
    };
    expect(printJoinToken(long).length).toBeLessThanOrEqual(TOKEN_CHARACTERS_MAX);
    expect(parseJoinToken(printJoinToken(long))).toEqual(long);
  });

  test("with any one character changed or cut off is refused", () => {
    const text = printJoinToken(token);
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === "A" ? "B" : "A";
      expect(typeof parseJoinToken(text.slice(0, at) + other + text.slice(at + 1))).toBe("string");
      expect(typeof parseJoinToken(text.slice(0, at))).toBe("string");
    }
  });

  test("of another version is told from one that is torn", () => {
    expect(parseJoinToken(printJoinToken(token).replace("selvedge1.", "selvedge2."))).toBe("token_version");
    expect(parseJoinToken(printJoinToken(token).slice(0, -4))).toBe("token_checksum");
    expect(parseJoinToken("hello")).toBe("token_form");
    expect(parseJoinToken(`selvedge1.${"A".repeat(TOKEN_CHARACTERS_MAX)}`)).toBe("token_form");
  });

  test("with a right checksum but names that are none is refused", () => {
    for (const wrong of [
      { node: "Till 2" },
      { rootNode: "" },
      { trustDomain: "A" },
      { pin: "ab" },
      { id: "00" },
      { address: "" },
      { secret: new Uint8Array(31) },
    ]) {
      expect(parseJoinToken(printJoinToken({ ...token, ...wrong }))).toBe("token_form");
    }
  });

  test("is kept as a hash that does not hold its secret", () => {
    const hash = tokenKeyHash(tokenPublicKey(token.secret));
    expect(hash).toHaveLength(32);
    expect(hash.equals(tokenKeyHash(tokenPublicKey(new Uint8Array(32).fill(8))))).toBe(false);
  });
});
