/** What keepers say to each other over a tunnel. Bytes in, values out; whatever is not exactly one of these is `undefined`. */
import { CERTIFICATE_BYTES_MAX } from "../../identity/certificate.ts";
import { fieldNumber, fieldText, numberField, packFields, textField, unpackFields } from "../../identity/fields.ts";
import { CHALLENGE_BYTES, ISSUER_REQUEST_BYTES_MAX } from "../../identity/issuer-request.ts";
import { isNodeName } from "../../identity/node-names.ts";
import { TRUST_MESSAGE_BYTES_MAX } from "../../identity/trust-message.ts";
import { PEER_STATUS } from "../../wire/channel/frames.ts";

/** Kinds of messages; a number is a contract with nodes of other versions. */
export const PEER_KIND = {
  /** A `Sync`; answered by the other one's. */
  SYNC: 1,
  /** Nothing: a node wants a new issuer. Answered by a challenge of `CHALLENGE_BYTES`. */
  RENEW_BEGIN: 2,
  /** A `Renewal`. Answered by the certificate in DER. */
  RENEW: 3,
} as const;

/** What a keeper answers, besides `PEER_STATUS.OK`; from 200 up, as the channel has it. */
export const PEER_REFUSAL = {
  MALFORMED: 200,
  BANNED: 201,
  NOT_ROOT: 202,
  BUSY: 203,
  REFUSED: 204,
  UNKNOWN_KIND: 205,
} as const;

const STATUS_WORDS: Readonly<Record<number, string>> = {
  [PEER_STATUS.NOT_CONNECTED]: "it is not connected",
  [PEER_STATUS.TIMED_OUT]: "it did not answer in time",
  [PEER_STATUS.REFUSED]: "it refused",
  [PEER_STATUS.MALFORMED]: "its answer made no sense",
  [PEER_STATUS.BUSY]: "it was asked too often of late",
  [PEER_REFUSAL.MALFORMED]: "it could not read the message",
  [PEER_REFUSAL.BANNED]: "this node is banned there",
  [PEER_REFUSAL.NOT_ROOT]: "it does not hold the root",
  [PEER_REFUSAL.BUSY]: "it was asked too often, and will be willing again within the hour",
  [PEER_REFUSAL.REFUSED]: "it refused",
  [PEER_REFUSAL.UNKNOWN_KIND]: "it does not know such a message",
};

/** What a status other than OK says, for people. */
export function statusWords(status: number): string {
  return STATUS_WORDS[status] ?? `status ${status}`;
}

/** Nodes in a list of issuers. Reason: a site has a handful; what is beyond is not shown elsewhere. */
export const SYNC_ISSUERS_MAX = 64;

/** An issuer as the root's node tells it to the others, for `node ls` there. Nothing is decided by it. */
export interface ToldIssuer {
  readonly node: string;
  /** Hex. */
  readonly keyHash: string;
  readonly notAfterMs: number;
}

/** What two nodes tell each other whenever they meet or something has changed. */
export interface Sync {
  /** The root's last word; see `identity/trust-message.ts`. */
  readonly trust: Uint8Array;
  /** Highest sequence of a ban that every worker of the teller judges by. */
  readonly bansTaken: number;
  readonly bundleSequence: number;
  /** The teller's clock floor, ms since 1970. */
  readonly floorMs: number;
  /** A claim, proven only by an issuer that is signed. */
  readonly holdsRoot: boolean;
  /** From the root's node; else empty. */
  readonly issuers: readonly ToldIssuer[];
}

const NAME = "selvedge-sync-v1";
const SYNC_FIELDS = 6;

/** A sync as bytes. */
export function encodeSync(sync: Sync): Uint8Array {
  return packFields([
    textField(NAME),
    sync.trust,
    numberField(sync.bansTaken),
    numberField(sync.bundleSequence),
    numberField(Math.floor(sync.floorMs)),
    textField(sync.holdsRoot ? "root" : ""),
    ...sync.issuers
      .slice(-SYNC_ISSUERS_MAX)
      .flatMap(({ node, keyHash, notAfterMs }) => [textField(node), textField(keyHash), numberField(notAfterMs)]),
  ]);
}

/** A sync, or `undefined`. Never throws. Its bytes are views. */
export function decodeSync(bytes: Uint8Array): Sync | undefined {
  const fields = unpackFields(bytes);
  if (fields === undefined || fields.length < SYNC_FIELDS) return undefined;
  const [name, trust, taken, bundle, floor, root] = fields as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if (fieldText(name) !== NAME || trust.length > TRUST_MESSAGE_BYTES_MAX) return undefined;
  const [bansTaken, bundleSequence, floorMs] = [fieldNumber(taken), fieldNumber(bundle), fieldNumber(floor)];
  const issuers = readIssuers(fields.slice(SYNC_FIELDS));
  const claim = fieldText(root);
  if (bansTaken === undefined || bundleSequence === undefined || floorMs === undefined) return undefined;
  if (issuers === undefined || (claim !== "" && claim !== "root")) return undefined;
  return { trust, bansTaken, bundleSequence, floorMs, holdsRoot: claim === "root", issuers };
}

function readIssuers(fields: readonly Uint8Array[]): ToldIssuer[] | undefined {
  if (fields.length % 3 !== 0 || fields.length > SYNC_ISSUERS_MAX * 3) return undefined;
  const issuers: ToldIssuer[] = [];
  for (let at = 0; at < fields.length; at += 3) {
    const [node, keyHash, notAfterMs] = [
      fieldText(fields[at]!),
      fieldText(fields[at + 1]!),
      fieldNumber(fields[at + 2]!),
    ];
    if (node === undefined || !isNodeName(node) || notAfterMs === undefined) return undefined;
    if (keyHash === undefined || !/^[0-9a-f]{64}$/.test(keyHash)) return undefined;
    issuers.push({ node, keyHash, notAfterMs });
  }
  return issuers;
}

/** What a RENEW holds. */
export interface Renewal {
  readonly challenge: Uint8Array;
  /** See `identity/issuer-request.ts`. */
  readonly request: Uint8Array;
  /** The issuer that the node has, DER. */
  readonly issuer: Uint8Array;
  /** By that issuer's key; see `renewal-proof.ts`. */
  readonly proof: Uint8Array;
}

/** Longest proof: an ECDSA-Sig-Value of P-256 in DER. */
const PROOF_BYTES_MAX = 72;

/** A renewal as bytes. */
export function encodeRenewal({ challenge, request, issuer, proof }: Renewal): Uint8Array {
  return packFields([challenge, request, issuer, proof]);
}

/** A renewal, or `undefined`. Never throws. Its bytes are views. */
export function decodeRenewal(bytes: Uint8Array): Renewal | undefined {
  const fields = unpackFields(bytes);
  if (fields?.length !== 4) return undefined;
  const [challenge, request, issuer, proof] = fields as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  if (challenge.length !== CHALLENGE_BYTES || request.length > ISSUER_REQUEST_BYTES_MAX) return undefined;
  if (issuer.length > CERTIFICATE_BYTES_MAX || proof.length > PROOF_BYTES_MAX) return undefined;
  return { challenge, request, issuer, proof };
}
