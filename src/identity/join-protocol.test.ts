import { describe, expect, test } from "bun:test";
import {
  decodeJoinAnswer,
  encodeJoinAnswer,
  isJoinRequestSigned,
  type JoinBinding,
  joinRefusalOf,
  makeJoinRequest,
  readJoinRequest,
} from "./join-protocol.ts";
import { tokenPrivateKey, tokenPublicKey } from "./join-token.ts";

const secret = new Uint8Array(32).fill(3);
const binding: JoinBinding = { trustDomain: "a.mesh", node: "till-2", keyingMaterial: new Uint8Array(32).fill(9) };
const asked = {
  tokenId: "0a".repeat(16),
  publicKey: tokenPublicKey(secret),
  issuerRequest: new Uint8Array(170).fill(1),
  serial: "X-1",
  endorsementKey: "",
};
const made = makeJoinRequest(binding, asked, tokenPrivateKey(secret));

describe("a request to join", () => {
  test("is read back and is signed for its session", () => {
    const request = readJoinRequest(made)!;
    const { signature, ...rest } = request;
    expect(rest).toEqual(asked);
    expect(signature).toHaveLength(64);
    expect(isJoinRequestSigned(binding, request)).toBe(true);
  });

  test("is not signed for another session, node or site, nor with another key's request or serial", () => {
    const request = readJoinRequest(made)!;
    for (const other of [{ keyingMaterial: new Uint8Array(32) }, { node: "till-3" }, { trustDomain: "b.mesh" }]) {
      expect(isJoinRequestSigned({ ...binding, ...other }, request)).toBe(false);
    }
    for (const other of [{ issuerRequest: new Uint8Array(170) }, { serial: "X-2" }, { tokenId: "0b".repeat(16) }]) {
      expect(isJoinRequestSigned(binding, { ...request, ...other })).toBe(false);
    }
    const publicKey = tokenPublicKey(new Uint8Array(32));
    expect(isJoinRequestSigned(binding, { ...request, publicKey })).toBe(false);
  });

  test("cut short or lengthened is none, and no changed byte makes another signed one", () => {
    for (let at = 0; at < made.length; at++) {
      expect(readJoinRequest(made.subarray(0, at))).toBeUndefined();
      const changed = made.slice();
      changed[at] = made[at]! ^ 1;
      const read = readJoinRequest(changed);
      expect(read === undefined || !isJoinRequestSigned(binding, read)).toBe(true);
    }
    expect(readJoinRequest(Uint8Array.of(...made, 0))).toBeUndefined();
  });
});

describe("an answer", () => {
  const answer = {
    issuer: new Uint8Array(600).fill(1),
    bundle: new Uint8Array(900).fill(2),
    trust: new Uint8Array(20).fill(3),
    floorMs: 5,
  };

  test("is read back, and refused when cut, lengthened or beyond its bounds", () => {
    const bytes = encodeJoinAnswer(answer);
    expect(decodeJoinAnswer(bytes)).toEqual(answer);
    for (let at = 0; at < bytes.length; at += 7) expect(decodeJoinAnswer(bytes.subarray(0, at))).toBeUndefined();
    expect(decodeJoinAnswer(Uint8Array.of(...bytes, 0))).toBeUndefined();
    expect(decodeJoinAnswer(encodeJoinAnswer({ ...answer, issuer: new Uint8Array(9000) }))).toBeUndefined();
    expect(() => encodeJoinAnswer({ ...answer, trust: new Uint8Array(200_000) })).toThrow(RangeError);
  });

  test("that refuses in other words than ours says nothing else", () => {
    expect(joinRefusalOf(Buffer.from("token_spent"))).toBe("token_spent");
    expect(joinRefusalOf(Buffer.from("\x1b[2J"))).toBe("request_form");
    expect(joinRefusalOf(new Uint8Array(1000))).toBe("request_form");
  });
});
