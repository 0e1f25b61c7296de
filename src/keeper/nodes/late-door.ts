import { keyHashOf } from "../../identity/certificate.ts";
import { readIssuerRequest } from "../../identity/issuer-request.ts";
import { encodeJoinAnswer, JOIN_KEYING_BYTES, JOIN_STATUS } from "../../identity/join-protocol.ts";
import { isLateRequestSigned, type LateRequest, readLateRequest } from "../../identity/late-protocol.ts";
import { BACKDATE_MS } from "../../identity/lifetimes.ts";
import type { IssuedIssuer } from "../identity/identity-files.ts";
import { LATE_RENEWAL_MS } from "../identity/issued-issuers.ts";
import { DoorRefused } from "./door-refused.ts";
import type { JoinHost, JoinOutcome, JoinReply } from "./join-door.ts";
import type { TryLimit } from "./try-limit.ts";

/** How long before its end an issuer counts as ended. Reason: clocks of one site differ, and certificates begin that much earlier. */
export const LATE_EARLY_MS = BACKDATE_MS;

/** What late renewal needs of the rest of the node. */
export interface LateHost extends Pick<JoinHost, "trustDomain" | "nowMs" | "isNode" | "isBanned" | "trust"> {
  readonly holdsRoot: boolean;
  /** The last issuer that was signed for another node, over or not. */
  newestIssuer(node: string): Pick<IssuedIssuer, "keyHash" | "notAfterMs" | "askedBy"> | undefined;
  /** Signs within what one node may have; on disk when it resolves. Rejects where the disk refuses. */
  sign(
    node: string,
    asked: { readonly request: Uint8Array; readonly challenge: Uint8Array; readonly askedBy: string },
  ): Promise<{ readonly certificate: Uint8Array } | { readonly refused: string; readonly isBusy: boolean }>;
}

interface About {
  readonly address: string;
  node: string;
  readonly tokenId: "";
  keyHash: string;
}

/**
 * Judges whoever says that it is a node of this site whose issuer has ended while it was off. The key of that issuer counts, if it
 * is the last one that was signed for the name: whoever has it could have renewed it all the time until it ended.
 */
export class LateDoor {
  readonly #host: LateHost;
  readonly #tries: TryLimit;

  /** @param tries those of the join door: one budget for both. */
  constructor(host: LateHost, tries: TryLimit) {
    this.#host = host;
    this.#tries = tries;
  }

  /** `bytes`: keying material of the session, then what came. Never rejects. */
  async renew(bytes: Uint8Array, address: string): Promise<JoinReply> {
    const about: About = { address, node: "", tokenId: "", keyHash: "" };
    try {
      return await this.#judge(bytes, about);
    } catch (error) {
      const refused = error instanceof DoorRefused ? error : new DoorRefused("not_issued", false, String(error));
      if (refused.isForced) this.#tries.count(address);
      const outcome: JoinOutcome = { ...about, result: refused.refusal, detail: refused.message };
      return { status: JOIN_STATUS.REFUSED, bytes: Buffer.from(refused.refusal), outcome };
    }
  }

  async #judge(bytes: Uint8Array, about: About): Promise<JoinReply> {
    if (this.#tries.isSpent(about.address)) throw new DoorRefused("too_many_tries");
    const host = this.#host;
    const challenge = bytes.slice(0, JOIN_KEYING_BYTES);
    const request = readLateRequest(bytes.slice(JOIN_KEYING_BYTES));
    if (request === undefined) throw new DoorRefused("request_form", true);
    if (!host.holdsRoot) throw new DoorRefused("not_the_root");
    const { node, issuerRequest } = request;
    const spki = readIssuerRequest({ trustDomain: host.trustDomain, node, challenge }, issuerRequest);
    const askedBy = keyHashOf(request.publicKey);
    const keyHash = spki === undefined ? askedBy : keyHashOf(spki);
    if (keyHash === askedBy) throw new DoorRefused("request_form", true);
    const known = this.#recognise(request, challenge, keyHash);
    about.node = node;
    about.keyHash = keyHash;
    this.#refuseUnfit(node, known, askedBy);
    const signed = await host.sign(node, { request: issuerRequest, challenge, askedBy });
    if ("refused" in signed) throw new DoorRefused(signed.isBusy ? "late_busy" : "not_issued", false, signed.refused);
    const answer = encodeJoinAnswer({ issuer: signed.certificate, ...host.trust() });
    const result = known.isRepeated ? "late_repeated" : "late_renewed";
    return { status: JOIN_STATUS.DONE, bytes: answer, outcome: { ...about, result, detail: "" } };
  }

  /** What is on record of the key that has signed. Until then nobody is told more than that there is nothing. */
  #recognise(request: LateRequest, keyingMaterial: Uint8Array, keyHash: string) {
    const askedBy = keyHashOf(request.publicKey);
    const newest = this.#host.newestIssuer(request.node);
    if (newest === undefined) throw new DoorRefused("late_unknown", true, "no issuer of this name is on record");
    // The answer was lost: what was signed for the new key at the asking of the old one is signed for it again.
    const isRepeated = newest.askedBy === askedBy && newest.keyHash === keyHash;
    if (newest.keyHash !== askedBy && !isRepeated)
      throw new DoorRefused("late_unknown", true, `another key is the last one of ${request.node}`);
    if (!isLateRequestSigned({ trustDomain: this.#host.trustDomain, keyingMaterial }, request))
      throw new DoorRefused("late_unknown", true, "signed for something else");
    return { ...newest, isRepeated };
  }

  #refuseUnfit(
    node: string,
    known: { readonly keyHash: string; readonly notAfterMs: number; readonly isRepeated: boolean },
    askedBy: string,
  ): void {
    const host = this.#host;
    const nowMs = host.nowMs();
    if (host.isBanned(askedBy) || host.isBanned(known.keyHash)) throw new DoorRefused("late_banned", true);
    if (nowMs > known.notAfterMs + LATE_RENEWAL_MS) throw new DoorRefused("late_over");
    if (!known.isRepeated && nowMs < known.notAfterMs - LATE_EARLY_MS) throw new DoorRefused("late_not_ended");
    if (!host.isNode(node)) throw new DoorRefused("node_unknown");
  }
}
