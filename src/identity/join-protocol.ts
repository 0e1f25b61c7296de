/**
 * What a machine without identity says to the root's node at the tunnel's join door, and what it hears: one message each way, in
 * a TLS session whose other end it has proven to be that node.
 *
 * The token's key signs the request for an issuer together with keying material of the session (RFC 8446 7.5): so the request is
 * good for this session, this key and this machine alone.
 */
import type { KeyObject } from "node:crypto";
import { PEER_MESSAGE_BYTES_MAX } from "../wire/channel/frames.ts";
import { BUNDLE_BYTES_MAX } from "./bundle.ts";
import { CERTIFICATE_BYTES_MAX } from "./certificate.ts";
import { fieldNumber, fieldText, numberField, packFields, textField, unpackFields } from "./fields.ts";
import { ISSUER_REQUEST_BYTES_MAX } from "./issuer-request.ts";
import { importTokenPublicKey, TOKEN_ID_BYTES } from "./join-token.ts";
import { nodeCrypto } from "./node-crypto.ts";

/** The one protocol of the join door. */
export const JOIN_ALPN = "selvedge-join/1";

/** Label under which both ends export keying material, with an empty context. */
export const JOIN_EXPORTER_LABEL = "EXPORTER-selvedge-join-v1";

/**
 * Bytes of keying material. The worker puts its own before what came over the wire: the keeper, who judges, has no session. The
 * same bytes are the challenge of the request for an issuer.
 */
export const JOIN_KEYING_BYTES = 32;

/** Messages at the join door. JOIN: by a token. LATE: by the key of an issuer that has ended; see `late-protocol.ts`. */
export const JOIN_KIND = { JOIN: 1, LATE: 2 } as const;

/** One of `JOIN_KIND`. */
export type JoinKind = (typeof JOIN_KIND)[keyof typeof JOIN_KIND];

/** Answers. DONE is followed by an answer, REFUSED by a text. */
export const JOIN_STATUS = { DONE: 0, REFUSED: 200 } as const;

/** Longest request. Reason: a request for an issuer, two signatures and two short texts. */
export const JOIN_REQUEST_BYTES_MAX = 1024;

/** Longest answer. Reason: what one message between keepers may hold. */
export const JOIN_ANSWER_BYTES_MAX = PEER_MESSAGE_BYTES_MAX;

/** Most characters of a serial number. Reason: firmware has up to 64. */
export const SERIAL_LENGTH_MAX = 64;

const NAME = "selvedge-join-v1";
const SIGNATURE_BYTES = 64;

/** What the machine says of its hardware; `""` where it cannot tell. */
export interface HardwareFacts {
  readonly serial: string;
  /** SHA-256 of the TPM's endorsement certificate, hex. */
  readonly endorsementKey: string;
}

/** A request to join, read but not judged. */
export interface JoinRequest extends HardwareFacts {
  readonly tokenId: string;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  /** See `issuer-request.ts`. */
  readonly issuerRequest: Uint8Array;
}

/** What the token's key signs besides the request itself. */
export interface JoinBinding {
  readonly trustDomain: string;
  readonly node: string;
  /** `JOIN_KEYING_BYTES`. */
  readonly keyingMaterial: Uint8Array;
}

/** Makes a request; `key`: the token's. */
export function makeJoinRequest(
  binding: JoinBinding,
  request: Omit<JoinRequest, "signature">,
  key: KeyObject,
): Uint8Array {
  const signature = nodeCrypto().sign(null, signedBytes(binding, request), key);
  return packFields([
    textField(NAME),
    Buffer.from(request.tokenId, "hex"),
    request.publicKey,
    signature,
    request.issuerRequest,
    textField(request.serial),
    textField(request.endorsementKey),
  ]);
}

/** A request as it came, or `undefined` for anything that is none. Never throws. */
export function readJoinRequest(bytes: Uint8Array): JoinRequest | undefined {
  const fields = bytes.length > JOIN_REQUEST_BYTES_MAX ? undefined : unpackFields(bytes);
  if (fields?.length !== 7 || fieldText(fields[0]!) !== NAME) return undefined;
  const [, id, publicKey, signature, issuerRequest] = fields as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const [serial, endorsementKey] = [fieldText(fields[5]!), fieldText(fields[6]!)];
  if (id.length !== TOKEN_ID_BYTES || signature.length !== SIGNATURE_BYTES) return undefined;
  if (issuerRequest.length > ISSUER_REQUEST_BYTES_MAX) return undefined;
  if (serial === undefined || serial.length > SERIAL_LENGTH_MAX) return undefined;
  if (endorsementKey === undefined || !/^(?:[0-9a-f]{64})?$/.test(endorsementKey)) return undefined;
  return { tokenId: Buffer.from(id).toString("hex"), publicKey, signature, issuerRequest, serial, endorsementKey };
}

/** Whether the request was signed by the key that it names, for this session. Whose key that is, is judged apart. */
export function isJoinRequestSigned(binding: JoinBinding, request: JoinRequest): boolean {
  const key = importTokenPublicKey(request.publicKey);
  try {
    return key !== undefined && nodeCrypto().verify(null, signedBytes(binding, request), key, request.signature);
  } catch {
    return false;
  }
}

function signedBytes(binding: JoinBinding, request: Omit<JoinRequest, "signature">): Uint8Array {
  if (binding.keyingMaterial.length !== JOIN_KEYING_BYTES)
    throw new RangeError(`keying material has ${JOIN_KEYING_BYTES} bytes`);
  return packFields([
    textField(NAME),
    textField(binding.trustDomain),
    textField(binding.node),
    Buffer.from(request.tokenId, "hex"),
    binding.keyingMaterial,
    nodeCrypto().createHash("sha256").update(request.issuerRequest).digest(),
    textField(request.serial),
    textField(request.endorsementKey),
  ]);
}

/** What a machine that was let in gets. Everything in it is judged again by whoever reads it. */
export interface JoinAnswer {
  /** Its issuer's certificate, DER. */
  readonly issuer: Uint8Array;
  /** Text as `printBundle` makes it. */
  readonly bundle: Uint8Array;
  /** The root's word about bundle and bans; see `trust-message.ts`. */
  readonly trust: Uint8Array;
  /** What the root's node vouches for as the earliest time it can be, ms since 1970. */
  readonly floorMs: number;
}

/** An answer as bytes. Throws RangeError where it is longer than a message may be. */
export function encodeJoinAnswer({ issuer, bundle, trust, floorMs }: JoinAnswer): Uint8Array {
  const packed = packFields([textField(NAME), issuer, bundle, trust, numberField(Math.floor(floorMs))]);
  if (packed.length > JOIN_ANSWER_BYTES_MAX) throw new RangeError("the answer is too long for one message");
  return packed;
}

/** An answer, or `undefined` for anything that is none. Never throws. */
export function decodeJoinAnswer(bytes: Uint8Array): JoinAnswer | undefined {
  const fields = bytes.length > JOIN_ANSWER_BYTES_MAX ? undefined : unpackFields(bytes);
  if (fields?.length !== 5 || fieldText(fields[0]!) !== NAME) return undefined;
  const [, issuer, bundle, trust, floor] = fields as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const floorMs = fieldNumber(floor);
  if (issuer.length > CERTIFICATE_BYTES_MAX || bundle.length > BUNDLE_BYTES_MAX || floorMs === undefined)
    return undefined;
  return { issuer, bundle, trust, floorMs };
}

/** Why somebody was not let in; stable words for the audit log and for the person at the new machine. */
export const JOIN_REFUSALS = [
  "token_unknown",
  "token_expired",
  "token_spent",
  "token_void",
  "token_busy",
  "hardware",
  "node_unknown",
  "node_joined",
  "request_form",
  "too_many_tries",
  "not_the_root",
  "not_issued",
  "not_written",
  "late_unknown",
  "late_banned",
  "late_not_ended",
  "late_over",
  "late_busy",
] as const;

/** One of `JOIN_REFUSALS`. */
export type JoinRefusal = (typeof JOIN_REFUSALS)[number];

/** A refusal from the wire; anything else counts as `request_form`. */
export function joinRefusalOf(bytes: Uint8Array): JoinRefusal {
  const text = bytes.length > 64 ? undefined : fieldText(bytes);
  return JOIN_REFUSALS.find((known) => known === text) ?? "request_form";
}

/** Bytes before a message at the door: its length without them, and its kind or, in an answer, its status; both u32, low first. */
export const JOIN_HEAD_BYTES = 8;

/** A message with its head. `word`: kind or status. */
export function frameJoinMessage(word: number, bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(JOIN_HEAD_BYTES + bytes.length);
  const view = new DataView(framed.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, word, true);
  framed.set(bytes, JOIN_HEAD_BYTES);
  return framed;
}

/** Length and word of a head, or `undefined` where fewer bytes than that are there. */
export function readJoinHead(bytes: Uint8Array): { readonly length: number; readonly word: number } | undefined {
  if (bytes.length < JOIN_HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { length: view.getUint32(0, true), word: view.getUint32(4, true) };
}
