/**
 * What a node says at the join door whose issuer has ended while it was off: that it is the one that had that issuer, by a
 * signature with its key, and that it wants another one for a new key. The answer is that of a join.
 *
 * The old key signs the request together with keying material of the session (RFC 8446 7.5) and the role of whoever sends it, so
 * that it is good for this session and this new key alone, and in one direction.
 */
import type { KeyObject } from "node:crypto";
import { nodeId, printSpiffeId } from "../model/spiffe-id.ts";
import { importPublicKey } from "./certificate.ts";
import { fieldText, packFields, textField, unpackFields } from "./fields.ts";
import { ISSUER_REQUEST_BYTES_MAX } from "./issuer-request.ts";
import { JOIN_KEYING_BYTES, JOIN_REQUEST_BYTES_MAX } from "./join-protocol.ts";
import { nodeCrypto } from "./node-crypto.ts";
import { isNodeName } from "./node-names.ts";

const NAME = "selvedge-late-renewal-v1";
/** Who sends it. */
const ROLE = "dialer";
/** An ECDSA-Sig-Value of P-256 in DER. */
const SIGNATURE_BYTES_MAX = 72;

/** A request for late renewal, read but not judged. Its bytes are views. */
export interface LateRequest {
  readonly node: string;
  /** SubjectPublicKeyInfo of the issuer that has ended. */
  readonly publicKey: Uint8Array;
  /** See `issuer-request.ts`; its challenge is the session's keying material. */
  readonly issuerRequest: Uint8Array;
  readonly signature: Uint8Array;
}

/** The session that a request is for. */
export interface LateBinding {
  readonly trustDomain: string;
  /** `JOIN_KEYING_BYTES`. */
  readonly keyingMaterial: Uint8Array;
}

/** Makes a request. @param key the private key of the issuer that has ended. */
export function makeLateRequest(
  binding: LateBinding,
  asked: Pick<LateRequest, "node" | "issuerRequest">,
  key: KeyObject,
): Uint8Array {
  const publicKey = new Uint8Array(nodeCrypto().createPublicKey(key).export({ type: "spki", format: "der" }));
  const signature = nodeCrypto().sign("sha256", signedBytes(binding, { ...asked, publicKey }), key);
  return packFields([textField(NAME), textField(asked.node), publicKey, asked.issuerRequest, signature]);
}

/** A request as it came, or `undefined` for anything that is none. Never throws. */
export function readLateRequest(bytes: Uint8Array): LateRequest | undefined {
  const fields = bytes.length > JOIN_REQUEST_BYTES_MAX ? undefined : unpackFields(bytes);
  if (fields?.length !== 5 || fieldText(fields[0]!) !== NAME) return undefined;
  const [, name, publicKey, issuerRequest, signature] = fields as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const node = fieldText(name);
  if (node === undefined || !isNodeName(node)) return undefined;
  if (issuerRequest.length > ISSUER_REQUEST_BYTES_MAX || signature.length > SIGNATURE_BYTES_MAX) return undefined;
  return { node, publicKey, issuerRequest, signature };
}

/**
 * Whether the request was signed by the key that it names, for this session. Whose key that is, is judged apart. Throws RangeError
 * where the keying material, which is our own, is of another length.
 */
export function isLateRequestSigned(binding: LateBinding, request: LateRequest): boolean {
  const signed = signedBytes(binding, request);
  try {
    return nodeCrypto().verify("sha256", signed, importPublicKey(request.publicKey), request.signature);
  } catch {
    // Only the other side's bytes are judged here: a key off its curve, or a signature in no form at all.
    return false;
  }
}

function signedBytes(
  { trustDomain, keyingMaterial }: LateBinding,
  request: Omit<LateRequest, "signature">,
): Uint8Array {
  if (keyingMaterial.length !== JOIN_KEYING_BYTES)
    throw new RangeError(`keying material has ${JOIN_KEYING_BYTES} bytes`);
  return packFields([
    textField(NAME),
    textField(ROLE),
    textField(printSpiffeId(nodeId(trustDomain, request.node))),
    keyingMaterial,
    request.publicKey,
    nodeCrypto().createHash("sha256").update(request.issuerRequest).digest(),
  ]);
}
