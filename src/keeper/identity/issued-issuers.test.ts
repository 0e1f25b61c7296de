import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import type { TrustBundle } from "../../identity/bundle.ts";
import type { Certificate } from "../../identity/certificate.ts";
import { ISSUED_FILE, type IssuedIssuer, LATE_RECORDS_MAX, type StoredIssued } from "./identity-files.ts";
import {
  type AskedFor,
  endedIssuers,
  keysOfNode,
  LATE_RENEWAL_MS,
  lateIssuers,
  newestOf,
  nodesForgotten,
  withIssued,
  withSeen,
  withTold,
} from "./issued-issuers.ts";

const DAY_MS = 86_400_000;
const LIFE_MS = 45 * DAY_MS;
const nobody: StoredIssued = { completeSinceMs: 0, isShared: false, issuers: [] };
// No root: who signed does not matter here.
const bundle: TrustBundle = { trustDomain: "store.example", sequence: 1, roots: [], refreshHintS: 0 };

let made = 0;
const keyOf = (issued: StoredIssued, node: string): string => newestOf(issued, node)?.keyHash ?? "";

/** The list after an issuer was signed for a node. */
function signed(issued: StoredIssued, node: string, nowMs: number, by: AskedFor = {}): StoredIssued {
  const keyHash = (++made).toString(16).padStart(64, "0");
  const certificate = { keyHash, serial: "1", notAfterMs: nowMs + LIFE_MS, subject: { commonName: node } };
  return withIssued(issued, certificate as Certificate, bundle, { ownNode: "till-1", nowMs, ...by });
}

describe("the issuers that were signed", () => {
  test("are remembered after their end until they cannot be renewed any more, and each by one key", () => {
    let issued = signed(nobody, "till-2", 0);
    issued = signed(issued, "till-2", DAY_MS);
    const last = keyOf(issued, "till-2");
    const endMs = DAY_MS + LIFE_MS;
    expect(endedIssuers(issued, endMs - 1)).toEqual([]);
    expect(endedIssuers(issued, endMs).map(({ keyHash }) => keyHash)).toEqual([last]);
    // Others are signed meanwhile, which is when the list is put in order.
    issued = signed(issued, "till-1", endMs + DAY_MS);
    expect(issued.issuers.map(({ node }) => node)).toEqual(["till-1"]);
    expect(issued.ended?.map(({ keyHash }) => keyHash)).toEqual([last]);
    expect(keysOfNode(issued, "till-2", endMs + LATE_RENEWAL_MS)).toEqual([last]);
    expect(keysOfNode(issued, "till-2", endMs + LATE_RENEWAL_MS + 1)).toEqual([]);
    issued = signed(issued, "till-1", endMs + LATE_RENEWAL_MS + 1);
    expect(newestOf(issued, "till-2")).toBeUndefined();
  });

  test("take the place of the one before when a node has another one, for good", () => {
    let issued = signed(nobody, "till-2", 0);
    issued = signed(issued, "till-1", 2 * LIFE_MS);
    const old = keyOf(issued, "till-2");
    issued = signed(issued, "till-2", 3 * LIFE_MS, { askedBy: old });
    expect(issued.ended?.map(({ node }) => node)).not.toContain("till-2");
    expect(newestOf(issued, "till-2")).toMatchObject({ askedBy: old });
    issued = signed(issued, "till-1", 5 * LIFE_MS);
    expect(endedIssuers(issued, 5 * LIFE_MS).filter(({ keyHash }) => keyHash === old)).toEqual([]);
    expect(keysOfNode(issued, "till-2", 5 * LIFE_MS)).not.toContain(old);
  });

  test("count as late until the node has shown the one that it got late, or until it is superseded", () => {
    let issued = signed(signed(nobody, "till-2", 0), "till-2", 2 * LIFE_MS, { askedBy: "ab", isLate: true });
    expect(lateIssuers(issued, 2 * LIFE_MS)).toMatchObject([{ node: "till-2", isUnseen: true }]);
    const seen = withSeen(issued, keyOf(issued, "till-2"))!;
    expect(lateIssuers(seen, 2 * LIFE_MS)).toEqual([]);
    expect(newestOf(seen, "till-2")?.askedBy).toBe("ab");
    expect(withSeen(seen, keyOf(seen, "till-2"))).toBeUndefined();
    issued = signed(issued, "till-2", 2 * LIFE_MS + DAY_MS);
    expect(lateIssuers(issued, 2 * LIFE_MS + DAY_MS)).toEqual([]);
  });

  test("are remembered of so many nodes; beyond that who ended first is forgotten, by name", () => {
    let issued: StoredIssued = nobody;
    for (let number = 0; number <= LATE_RECORDS_MAX; number++) issued = signed(issued, `till-${number}`, number);
    const nowMs = 2 * LIFE_MS;
    const next = signed(issued, "till-9999", nowMs);
    expect(next.ended).toHaveLength(LATE_RECORDS_MAX);
    expect(nodesForgotten(issued, next, nowMs)).toEqual(["till-0"]);
    expect(nodesForgotten(next, next, nowMs)).toEqual([]);
  });

  test("that the root's node told of are remembered too, for a node that gets the root", () => {
    const told = withTold(nobody, [{ node: "till-3", keyHash: "c".repeat(64), notAfterMs: LIFE_MS }], 0)!;
    const later = withTold(told, [{ node: "till-2", keyHash: "d".repeat(64), notAfterMs: 3 * LIFE_MS }], 2 * LIFE_MS)!;
    expect(endedIssuers(later, 2 * LIFE_MS).map(({ node }) => node)).toEqual(["till-3"]);
  });

  test("are read back as they were written, also from a file of an earlier version, and as nothing else", () => {
    const issued = signed(
      signed(signed(nobody, "till-2", 0), "till-3", 1, { askedBy: "ab", isLate: true }),
      "till-1",
      2 * LIFE_MS,
    );
    const written = JSON.parse(JSON.stringify(ISSUED_FILE.write(issued))) as Record<string, unknown>;
    expect(ISSUED_FILE.read(written)).toEqual(issued);
    const { ended, ...earlier } = written;
    expect(ISSUED_FILE.read(earlier)).toMatchObject({ ended: [], issuers: issued.issuers });
    const one = (ended as IssuedIssuer[])[0]!;
    const many = Array.from({ length: LATE_RECORDS_MAX + 1 }, () => ({
      ...one,
      keyHash: randomBytes(32).toString("hex"),
    }));
    for (const wrong of [many, [{ ...one, askedBy: 3 }], [{ ...one, notAfterMs: -1 }], "none"])
      expect(ISSUED_FILE.read({ ...written, ended: wrong })).toBeUndefined();
  });
});
