import { isSignedBy } from "../../identity/certificate.ts";
import { CLOCK_JUMP_MS } from "../../identity/clock.ts";
import { type IssuedCertificate, SVIDS_MAX } from "../../identity/issue-protocol.ts";
import {
  canFollowJump,
  dutiesAt,
  type HeldCertificates,
  isValidAt,
  ROOT_DUE_BEFORE_MS,
  renewAtMs,
  retryAfterMs,
  type Validity,
} from "../../identity/rotation.ts";
import { issueProblem } from "./found-site.ts";
import type { SvidSubject } from "./held-svids.ts";
import { RootChange } from "./root-change.ts";
import type { SiteIdentity } from "./site-identity.ts";

/**
 * Asks the root's node for an issuer, and installs it. Answers why that did not work, or `undefined`. Never rejects.
 * @param stopping what is under way is to end.
 */
export type RenewIssuer = (stopping: AbortSignal) => Promise<string | undefined>;

/** What a renewal tells. */
export interface RenewalEvents {
  /** Something was made. */
  done(what: "issuer_renewed" | "svids_renewed" | "clock_followed" | "root_rotation", detail: string): void;
  /** Something could not be made; told once until it works again. */
  failed(what: Trouble, reason: string): void;
}

/** What may not work. */
export type Trouble = "issuer" | "svids" | "clock" | "root";

/** Between two looks while the root changes. Reason: others confirm at any time, and a look is a few comparisons. */
export const CHANGE_LOOK_MS = 5_000;

/** Longest time between two looks at everything that is due. Reason: a bound on what a wrong estimate can cost. */
export const LOOK_MS_MAX = 3_600_000;

/**
 * Keeps the certificates of an identity alive. `tick` is called every few seconds and costs a comparison of numbers where
 * nothing is due; there is no timer. One renewal runs at a time.
 */
export class Renewal {
  readonly #identity: SiteIdentity;
  readonly #events: RenewalEvents;
  readonly #random: () => number;
  /** On a node without the root. */
  renewIssuer: RenewIssuer = async () => "the root's node has not been met";
  /** Whether the issuer may have ended though the judged time does not say so: `renewIssuer` is tried then too. */
  isLate: () => boolean = () => false;
  /** On the root's node. */
  readonly rootChange: RootChange;
  #working: Promise<void> | undefined;
  #queued: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  #lookAtMs = 0;
  #lookAtMonotonicMs = 0;
  #failures = 0;
  /** The jump that could not be followed: wall minus monotonic time. */
  #refusedJumpMs: number | undefined;
  readonly #troubles = new Map<Trouble, string>();

  /** @param random from 0 to 1. */
  constructor(identity: SiteIdentity, events: RenewalEvents, random: () => number) {
    this.#identity = identity;
    this.#events = events;
    this.#random = random;
    this.rootChange = new RootChange(identity, (detail) => events.done("root_rotation", detail));
  }

  /** What does not work, by what it is. */
  get troubles(): ReadonlyMap<string, string> {
    return this.#troubles;
  }

  /** Reads the clocks, and begins what is due. */
  tick(): void {
    const { clock } = this.#identity;
    clock.read();
    if (this.#working !== undefined || this.#stopping.signal.aborted) return;
    const isDue = clock.monotonicMs >= this.#lookAtMonotonicMs || clock.nowMs >= this.#lookAtMs;
    if (this.#isNewJump() || isDue) void this.work();
  }

  #isNewJump(): boolean {
    const { pendingMs, monotonicMs } = this.#identity.clock;
    if (pendingMs === null) {
      if (this.#refusedJumpMs !== undefined) this.#note("clock", undefined);
      this.#refusedJumpMs = undefined;
      return false;
    }
    const offsetMs = pendingMs - monotonicMs;
    return this.#refusedJumpMs === undefined || Math.abs(offsetMs - this.#refusedJumpMs) > CLOCK_JUMP_MS;
  }

  /** Looks again at once: something was asked for, somebody came into reach. */
  hurry(): Promise<void> {
    this.#lookAtMonotonicMs = 0;
    this.#failures = 0;
    return this.work();
  }

  /** Does what is due; resolves when that is done, whatever came of it. Never rejects. */
  work(): Promise<void> {
    if (this.#queued !== undefined) return this.#queued;
    let hasBegun = false;
    const working = this.#alone(() => {
      hasBegun = true;
      this.#queued = undefined;
      return this.#work();
    });
    // One that waits for its turn sees whatever happens until then: it does for everybody who asks meanwhile.
    if (!hasBegun) this.#queued = working;
    return working;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  /** Does for an operator what is not due yet. Answers why not, or `undefined`. Rejects with IdentityStoreError. */
  async rotate(what: "svids" | "issuer" | "root", isCompromised: boolean): Promise<string | undefined> {
    const act = async (): Promise<string | undefined> => {
      if (what === "svids") return this.issueSvids(this.#identity.svids.everybody);
      return what === "issuer" ? this.renewIssuerNow() : this.rootChange.begin(isCompromised);
    };
    const problem = await this.#alone(act);
    await this.hurry();
    return problem;
  }

  async #alone<Result>(act: () => Promise<Result>): Promise<Result | undefined> {
    // Checked again after each wait: of several that wait for the same, only the first may begin.
    while (this.#working !== undefined) await this.#working;
    if (this.#stopping.signal.aborted) return undefined;
    const acting = act();
    this.#working = acting.then(
      () => this.#done(),
      () => this.#done(),
    );
    return acting;
  }

  #done(): void {
    this.#working = undefined;
  }

  /** Nothing is begun any more; resolves when what was under way is over. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#working;
  }

  /** Renews this node's issuer now, here or through the root's node. Answers why not, or `undefined`. */
  async renewIssuerNow(nowMs = this.#identity.nowMs()): Promise<string | undefined> {
    try {
      const problem = this.#identity.holdsRoot
        ? await this.#signOwnIssuer(nowMs)
        : await this.renewIssuer(this.#stopping.signal);
      if (problem === undefined) this.#events.done("issuer_renewed", "");
      return problem;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Makes SVIDs for these, in turns of what one child makes. Answers why not, or `undefined`. */
  async issueSvids(subjects: readonly SvidSubject[], nowMs = this.#identity.nowMs()): Promise<string | undefined> {
    try {
      for (let at = 0; at < subjects.length; at += SVIDS_MAX) {
        const problem = await this.#issueSome(subjects.slice(at, at + SVIDS_MAX), Math.floor(nowMs));
        if (problem !== undefined) return problem;
      }
      if (subjects.length > 0) this.#events.done("svids_renewed", String(subjects.length));
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  async #work(): Promise<void> {
    await this.#followClock();
    await this.#changeRoot();
    const nowMs = this.#identity.nowMs();
    const isIssuerDue = this.#isIssuerDue(nowMs) || this.isLate();
    const issuerProblem = isIssuerDue ? await this.renewIssuerNow() : undefined;
    this.#note("issuer", issuerProblem);
    const due = this.#dueSvids(nowMs);
    this.#note("svids", due.length === 0 ? undefined : await this.issueSvids(due));
    // With a new issuer the next step may be possible at once.
    if (isIssuerDue) await this.#changeRoot();
    this.#plan(this.#troubles.size > 0);
  }

  /** Begins a change of the root that is due by age, and goes on with one that is under way. */
  async #changeRoot(): Promise<void> {
    const identity = this.#identity;
    const { root } = identity;
    if (root === undefined) return;
    try {
      const isDue = identity.nowMs() >= root.certificate.notAfterMs - ROOT_DUE_BEFORE_MS;
      const problem = isDue && !this.rootChange.isUnderWay ? await this.rootChange.begin(false) : undefined;
      await this.rootChange.step();
      this.#note("root", problem);
    } catch (error) {
      this.#note("root", messageOf(error));
    }
  }

  /** A jump of the clock: certificates for the new time first, then the new time. */
  async #followClock(): Promise<void> {
    const identity = this.#identity;
    const pendingMs = identity.clock.pendingMs;
    if (pendingMs === null) return this.#note("clock", undefined);
    const held = this.held();
    this.#refusedJumpMs = pendingMs - identity.clock.monotonicMs;
    if (held === undefined || !canFollowJump(held, pendingMs, identity.holdsRoot))
      return this.#note(
        "clock",
        `the wall clock jumped to ${timeText(pendingMs)}; no certificates can be made for then`,
      );
    const isIssuerOver = !isValidAt(held.issuer, pendingMs);
    const problem =
      (isIssuerOver ? await this.renewIssuerNow(pendingMs) : undefined) ??
      (await this.issueSvids(identity.svids.everybody, pendingMs));
    this.#note("clock", problem);
    if (problem !== undefined) return;
    identity.clock.follow();
    this.#refusedJumpMs = undefined;
    this.#events.done("clock_followed", timeText(identity.nowMs()));
    identity.changed("clock");
  }

  /** What this node holds; `undefined` before its first issuer. */
  held(): HeldCertificates | undefined {
    const identity = this.#identity;
    const issuer = identity.issuerCertificate();
    if (issuer === undefined) return undefined;
    const root = identity.issuerRoot() ?? identity.siteTrust.bundle.roots[0];
    if (root === undefined) return undefined;
    const svids = identity.svids.all.map(({ key, jitter, certificate }) => ({
      key,
      jitter,
      ...validityOf(certificate),
    }));
    return { svids, issuer: validityOf(issuer), root: validityOf(root) };
  }

  /** Due by age, by its root that no longer signs, or because its key was banned. */
  #isIssuerDue(nowMs: number): boolean {
    const held = this.held();
    const issuer = this.#identity.issuerCertificate();
    if (held === undefined || issuer === undefined) return true;
    const { bundle } = this.#identity.siteTrust;
    // The first root of a bundle is the one that signs now.
    const signing = bundle.roots[0];
    const isOfOther = signing !== undefined && !isSignedBy(issuer, signing);
    return isOfOther || dutiesAt(held, nowMs).isIssuerDue;
  }

  #dueSvids(nowMs: number): readonly SvidSubject[] {
    const held = this.held();
    if (held === undefined) return [];
    const duties = dutiesAt(held, nowMs);
    if (duties.isIssuerOver) return [];
    // What an old issuer signed is made anew, so that the old one need not be believed for longer than that takes.
    const { svids } = this.#identity;
    const issuer = this.#identity.issuerCertificate()?.keyHash;
    const ofOthers = svids.all.filter((svid) => svid.issuerKeyHash !== issuer).map(({ key }) => key);
    return [...svids.missing, ...svids.subjects([...new Set([...duties.svids, ...ofOthers])])];
  }

  async #signOwnIssuer(nowMs: number): Promise<string | undefined> {
    const identity = this.#identity;
    const { root, node } = identity;
    if (root === undefined) return "this node does not hold the root";
    const outcome = await root.sign((signer) =>
      identity.issue({ kind: "issuer", signer, node, nowMs: Math.floor(nowMs) }),
    );
    const issued = outcome.kind === "issued" ? outcome.issued[0] : undefined;
    if (issued === undefined) return issueProblem(outcome);
    identity.noteIssued(issued.certificate);
    identity.issuer.keep({ certificate: Uint8Array.from(issued.certificate), key: issued.key });
    identity.changed("issuer");
    return undefined;
  }

  async #issueSome(subjects: readonly SvidSubject[], nowMs: number): Promise<string | undefined> {
    const identity = this.#identity;
    const ids = subjects.map(({ id }) => id);
    // Read before anything is waited for: the chain has to be that of the issuer that signs.
    const issuer = identity.issuerCertificate();
    const root = identity.issuerRoot();
    if (issuer === undefined) return "this node has no issuer";
    if (root === undefined) return "the issuer is of a root that is not believed any more";
    const outcome = await identity.issuer.sign((signer) => identity.issue({ kind: "svids", signer, ids, nowMs }));
    if (outcome.kind !== "issued" || outcome.issued.length !== subjects.length) return issueProblem(outcome);
    for (const [index, subject] of subjects.entries()) {
      identity.svids.put(subject, outcome.issued[index] as IssuedCertificate, [issuer, root], this.#random());
    }
    identity.changed("svids");
    return undefined;
  }

  #note(what: Trouble, problem: string | undefined): void {
    if (problem === undefined) this.#troubles.delete(what);
    else {
      if (this.#troubles.get(what) !== problem) this.#events.failed(what, problem);
      this.#troubles.set(what, problem);
    }
  }

  /** When to look again: when the next thing is due, or a while after a failure. */
  #plan(hasFailed: boolean): void {
    const { clock, svids } = this.#identity;
    this.#failures = hasFailed ? this.#failures + 1 : 0;
    const idleMs = this.rootChange.isUnderWay ? CHANGE_LOOK_MS : LOOK_MS_MAX;
    const waitMs = hasFailed ? retryAfterMs(this.#failures, this.#random()) : idleMs;
    this.#lookAtMonotonicMs = clock.monotonicMs + waitMs;
    const issuer = this.#identity.issuerCertificate();
    const issuerAtMs = issuer === undefined ? Number.POSITIVE_INFINITY : renewAtMs(issuer, 0.5);
    this.#lookAtMs = hasFailed ? Number.POSITIVE_INFINITY : Math.min(svids.nextDueMs, issuerAtMs);
  }
}

function validityOf({ notBeforeMs, notAfterMs }: Validity): Validity {
  return { notBeforeMs, notAfterMs };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
