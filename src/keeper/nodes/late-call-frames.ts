/**
 * What a keeper and the child that calls for it say to each other, on the child's stdin and stdout: the child has the session and
 * no key, the keeper the key and no socket.
 */
import { fieldNumber, fieldText, numberField, packFields, textField, unpackFields } from "../../identity/fields.ts";
import {
  JOIN_ANSWER_BYTES_MAX,
  JOIN_HEAD_BYTES,
  JOIN_KEYING_BYTES,
  readJoinHead,
} from "../../identity/join-protocol.ts";
import type { PeerFacts } from "../../identity/verify-peer.ts";
import type { JoinReplyBytes } from "./join-connection.ts";

/** Kinds of messages. CALL, REQUEST: of the keeper. SESSION, ANSWER, FAILED: of the child. Framed as at the join door. */
export const LATE_WORD = { CALL: 1, SESSION: 2, REQUEST: 3, ANSWER: 4, FAILED: 5 } as const;

/** Longest message. Reason: an answer of the join door, and its status. */
export const LATE_MESSAGE_BYTES_MAX = JOIN_ANSWER_BYTES_MAX + 64;

/** Whom to call. */
export interface LateCallee {
  /** `host:port`; IPv6 in brackets. */
  readonly address: string;
  readonly trustDomain: string;
  readonly node: string;
}

/** Who answered, as the runtime tells, and what is exported of the session. Nothing of it is judged. */
export interface LateSession {
  readonly facts: Omit<PeerFacts, "isAuthorized">;
  readonly keyingMaterial: Uint8Array;
}

/** One message. */
export interface LateMessage {
  readonly word: number;
  readonly bytes: Uint8Array;
}

/** Takes messages off a stream, one after the other. */
export class LateMessages {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** The next one; `undefined` where there is none any more, or one that is too long. */
  async next(): Promise<LateMessage | undefined> {
    for (;;) {
      const head = readJoinHead(this.#held);
      if (head !== undefined && head.length > LATE_MESSAGE_BYTES_MAX) return undefined;
      const end = JOIN_HEAD_BYTES + (head?.length ?? 0);
      if (head !== undefined && this.#held.length >= end) {
        const bytes = this.#held.slice(JOIN_HEAD_BYTES, end);
        this.#held = this.#held.slice(end);
        return { word: head.word, bytes };
      }
      const { done, value } = await this.#chunks.next();
      if (done === true) return undefined;
      this.#held = new Uint8Array(Buffer.concat([this.#held, value]));
    }
  }
}

/** Whom to call, as bytes. */
export function encodeCallee({ address, trustDomain, node }: LateCallee): Uint8Array {
  return packFields([textField(address), textField(trustDomain), textField(node)]);
}

/** The same from bytes, or `undefined`. */
export function decodeCallee(bytes: Uint8Array): LateCallee | undefined {
  const [address, trustDomain, node] = (unpackFields(bytes) ?? []).map(fieldText);
  return address === undefined || trustDomain === undefined || node === undefined
    ? undefined
    : { address, trustDomain, node };
}

/** A session as bytes. */
export function encodeSession({ facts, keyingMaterial }: LateSession): Uint8Array {
  const { alpn, protocol, isResumed, chain } = facts;
  const resumed = textField(isResumed === false ? "" : "resumed");
  return packFields([textField(alpn ?? ""), textField(protocol ?? ""), resumed, keyingMaterial, ...chain]);
}

/** The same from bytes, or `undefined`. */
export function decodeSession(bytes: Uint8Array): LateSession | undefined {
  const [alpn, protocol, resumed, keyingMaterial, ...chain] = unpackFields(bytes) ?? [];
  if (alpn === undefined || protocol === undefined || resumed === undefined) return undefined;
  if (keyingMaterial?.length !== JOIN_KEYING_BYTES) return undefined;
  const isResumed = resumed.length > 0;
  const facts = { alpn: fieldText(alpn) ?? "", protocol: fieldText(protocol) ?? "", isResumed, chain };
  return { facts, keyingMaterial };
}

/** What the door answered, as bytes. */
export function encodeReply({ status, bytes }: JoinReplyBytes): Uint8Array {
  return packFields([numberField(status), bytes]);
}

/** The same from bytes, or `undefined`. */
export function decodeReply(bytes: Uint8Array): JoinReplyBytes | undefined {
  const [number, reply, ...rest] = unpackFields(bytes) ?? [];
  const status = number === undefined ? undefined : fieldNumber(number);
  return status === undefined || reply === undefined || rest.length > 0 ? undefined : { status, bytes: reply };
}
