/** What a node asks of the root's node when it wants an issuer: its public key, and a proof that it holds the key to it. */
import type { KeyObject } from "node:crypto";
import { nodeId, printSpiffeId } from "../model/spiffe-id.ts";
import { importPublicKey } from "./certificate.ts";
import { packFields, textField, unpackFields } from "./fields.ts";
import { nodeCrypto } from "./node-crypto.ts";

/** Bytes of the challenge that the root's node gave for this one request. */
export const CHALLENGE_BYTES = 32;

/** Longest request. Reason: a key of 91 bytes and a signature of 72. */
export const ISSUER_REQUEST_BYTES_MAX = 256;

/** Whom a request is for, and the answer to which challenge it is. */
export interface IssuerRequestBinding {
  readonly trustDomain: string;
  readonly node: string;
  readonly challenge: Uint8Array;
}

/** Makes a request with a private key of P-256. Throws RangeError for a challenge of another length. */
export function makeIssuerRequest(binding: IssuerRequestBinding, key: KeyObject): Uint8Array {
  const spki = new Uint8Array(nodeCrypto().createPublicKey(key).export({ type: "spki", format: "der" }));
  return packFields([spki, nodeCrypto().sign("sha256", signedBytes(binding, spki), key)]);
}

/**
 * The public key that is to be certified, or `undefined` where the request is not for this node and challenge. Throws RangeError
 * where the challenge, which is our own, is of another length.
 */
export function readIssuerRequest(binding: IssuerRequestBinding, request: Uint8Array): Uint8Array | undefined {
  if (request.length > ISSUER_REQUEST_BYTES_MAX) return undefined;
  const [spki, signature, ...rest] = unpackFields(request) ?? [];
  if (spki === undefined || signature === undefined || rest.length > 0) return undefined;
  const signed = signedBytes(binding, spki);
  try {
    return nodeCrypto().verify("sha256", signed, importPublicKey(spki), signature) ? spki : undefined;
  } catch {
    // Only the peer's bytes are judged here: a key off its curve, or a signature in no form at all.
    return undefined;
  }
}

function signedBytes({ trustDomain, node, challenge }: IssuerRequestBinding, spki: Uint8Array): Uint8Array {
  if (challenge.length !== CHALLENGE_BYTES) throw new RangeError(`a challenge has ${CHALLENGE_BYTES} bytes`);
  return packFields([
    textField("selvedge-issuer-request-v1"),
    textField(printSpiffeId(nodeId(trustDomain, node))),
    challenge,
    spki,
  ]);
}
