/**
 * The token that lets one machine join a site: one line of URL-safe text that the operator carries there.
 *
 * It holds a private key, not a password: whoever shows it signs with it, so that nothing which comes over the wire or lies on
 * the disk of the root's node can be shown again (Ed25519, RFC 8032). And it holds whom to believe: the site's root by its key.
 */
import type { KeyObject } from "node:crypto";
import { trustDomainProblem } from "../model/spiffe-id.ts";
import { fieldNumber, fieldText, numberField, packFields, textField, unpackFields } from "./fields.ts";
import { nodeCrypto } from "./node-crypto.ts";
import { isNodeName } from "./node-names.ts";

/** Bytes of a token's id: enough that none is guessed. */
export const TOKEN_ID_BYTES = 16;

/** Bytes of a token's secret, the seed of its key (RFC 8032 5.1.5). */
export const TOKEN_SECRET_BYTES = 32;

/** Most characters of a token. Reason: a trust domain of 255 bytes, two names of 63, an address of 260, keys. */
export const TOKEN_CHARACTERS_MAX = 1200;

const PREFIX = "selvedge1.";
const CHECKSUM_BYTES = 8;
const PIN_BYTES = 32;
const ADDRESS = /^[\x21-\x7e]{3,260}$/;

/** What a token says. */
export interface JoinToken {
  readonly trustDomain: string;
  /** Name that the new machine will have. */
  readonly node: string;
  /** The node that invited, and holds the site's root: nobody else may answer. */
  readonly rootNode: string;
  /** SHA-256 of the root's SubjectPublicKeyInfo, hex. */
  readonly pin: string;
  /** `host:port` of the inviting node's tunnel; IPv6 in brackets. */
  readonly address: string;
  /** `TOKEN_ID_BYTES`, hex: names the token without giving it away. */
  readonly id: string;
  /** `TOKEN_SECRET_BYTES`. */
  readonly secret: Uint8Array;
  /** ms since 1970, by the inviting node's judged clock. */
  readonly expiresAtMs: number;
}

/** Why a text is no token: not one at all, one of another version, or one that was not copied whole. */
export type TokenProblem = "token_form" | "token_version" | "token_checksum";

/** The text of a token. */
export function printJoinToken(token: JoinToken): string {
  const body = packFields([
    textField(token.trustDomain),
    textField(token.node),
    textField(token.rootNode),
    Buffer.from(token.pin, "hex"),
    textField(token.address),
    Buffer.from(token.id, "hex"),
    token.secret,
    numberField(token.expiresAtMs),
  ]);
  return PREFIX + Buffer.concat([body, checksumOf(body)]).toString("base64url");
}

/** Reads a token as `printJoinToken` made it, blanks around it allowed. Never throws. */
export function parseJoinToken(text: string): JoinToken | TokenProblem {
  const trimmed = text.trim();
  if (trimmed.length > TOKEN_CHARACTERS_MAX || !/^selvedge[0-9]{1,3}\.[-_A-Za-z0-9]+$/.test(trimmed))
    return "token_form";
  if (!trimmed.startsWith(PREFIX)) return "token_version";
  const encoded = trimmed.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, "base64url");
  if (bytes.toString("base64url") !== encoded || bytes.length < CHECKSUM_BYTES) return "token_checksum";
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  if (!checksumOf(body).equals(bytes.subarray(-CHECKSUM_BYTES))) return "token_checksum";
  return readBody(new Uint8Array(body)) ?? "token_form";
}

function readBody(body: Uint8Array): JoinToken | undefined {
  const fields = unpackFields(body);
  if (fields?.length !== 8) return undefined;
  const [domain, name, root, pin, at, id, secret, expiry] = fields as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const trustDomain = fieldText(domain) ?? "";
  const [node, rootNode, address] = [fieldText(name) ?? "", fieldText(root) ?? "", fieldText(at) ?? ""];
  const expiresAtMs = fieldNumber(expiry);
  if (trustDomainProblem(trustDomain) !== undefined || !isNodeName(node) || !isNodeName(rootNode)) return undefined;
  if (pin.length !== PIN_BYTES || id.length !== TOKEN_ID_BYTES || secret.length !== TOKEN_SECRET_BYTES)
    return undefined;
  if (!ADDRESS.test(address) || expiresAtMs === undefined) return undefined;
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  return { trustDomain, node, rootNode, pin: hex(pin), address, id: hex(id), secret, expiresAtMs };
}

function checksumOf(body: Uint8Array): Buffer {
  return nodeCrypto().createHash("sha256").update(PREFIX).update(body).digest().subarray(0, CHECKSUM_BYTES);
}

// PKCS #8 and SubjectPublicKeyInfo of Ed25519 are these bytes with the key behind them (RFC 8410 sections 4 and 7).
const PRIVATE_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_HEAD = Buffer.from("302a300506032b6570032100", "hex");

/** Bytes of a token's public key. */
export const TOKEN_PUBLIC_KEY_BYTES = 32;

/** The key that a token's secret stands for. */
export function tokenPrivateKey(secret: Uint8Array): KeyObject {
  return nodeCrypto().createPrivateKey({ key: Buffer.concat([PRIVATE_HEAD, secret]), format: "der", type: "pkcs8" });
}

/** The public half, as it goes over the wire. */
export function tokenPublicKey(secret: Uint8Array): Uint8Array {
  const spki = nodeCrypto().createPublicKey(tokenPrivateKey(secret)).export({ type: "spki", format: "der" });
  return new Uint8Array(spki.subarray(PUBLIC_HEAD.length));
}

/** A public key from the wire, or `undefined` where it is none. */
export function importTokenPublicKey(bytes: Uint8Array): KeyObject | undefined {
  if (bytes.length !== TOKEN_PUBLIC_KEY_BYTES) return undefined;
  try {
    return nodeCrypto().createPublicKey({ key: Buffer.concat([PUBLIC_HEAD, bytes]), format: "der", type: "spki" });
  } catch {
    return undefined;
  }
}

/** What is kept of a token: SHA-256 of its public key. */
export function tokenKeyHash(publicKey: Uint8Array): Buffer {
  return nodeCrypto().createHash("sha256").update("selvedge-token-v1").update(publicKey).digest();
}
