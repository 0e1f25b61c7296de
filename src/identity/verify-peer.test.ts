import { describe, expect, test } from "bun:test";
import { dns, uri } from "../../test/support/forge-certificate.ts";
import { judge, NODE, names, site, trust } from "../../test/support/judge-chain.ts";
import { nodeServerName } from "./node-names.ts";
import { placementProblem } from "./placement.ts";
import { isRefusal } from "./refusal.ts";
import { verifyChain } from "./verify.ts";
import { type PeerExpectation, type PeerFacts, verifyPeer } from "./verify-peer.ts";

const nodeLeaf = site.makeLeaf({ san: names(uri(NODE), dns(nodeServerName(site.trustDomain, "till-1"))) });
const good: PeerFacts = {
  isAuthorized: true,
  alpn: "h2",
  protocol: "TLSv1.3",
  isResumed: false,
  chain: [nodeLeaf, site.issuer],
};
const dialer: PeerExpectation = {
  trustDomain: site.trustDomain,
  node: "till-1",
  isRegistered: (name) => name === "till-1",
};

function peer(facts: Partial<Record<keyof PeerFacts, unknown>>, expected: Partial<PeerExpectation> = {}): string {
  const answer = verifyPeer({ ...good, ...facts } as PeerFacts, { ...dialer, ...expected }, trust);
  return isRefusal(answer) ? answer.refused : answer.node;
}

describe("the other end of a tunnel", () => {
  test("is the node that was asked for, by either end's rule", () => {
    expect(peer({})).toBe("till-1");
    expect(verifyPeer(good, { trustDomain: site.trustDomain, isRegistered: () => true }, trust)).toMatchObject({
      node: "till-1",
    });
  });

  test.each([
    [{ isAuthorized: false }, "not_authorized"],
    [{ isAuthorized: undefined }, "not_authorized"],
    [{ isAuthorized: "true" }, "not_authorized"],
    [{ isAuthorized: 1 }, "not_authorized"],
    [{ isResumed: true }, "resumed"],
    [{ isResumed: undefined }, "resumed"],
    [{ isResumed: 0 }, "resumed"],
    [{ protocol: "TLSv1.2" }, "protocol"],
    [{ protocol: undefined }, "protocol"],
    [{ protocol: null }, "protocol"],
    [{ alpn: "" }, "alpn"],
    [{ alpn: false }, "alpn"],
    [{ alpn: "http/1.1" }, "alpn"],
    [{ alpn: "H2" }, "alpn"],
    [{ alpn: undefined }, "alpn"],
  ])("whatever the runtime leaves in doubt refuses: %j", (facts, expected) => {
    expect(peer(facts)).toBe(expected);
  });

  test("a peer without a whole chain is refused", () => {
    expect(peer({ chain: [] })).toBe("chain_empty");
    expect(peer({ chain: [nodeLeaf] })).toBe("chain_incomplete");
  });

  test("a workload's certificate opens no tunnel", () => {
    expect(peer({ chain: [site.makeLeaf(), site.issuer] })).toBe("leaf_kind");
  });

  test("another node than the one that was dialed is refused", () => {
    expect(peer({}, { node: "till-2", isRegistered: () => true })).toBe("node_expected");
    expect(peer({}, { trustDomain: "site-b.example" })).toBe("node_expected");
  });

  test("a node that stands in no document is refused", () => {
    expect(peer({}, { isRegistered: () => false })).toBe("node_unknown");
  });

  test("a node's issuer signs for no other node", () => {
    const other = site.makeLeaf({ san: names(uri(NODE.replace("till-1", "till-2"))) });
    expect(judge([other, site.issuer])).toBe("accepted");
    expect(peer({ chain: [other, site.issuer] }, { node: "till-2", isRegistered: () => true })).toBe(
      "issuer_of_another_node",
    );
  });
});

describe("who may speak for whom", () => {
  const verified = verifyChain([site.makeLeaf(), site.issuer], trust);
  if (isRefusal(verified)) throw new Error(verified.refused);

  test("a workload where the documents place it, asked by its names and the issuing node", () => {
    const asked: unknown[] = [];
    expect(placementProblem(verified, (...question) => asked.push(question) > 0)).toBeUndefined();
    expect(asked).toEqual([[expect.objectContaining({ namespace: "prod", serviceAccount: "web" }), "till-1"]]);
  });

  test("and nowhere else", () => {
    expect(placementProblem(verified, (_, node) => node === "till-2")?.refused).toBe("not_placed");
  });
});
