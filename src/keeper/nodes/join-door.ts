import { timingSafeEqual } from "node:crypto";
import { keyHashOf } from "../../identity/certificate.ts";
import { readIssuerRequest } from "../../identity/issuer-request.ts";
import {
  encodeJoinAnswer,
  isJoinRequestSigned,
  JOIN_KEYING_BYTES,
  JOIN_STATUS,
  type JoinRefusal,
  type JoinRequest,
  readJoinRequest,
} from "../../identity/join-protocol.ts";
import { tokenKeyHash } from "../../identity/join-token.ts";
import { DoorRefused } from "./door-refused.ts";
import { type Invite, isInviteOpen, JOIN_REPEAT_MS, TOKEN_TRIES_MAX } from "./invite.ts";
import type { Invites } from "./invites.ts";
import type { TryLimit } from "./try-limit.ts";

/** What the door needs of the rest of the node. */
export interface JoinHost {
  readonly trustDomain: string;
  readonly holdsRoot: boolean;
  /** Judged. */
  nowMs(): number;
  /** Whether the documents name this node. */
  isNode(name: string): boolean;
  /** Whether some machine holds an issuer for this name that is neither banned nor over. */
  hasJoined(name: string): boolean;
  /** Signs an issuer; the certificate in DER, or why there is none. Never rejects. */
  signIssuer(node: string, request: Uint8Array, challenge: Uint8Array): Promise<Uint8Array | string>;
  isBanned(keyHash: string): boolean;
  /** Bans every other key that was signed for the name. Rejects where that cannot be kept. */
  banOthers(node: string, keyHash: string): Promise<void>;
  /** What a new node is told. */
  trust(): { readonly bundle: Uint8Array; readonly trust: Uint8Array; readonly floorMs: number };
}

/** What became of somebody at the door, for the audit log. */
export interface JoinOutcome {
  readonly result: "joined" | "repeated" | "late_renewed" | "late_repeated" | JoinRefusal;
  readonly address: string;
  /** Name on the token, or on record for the key; `""` where none was shown that is known. */
  readonly node: string;
  readonly tokenId: string;
  /** Of the issuer that was signed; `""` where none was. */
  readonly keyHash: string;
  readonly detail: string;
}

export interface JoinReply {
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly outcome: JoinOutcome;
}

/** Nobody's: compared where a token is not known, so that this takes as long as a wrong secret. */
const NO_HASH = Buffer.alloc(32);

/**
 * Judges whoever asks to join. An answer that lets somebody in leaves only after the token is spent on disk; should the node die
 * in between, the token is spent, and a new one is needed once `JOIN_REPEAT_MS` are over.
 */
export class JoinDoor {
  readonly #host: JoinHost;
  readonly #invites: Invites;
  readonly #tries: TryLimit;

  constructor(host: JoinHost, invites: Invites, tries: TryLimit) {
    this.#host = host;
    this.#invites = invites;
    this.#tries = tries;
  }

  /** `bytes`: keying material of the session, then what came. Never rejects. */
  async join(bytes: Uint8Array, address: string): Promise<JoinReply> {
    const about = { address, node: "", tokenId: "", keyHash: "" };
    try {
      return await this.#judge(bytes, address, about);
    } catch (error) {
      const refused = error instanceof DoorRefused ? error : new DoorRefused("not_issued", false, String(error));
      if (refused.isForced) this.#tries.count(address);
      const outcome: JoinOutcome = { ...about, result: refused.refusal, detail: refused.message };
      return { status: JOIN_STATUS.REFUSED, bytes: Buffer.from(refused.refusal), outcome };
    }
  }

  async #judge(
    bytes: Uint8Array,
    address: string,
    about: { node: string; tokenId: string; keyHash: string; readonly address: string },
  ): Promise<JoinReply> {
    if (this.#tries.isSpent(address)) throw new DoorRefused("too_many_tries");
    const keyingMaterial = bytes.slice(0, JOIN_KEYING_BYTES);
    const request = readJoinRequest(bytes.slice(JOIN_KEYING_BYTES));
    if (request === undefined) throw new DoorRefused("request_form", true);
    about.tokenId = request.tokenId;
    const invite = this.#recognise(request, keyingMaterial);
    about.node = invite.node;
    const { trustDomain } = this.#host;
    const spki = readIssuerRequest(
      { trustDomain, node: invite.node, challenge: keyingMaterial },
      request.issuerRequest,
    );
    if (spki === undefined) throw new DoorRefused("request_form", true);
    about.keyHash = keyHashOf(spki);
    const repeated = this.#repeatable(invite, about.keyHash);
    if (repeated !== undefined) {
      await this.#finishReplacing(invite, about.keyHash);
      return this.#admit(repeated, { ...about, result: "repeated", detail: "" });
    }
    this.#refuseUnfit(invite, request);
    const issuer = await this.#sign(invite, request.issuerRequest, keyingMaterial, about);
    return this.#admit(issuer, { ...about, result: "joined", detail: invite.isReplacing ? "replacing" : "" });
  }

  /** The invitation whose secret was proven. Until then nobody is told more than that the token is not known. */
  #recognise(request: JoinRequest, keyingMaterial: Uint8Array): Invite {
    const invite = this.#invites.find(request.tokenId);
    const expected = invite === undefined ? NO_HASH : Buffer.from(invite.keyHash, "hex");
    const isRight = timingSafeEqual(tokenKeyHash(request.publicKey), expected);
    if (invite === undefined) throw new DoorRefused("token_unknown", true, "no such token");
    if (invite.tries >= TOKEN_TRIES_MAX) throw new DoorRefused("token_void", true);
    const binding = { trustDomain: this.#host.trustDomain, node: invite.node, keyingMaterial };
    if (!isRight || !isJoinRequestSigned(binding, request)) {
      this.#invites.countTry(invite.id);
      throw new DoorRefused("token_unknown", true, isRight ? "signed for something else" : "wrong secret");
    }
    return invite;
  }

  /** The issuer that this very key got by this very token a moment ago. */
  #repeatable({ spent }: Invite, keyHash: string): Uint8Array | undefined {
    if (spent === null || spent.keyHash !== keyHash) return undefined;
    if (this.#host.nowMs() > spent.atMs + JOIN_REPEAT_MS) return undefined;
    return new Uint8Array(Buffer.from(spent.issuer, "base64"));
  }

  /** The node may have died after it spent the token, and before it banned the machine whose place this one takes. */
  async #finishReplacing({ node, isReplacing }: Invite, keyHash: string): Promise<void> {
    // Whose place was taken by another one since then bans nobody.
    if (this.#host.isBanned(keyHash)) throw new DoorRefused("token_spent", false, "the key is banned by now");
    if (!isReplacing) return;
    try {
      await this.#host.banOthers(node, keyHash);
    } catch (error) {
      throw new DoorRefused("not_written", false, String(error));
    }
  }

  #refuseUnfit(invite: Invite, request: JoinRequest): void {
    const nowMs = this.#host.nowMs();
    if (invite.spent !== null) throw new DoorRefused("token_spent", true, `by ${invite.spent.address}`);
    if (!isInviteOpen(invite, nowMs)) throw new DoorRefused("token_expired", true);
    const problem = bindingProblem(invite, request);
    if (problem !== undefined) throw new DoorRefused("hardware", true, problem);
    if (!this.#host.isNode(invite.node)) throw new DoorRefused("node_unknown");
    if (!this.#host.holdsRoot) throw new DoorRefused("not_the_root");
    if (!invite.isReplacing && this.#host.hasJoined(invite.node)) throw new DoorRefused("node_joined");
  }

  async #sign(
    invite: Invite,
    asked: Uint8Array,
    challenge: Uint8Array,
    { address, keyHash }: { readonly address: string; readonly keyHash: string },
  ): Promise<Uint8Array> {
    if (!this.#invites.take(invite.id)) throw new DoorRefused("token_busy");
    try {
      const issuer = await this.#host.signIssuer(invite.node, asked, challenge);
      if (typeof issuer === "string") throw new DoorRefused("not_issued", false, issuer);
      const spent = { atMs: this.#host.nowMs(), address, keyHash, issuer: Buffer.from(issuer).toString("base64") };
      try {
        this.#invites.spend(invite.id, spent);
        if (invite.isReplacing) await this.#host.banOthers(invite.node, keyHash);
      } catch (error) {
        throw new DoorRefused("not_written", false, String(error));
      }
      return issuer;
    } finally {
      this.#invites.release(invite.id);
    }
  }

  #admit(issuer: Uint8Array, outcome: JoinOutcome): JoinReply {
    return { status: JOIN_STATUS.DONE, bytes: encodeJoinAnswer({ issuer, ...this.#host.trust() }), outcome };
  }
}

function bindingProblem({ binding }: Invite, { serial, endorsementKey }: JoinRequest): string | undefined {
  if (binding === null) return undefined;
  const shown = binding.kind === "serial" ? serial : endorsementKey;
  if (shown === binding.value) return undefined;
  return shown === "" ? `no ${binding.kind} was shown` : `another ${binding.kind}: ${shown}`;
}
