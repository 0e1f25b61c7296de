import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { utcTime } from "../../test/support/der-build.ts";
import { uri } from "../../test/support/forge-certificate.ts";
import { names, site, trust } from "../../test/support/judge-chain.ts";
import { nodeId } from "../model/spiffe-id.ts";
import { NO_BANS, withBan } from "./bans.ts";
import { packFields, unpackFields } from "./fields.ts";
import type { Placement } from "./placement.ts";
import { exporterLabel, makeProof, PROOF_BYTES_MAX, type ProofBinding, verifyProof } from "./proof.ts";
import { isRefusal } from "./refusal.ts";

const TD = site.trustDomain;
const chain = [site.makeLeaf(), site.issuer];
const keyOf = (pair: { readonly privateKey: typeof site.leafKey.privateKey }) =>
  pair.privateKey.export({ type: "pkcs8", format: "der" });
const webKey = keyOf(site.leafKey);

/** What a session's two ends export: the same for one label, another for the other. */
const material = (session: string, label: string) => createHash("sha256").update(`${session} ${label}`).digest();

/** The connection from till-1 to till-2, as the dialer's proofs are bound to it. */
const binding: ProofBinding = {
  sender: "dialer",
  senderNode: nodeId(TD, "till-1"),
  receiverNode: nodeId(TD, "till-2"),
  keyingMaterial: material("session 1", exporterLabel("dialer")),
};
const isPlaced: Placement = ({ namespace, serviceAccount }, node) =>
  namespace === "prod" && serviceAccount === "web" && node === "till-1";

function judgeProof(proof: Uint8Array, as: Partial<ProofBinding> = {}, placed = isPlaced, changed = {}): string {
  const answer = verifyProof(proof, { ...binding, ...as }, { ...trust, ...changed }, placed);
  return isRefusal(answer) ? answer.refused : "accepted";
}

const proof = makeProof(binding, chain, webKey);

describe("a proof", () => {
  test("names the workload to the node that it was made for", () => {
    const answer = verifyProof(proof, binding, trust, isPlaced);
    if (isRefusal(answer)) throw new Error(answer.refused);
    expect(answer.subject).toEqual({ kind: "workload", namespace: "prod", serviceAccount: "web" });
    expect(proof.length).toBeLessThan(1300);
  });

  test("reflected to its sender proves nothing", () => {
    const back: ProofBinding = {
      sender: "listener",
      senderNode: binding.receiverNode,
      receiverNode: binding.senderNode,
      keyingMaterial: material("session 1", exporterLabel("listener")),
    };
    // The receiver asks for a workload of till-2 and gets its own back.
    expect(judgeProof(proof, back)).toBe("proof_sender");
    // Also where the documents place web on till-2 and its issuer were till-2's: role and material are others.
    expect(judgeProof(proof, { ...back, senderNode: binding.senderNode })).toBe("proof_signature");
    expect(judgeProof(proof, { sender: "listener" })).toBe("proof_signature");
    expect(judgeProof(proof, { keyingMaterial: back.keyingMaterial })).toBe("proof_signature");
  });

  test("replayed on another connection proves nothing", () => {
    expect(judgeProof(proof, { keyingMaterial: material("session 2", exporterLabel("dialer")) })).toBe(
      "proof_signature",
    );
  });

  test("shown to a third node proves nothing, even over the same material", () => {
    expect(judgeProof(proof, { receiverNode: nodeId(TD, "till-3") })).toBe("proof_signature");
  });

  test("passed on by another node proves nothing", () => {
    expect(judgeProof(proof, { senderNode: nodeId(TD, "till-3") })).toBe("proof_sender");
    expect(judgeProof(proof, { senderNode: nodeId("site-b.example", "till-1") })).toBe("proof_sender");
  });

  test("for a workload that the documents place elsewhere proves nothing", () => {
    expect(judgeProof(proof, {}, () => false)).toBe("not_placed");
    const orders = site.makeLeaf({ san: names(uri(`spiffe://${TD}/ns/prod/sa/orders`)) });
    expect(judgeProof(makeProof(binding, [orders, site.issuer], webKey))).toBe("not_placed");
  });

  test("by a key that is not the workload's proves nothing", () => {
    expect(judgeProof(makeProof(binding, chain, keyOf(site.issuerKey)))).toBe("proof_signature");
  });

  test("for a node's certificate is none: nodes prove themselves in the handshake", () => {
    const node = site.makeLeaf({ san: names(uri(`spiffe://${TD}/selvedge/node/till-1`)) });
    expect(judgeProof(makeProof(binding, [node, site.issuer], webKey), {}, () => true)).toBe("leaf_kind");
  });

  test("with another chain of the same workload is none", () => {
    const fields = unpackFields(proof) ?? [];
    const renewed = packFields([site.makeLeaf(), site.issuer, fields.at(-1)!]);
    expect(judgeProof(renewed)).toBe("proof_signature");
    expect(judgeProof(packFields([...chain, site.root, fields.at(-1)!]))).toBe("proof_signature");
  });

  test("over an expired or banned chain is none", () => {
    const expired = site.makeLeaf({ notAfter: utcTime(site.nowMs - 1000) });
    expect(judgeProof(makeProof(binding, [expired, site.issuer], webKey))).toBe("expired");
    const keyHash = createHash("sha256").update(site.issuerKey.spki).digest("hex");
    const bans = withBan(NO_BANS, { keyHash, node: "till-1", state: "banned", reason: "", atMs: 0 });
    expect(judgeProof(proof, {}, isPlaced, { bans })).toBe("key_banned");
  });

  test("cut off anywhere is none, and no bit of it is free", () => {
    for (let at = 0; at < proof.length; at += 7) {
      expect(judgeProof(proof.subarray(0, at))).not.toBe("accepted");
      const changed = Uint8Array.from(proof);
      changed[at] = changed[at]! ^ (1 << (at % 8));
      expect(judgeProof(changed)).not.toBe("accepted");
    }
    expect(judgeProof(new Uint8Array(PROOF_BYTES_MAX + 1))).toBe("proof_form");
    expect(judgeProof(packFields([new Uint8Array(70)]))).toBe("proof_form");
    expect(judgeProof(packFields([...chain, ...chain, new Uint8Array(70)]))).toBe("proof_form");
  });

  test("is not made or judged without real keying material", () => {
    const empty = { ...binding, keyingMaterial: new Uint8Array() };
    expect(() => makeProof(empty, chain, webKey)).toThrow(RangeError);
    expect(() => verifyProof(proof, empty, trust, isPlaced)).toThrow(RangeError);
    expect(() => makeProof(binding, [], webKey)).toThrow(RangeError);
  });

  test("the two roles have different labels", () => {
    expect(exporterLabel("dialer")).not.toBe(exporterLabel("listener"));
  });
});
