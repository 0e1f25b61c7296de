import { JOIN_KIND } from "../../identity/join-protocol.ts";
import { TO_WORKER } from "../../wire/channel/frames.ts";
import { lateIssuers } from "../identity/issued-issuers.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";
import type { Invites } from "./invites.ts";
import type { IssuerDesk } from "./issuer-desk.ts";
import { JoinDoor, type JoinOutcome } from "./join-door.ts";
import { joinHost } from "./join-host.ts";
import { LateDoor } from "./late-door.ts";
import { lateHost } from "./late-host.ts";
import type { NodesHost } from "./nodes-host.ts";
import type { PeerReply, PeerWorker } from "./peer-calls.ts";
import { PEER_REFUSAL } from "./peer-message.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { TryLimit } from "./try-limit.ts";

/** Longest time between two looks at whether the door has to stand open. Reason: an issuer may end by a clock that was set. */
export const DOOR_LOOK_MS = 3_600_000;

/** What stands behind the door. */
export interface NodeDoorParts {
  readonly site: SiteIdentity;
  readonly invites: Invites;
  readonly desk: IssuerDesk;
  readonly refusals: RefusalLog;
  /** Whether the documents name a node. */
  readonly isNode: (name: string) => boolean;
  /** Somebody was let in: others show it in their lists. */
  readonly letIn: () => void;
}

/** The join door of this node: open while somebody may come who is to be let in, and who came is written down. */
export class NodeDoor {
  readonly #host: NodesHost;
  readonly #parts: NodeDoorParts;
  readonly #joins: JoinDoor;
  readonly #late: LateDoor;
  #timer: Timer | undefined;
  #isOpen = false;
  #isClosed = false;

  constructor(host: NodesHost, parts: NodeDoorParts) {
    this.#host = host;
    this.#parts = parts;
    const { site, invites, desk, isNode } = parts;
    const tries = new TryLimit(() => performance.now());
    this.#joins = new JoinDoor(joinHost(site, isNode), invites, tries);
    this.#late = new LateDoor(lateHost(site, desk, isNode), tries);
  }

  /** A new worker has to know whether the door is open. */
  greet(worker: PeerWorker): void {
    if (this.#isOpen) worker.send({ type: TO_WORKER.JOIN_DOOR, isOpen: true });
  }

  /** Answers somebody who stands there. Never rejects. */
  async answer(kind: number, bytes: Uint8Array, address: string): Promise<PeerReply> {
    if (kind !== JOIN_KIND.JOIN && kind !== JOIN_KIND.LATE)
      return { status: PEER_REFUSAL.UNKNOWN_KIND, bytes: new Uint8Array(0) };
    const isLate = kind === JOIN_KIND.LATE;
    const { outcome, ...reply } = await (isLate ? this.#late.renew(bytes, address) : this.#joins.join(bytes, address));
    if (isLate) this.#tellLate(outcome);
    else this.#tellJoin(outcome);
    if (outcome.result === "joined" || outcome.result === "late_renewed") this.#parts.letIn();
    return reply;
  }

  /** Opens or closes the door, and looks again when that may change. */
  watch(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    const { site, invites } = this.#parts;
    const nowMs = site.nowMs();
    const leftMs = site.holdsRoot ? invites.doorUntilMs() - nowMs : 0;
    this.#set(leftMs > 0 || this.#isSomebodyLate());
    if (!site.holdsRoot) return;
    const ends = site.issuedIssuers().map(({ notAfterMs }) => notAfterMs - nowMs);
    const next = Math.min(...[leftMs, ...ends].filter((ms) => ms > 0), DOOR_LOOK_MS);
    this.#timer = setTimeout(() => this.watch(), next + 1);
  }

  /** Nobody is let in any more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#set(false);
  }

  /** Whether a node that the documents name could come back that was off for longer than its issuer lives. */
  #isSomebodyLate(): boolean {
    const { site, isNode } = this.#parts;
    const late = lateIssuers(site.issued, site.nowMs()).filter(({ node }) => node !== site.node && isNode(node));
    return late.some(({ keyHash }) => !site.siteTrust.isBanned(keyHash));
  }

  #set(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    for (const worker of this.#host.workers()) worker.send({ type: TO_WORKER.JOIN_DOOR, isOpen });
  }

  #tellJoin({ result, address, node, tokenId, keyHash, detail }: JoinOutcome): void {
    const isAdmitted = result === "joined" || result === "repeated";
    this.#host.countJoin(isAdmitted);
    // Whoever was told to wait and does not must not fill the disk with it.
    if (result === "too_many_tries" || (!isAdmitted && !this.#parts.refusals.mayWrite())) return;
    const what = isAdmitted ? "joined" : "join_refused";
    this.#host.tell({ what, node, address, detail: textOf(result, detail), tokenId, keyHash });
  }

  #tellLate({ result, address, node, keyHash, detail }: JoinOutcome): void {
    const isRenewed = result === "late_renewed" || result === "late_repeated";
    const text = textOf(result, detail);
    if (!isRenewed) {
      this.#host.countJoin(false);
      // A box that was banned asks again and again, for as long as it has power.
      const isNew = result !== "too_many_tries" && this.#parts.refusals.note(`late ${node} ${address} ${text}`);
      if (isNew === false || isNew === undefined) return;
    }
    this.#host.tell({ what: isRenewed ? "late_renewed" : "late_refused", node, address, detail: text, keyHash });
  }
}

function textOf(result: string, detail: string): string {
  return detail === "" ? result : `${result}: ${detail}`;
}
