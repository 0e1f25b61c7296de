import { beforeAll, describe, expect, test } from "bun:test";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { NO_BANS } from "../../identity/bans.ts";
import { printBundle } from "../../identity/bundle.ts";
import { keyHashOf, readCertificate } from "../../identity/certificate.ts";
import { performIssue } from "../../identity/issue.ts";
import type { IssuedCertificate } from "../../identity/issue-protocol.ts";
import { encodeJoinAnswer, JOIN_ALPN, type JoinAnswer } from "../../identity/join-protocol.ts";
import type { JoinToken } from "../../identity/join-token.ts";
import { makeTrustMessage } from "../../identity/trust-message.ts";
import { INVITE_VALID_MS_MAX, type Inviter, joiningTimeMs, judgeInviter } from "./judge-inviter.ts";
import { judgeJoinAnswer } from "./judge-join-answer.ts";

const TD = "store-042.fleet.example";
const nowMs = Date.UTC(2026, 10, 22);
let site: TunnelIdentities;
let other: TunnelIdentities;
let token: JoinToken;

beforeAll(async () => {
  site = await TunnelIdentities.make(TD, ["till-1", "till-2"], nowMs);
  other = await TunnelIdentities.make("store-043.fleet.example", ["till-1"], nowMs);
  token = {
    trustDomain: TD,
    node: "till-3",
    rootNode: "till-1",
    pin: site.bundle.roots[0]!.keyHash,
    address: "10.0.0.11:15008",
    id: "00".repeat(16),
    secret: new Uint8Array(32),
    expiresAtMs: nowMs + 900_000,
  };
});

async function chain(of: TunnelIdentities, node: string, id = `selvedge/node/${node}`): Promise<Uint8Array[]> {
  const ids = [`spiffe://${of.trustDomain}/${id}`];
  const reply = await performIssue({ kind: "svids", signer: of.issuer(node), ids, nowMs });
  if (reply.kind !== "issued") throw new Error(reply.kind);
  return [reply.issued[0]!.certificate, of.issuer(node).certificate, of.root.certificate];
}

const session = { alpn: JOIN_ALPN, protocol: "TLSv1.3", isResumed: false };
const problem = (judged: Inviter | string): string => (typeof judged === "string" ? judged : "believed");

describe("who answers at the join door", () => {
  test("is believed where it is the node that invited, under the token's root", async () => {
    const judged = judgeInviter({ ...session, chain: await chain(site, "till-1") }, token, nowMs);
    expect(problem(judged)).toBe("believed");
  });

  test("is not believed as another node of the site, as one of its workloads, or as another site", async () => {
    const wrong: Readonly<Record<string, Uint8Array[]>> = {
      node_expected: await chain(site, "till-2"),
      leaf_kind: await chain(site, "till-1", "ns/prod/sa/web"),
      root_pin: await chain(other, "till-1"),
      root_missing: (await chain(site, "till-1")).slice(0, 2),
      // The right root behind somebody else's chain.
      trust_domain_unknown: [...(await chain(other, "till-1")).slice(0, 2), site.root.certificate],
    };
    for (const [expected, presented] of Object.entries(wrong)) {
      expect(problem(judgeInviter({ ...session, chain: presented }, token, nowMs))).toBe(expected);
    }
  });

  test("is not believed in another protocol, in a session that was resumed, or long after its end", async () => {
    const facts = { ...session, chain: await chain(site, "till-1") };
    expect(problem(judgeInviter({ ...facts, alpn: "h2" }, token, nowMs))).toBe("alpn");
    expect(problem(judgeInviter({ ...facts, protocol: "TLSv1.2" }, token, nowMs))).toBe("protocol");
    expect(problem(judgeInviter({ ...facts, isResumed: true }, token, nowMs))).toBe("resumed");
    expect(problem(judgeInviter(facts, token, nowMs + 2 * 86_400_000))).toBe("expired");
    expect(problem(judgeInviter({ ...facts, chain: [] }, token, nowMs))).toBe("root_missing");
  });

  test("is judged by this machine's clock, or where that is older than the token, by its own certificate", async () => {
    const [leaf] = await chain(site, "till-1");
    expect(joiningTimeMs(nowMs + 5, token, leaf)).toBe(nowMs + 5);
    expect(joiningTimeMs(0, token, leaf)).toBe(nowMs);
    expect(joiningTimeMs(0, token, undefined)).toBe(0);
    expect(joiningTimeMs(token.expiresAtMs - INVITE_VALID_MS_MAX, token, leaf)).toBeLessThan(nowMs);
  });
});

describe("what is answered", () => {
  let mine: IssuedCertificate;
  let answer: JoinAnswer;
  let keyHash: string;
  beforeAll(async () => {
    const reply = await performIssue({ kind: "issuer", signer: site.root, node: "till-3", nowMs });
    if (reply.kind !== "issued") throw new Error(reply.kind);
    mine = reply.issued[0]!;
    keyHash = readCertificate(mine.certificate).keyHash;
    answer = {
      issuer: mine.certificate,
      bundle: Buffer.from(printBundle(site.bundle)),
      trust: makeTrustMessage(site.bundle, NO_BANS, site.bundle.roots[0]!.keyHash, site.root.key),
      floorMs: nowMs,
    };
  });

  const judge = (change: Partial<JoinAnswer>) =>
    judgeJoinAnswer(encodeJoinAnswer({ ...answer, ...change }), token, keyHash);

  test("is taken where issuer, bundle and the root's word hold together", () => {
    const joined = judge({});
    if (typeof joined === "string") throw new Error(joined);
    expect(Buffer.from(joined.root).equals(site.root.certificate)).toBe(true);
    expect(joined.floorMs).toBe(nowMs);
  });

  test("is not taken with another key, name, root or site, nor where anything is torn", () => {
    expect(judgeJoinAnswer(encodeJoinAnswer(answer), token, keyHashOf(new Uint8Array(3)))).toContain("another key");
    expect(judge({ issuer: site.issuer("till-2").certificate })).toContain("for till-2");
    expect(judge({ issuer: other.issuer("till-1").certificate })).toContain("cannot be used");
    expect(judge({ issuer: new Uint8Array(10) })).toContain("cannot be read");
    expect(judge({ bundle: Buffer.from(printBundle(other.bundle)) })).toContain("bundle cannot be used");
    expect(judge({ trust: answer.trust.slice(1) })).toContain("cannot be believed");
    expect(judgeJoinAnswer(new Uint8Array(9), token, keyHash)).toBe("the answer cannot be read");
    const pinned = { ...token, pin: "00".repeat(32) };
    expect(judgeJoinAnswer(encodeJoinAnswer(answer), pinned, keyHash)).toContain("does not hold the token's root");
  });
});
