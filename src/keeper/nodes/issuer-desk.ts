import { randomBytes } from "node:crypto";
import { type Ban, banSequence } from "../../identity/bans.ts";
import { readCertificate } from "../../identity/certificate.ts";
import { CHALLENGE_BYTES } from "../../identity/issuer-request.ts";
import { PEER_STATUS } from "../../wire/channel/frames.ts";
import type { AskedFor } from "../identity/issued-issuers.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";
import { CONTACTS_MAX } from "./node-contacts.ts";
import type { PeerReply } from "./peer-calls.ts";
import { decodeRenewal, PEER_REFUSAL } from "./peer-message.ts";
import { renewalProblem } from "./renewal-proof.ts";

/** How long a challenge is good for. Reason: a key is made and a request comes back within a second or two. */
export const CHALLENGE_MS = 30_000;

/** Issuers signed for one node per hour. Reason: one in three weeks is needed; more is a loop or a thief. */
export const RENEWALS_PER_HOUR_MAX = 30;

/**
 * Issuers of one node that are neither over nor banned. Reason: each is a key that a ban of the node has to name; a thief who
 * asked for thousands would push others out of the list, and his ban beyond its bound.
 */
export const ISSUERS_OF_NODE_MAX = 48;

const HOUR_MS = 3_600_000;
const NOTHING = new Uint8Array(0);

interface Customer {
  challenge: Uint8Array | undefined;
  untilMs: number;
  hourEndMs: number;
  signed: number;
  isBusy: boolean;
}

/** Signs issuers for nodes that tunnels and their own issuers have proven, on the root's node: each for itself alone. */
export class IssuerDesk {
  readonly #identity: SiteIdentity;
  readonly #nowMs: () => number;
  readonly #customers = new Map<string, Customer>();

  /** @param nowMs monotonic. */
  constructor(identity: SiteIdentity, nowMs: () => number) {
    this.#identity = identity;
    this.#nowMs = nowMs;
  }

  /** A challenge; a later one takes its place. */
  begin(node: string): PeerReply {
    if (!this.#identity.holdsRoot) return { status: PEER_REFUSAL.NOT_ROOT, bytes: NOTHING };
    const customer = this.#customer(node);
    const challenge = new Uint8Array(randomBytes(CHALLENGE_BYTES));
    customer.challenge = challenge;
    customer.untilMs = this.#nowMs() + CHALLENGE_MS;
    return { status: PEER_STATUS.OK, bytes: challenge };
  }

  /** The certificate for a renewal (`decodeRenewal`). `detail` is for the audit log. */
  async sign(node: string, bytes: Uint8Array): Promise<PeerReply & { readonly detail: string }> {
    if (!this.#identity.holdsRoot) return refused(PEER_REFUSAL.NOT_ROOT, "this node does not hold the root");
    const renewal = decodeRenewal(bytes);
    if (renewal === undefined) return refused(PEER_REFUSAL.MALFORMED, "the request cannot be read");
    const customer = this.#customer(node);
    const { challenge, untilMs } = customer;
    customer.challenge = undefined;
    if (challenge === undefined || this.#nowMs() > untilMs || !Buffer.from(challenge).equals(renewal.challenge))
      return refused(PEER_REFUSAL.REFUSED, "another challenge");
    const { trustDomain } = this.#identity;
    const problem = renewalProblem(this.#identity, { trustDomain, node, ...renewal }, renewal.issuer, renewal.proof);
    if (problem !== undefined) return refused(PEER_REFUSAL.REFUSED, problem);
    return this.issue(node, { request: renewal.request, challenge, askedBy: readCertificate(renewal.issuer).keyHash });
  }

  /** The certificate for somebody who has been proven to be the node. Rejects with IdentityStoreError. */
  async issue(
    node: string,
    asked: AskedFor & { readonly request: Uint8Array; readonly challenge: Uint8Array },
  ): Promise<PeerReply & { readonly detail: string }> {
    const customer = this.#customer(node);
    if (this.#holdsMany(node))
      return refused(PEER_REFUSAL.BUSY, "it holds too many issuers; ban it, or wait until they end");
    if (customer.isBusy || customer.signed >= RENEWALS_PER_HOUR_MAX) return refused(PEER_REFUSAL.BUSY, "too often");
    customer.isBusy = true;
    customer.signed++;
    const before = banSequence(this.#identity.trust().bans);
    try {
      const signed = await this.#identity.signIssuer(node, asked.request, asked.challenge, asked);
      if ("refused" in signed) return refused(PEER_REFUSAL.REFUSED, signed.refused);
      const ban = this.#bannedSince(node, before);
      if (ban === undefined) return { status: PEER_STATUS.OK, bytes: signed.certificate, detail: "" };
      // The ban was said while the child signed, and so did not know this key.
      await this.#identity.banKeys(node, [readCertificate(signed.certificate).keyHash], ban.reason);
      return refused(PEER_REFUSAL.BANNED, "it was banned meanwhile");
    } finally {
      customer.isBusy = false;
    }
  }

  #holdsMany(node: string): boolean {
    const identity = this.#identity;
    const nowMs = identity.nowMs();
    const held = identity
      .issuedIssuers()
      .filter((one) => one.node === node && one.notAfterMs > nowMs && !identity.siteTrust.isBanned(one.keyHash));
    return held.length >= ISSUERS_OF_NODE_MAX;
  }

  #bannedSince(node: string, sequence: number): Ban | undefined {
    const bans = [...this.#identity.trust().bans.values()];
    return bans.find((ban) => ban.node === node && ban.state === "banned" && ban.sequence > sequence);
  }

  #customer(node: string): Customer {
    const nowMs = this.#nowMs();
    const known = this.#customers.get(node);
    const customer = known ?? { challenge: undefined, untilMs: 0, hourEndMs: 0, signed: 0, isBusy: false };
    if (nowMs >= customer.hourEndMs) {
      customer.hourEndMs = nowMs + HOUR_MS;
      customer.signed = 0;
    }
    this.#customers.delete(node);
    this.#customers.set(node, customer);
    // A worker in the wrong hands names nodes without end; who is forgotten asks once more.
    const [oldest] = this.#customers.keys();
    if (this.#customers.size > CONTACTS_MAX && oldest !== undefined) this.#customers.delete(oldest);
    return customer;
  }
}

function refused(status: number, detail: string): PeerReply & { readonly detail: string } {
  return { status, bytes: NOTHING, detail };
}
