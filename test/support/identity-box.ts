import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClockReading } from "../../src/identity/clock.ts";
import { performIssue } from "../../src/identity/issue.ts";
import type { IssueRequest } from "../../src/identity/issue-protocol.ts";
import { isRefusal } from "../../src/identity/refusal.ts";
import { verifyChain } from "../../src/identity/verify.ts";
import type { IssueOutcome } from "../../src/keeper/ca/issue-child.ts";
import { IdentityStore } from "../../src/keeper/identity/identity-store.ts";
import { joinSite } from "../../src/keeper/identity/join-site.ts";
import { openSite } from "../../src/keeper/identity/open-site.ts";
import { Renewal } from "../../src/keeper/identity/renewal.ts";
import type { IdentityHost, SiteIdentity } from "../../src/keeper/identity/site-identity.ts";
import type { SiteWishes } from "../../src/keeper/identity/site-wishes.ts";

export const TD = "store-042.fleet.example";
export const T0 = Date.UTC(2026, 10, 22, 12);
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** What the documents ask of a node with two workloads. */
export function wishesOf(node: string, trustDomain = TD): SiteWishes {
  const subjects = [
    { key: "", id: `spiffe://${trustDomain}/selvedge/node/${node}` },
    { key: `workload/prod/${node}-web`, id: `spiffe://${trustDomain}/ns/prod/sa/web` },
  ];
  return { trustDomain, node, hasTunnel: true, subjects };
}

/** One box with its state directory and clocks of its own; certificates are made in this process. */
export class IdentityBox implements IdentityHost {
  readonly node: string;
  readonly statePath = mkdtempSync(join(tmpdir(), "selvedge-identity-"));
  readonly told: string[] = [];
  /** What the wall clock is ahead of real time. */
  wallAheadMs = 0;
  realMs = T0;
  issued = 0;
  /** Set: nothing can be issued, for this reason. */
  issueFails: string | undefined;
  store: IdentityStore;
  #site: SiteIdentity | undefined;
  #renewal: Renewal | undefined;

  constructor(node = "till-1") {
    this.node = node;
    this.store = new IdentityStore(this.statePath, {});
  }

  readonly clocks = (): ClockReading => ({
    wallMs: this.realMs + this.wallAheadMs,
    monotonicMs: this.realMs - T0 + 1000,
  });

  readonly issue = async (request: IssueRequest): Promise<IssueOutcome> => {
    this.issued++;
    if (this.issueFails !== undefined) return { kind: "failed", reason: this.issueFails };
    return performIssue(request);
  };

  get site(): SiteIdentity {
    if (this.#site === undefined) throw new Error("the box is off");
    return this.#site;
  }

  get renewal(): Renewal {
    if (this.#renewal === undefined) throw new Error("the box is off");
    return this.#renewal;
  }

  /** Switches on, as a keeper does. */
  async on(wishes = wishesOf(this.node)): Promise<this> {
    this.#site = await openSite(this, wishes, (what, detail) => void this.told.push(`${what} ${detail}`));
    const events = {
      done: (what: string, detail: string) => void this.told.push(`${what} ${detail}`),
      failed: (what: string, reason: string) => void this.told.push(`failed ${what}: ${reason}`),
    };
    let draws = 0;
    this.#renewal = new Renewal(this.#site, events, () => (draws++ * 0.618) % 1);
    const { renewal } = this;
    this.#site.onChanged((change) => {
      if (change === "trust" || change === "issuer") void renewal.hurry();
    });
    this.#site.svids.want(wishes.subjects);
    await renewal.hurry();
    await renewal.settled();
    return this;
  }

  async off(): Promise<void> {
    await this.#renewal?.stop();
    this.#site?.close();
    this.#site = undefined;
  }

  /** Time goes by in steps; after each the keeper looks. */
  async pass(ms: number, stepMs: number, eachStep: () => void = () => {}): Promise<void> {
    for (const endMs = this.realMs + ms; this.realMs < endMs; ) {
      this.realMs += stepMs;
      this.renewal.tick();
      await this.renewal.settled();
      eachStep();
    }
  }

  /** Whether a peer whose clock is right and who believes this site's bundle would believe all SVIDs. */
  isBelieved(nowMs = this.realMs, by: SiteIdentity = this.site): boolean {
    const { bundle, bans } = by.trust();
    const trust = { bundles: new Map([[bundle.trustDomain, bundle]]), bans, nowMs };
    const { all, missing } = this.site.svids;
    return missing.length === 0 && all.every(({ chain }) => !isRefusal(verifyChain(chain, trust)));
  }

  remove(): void {
    rmSync(this.statePath, { recursive: true, force: true });
  }
}

/** Lets a box in, as joining does. */
export async function letIn(root: IdentityBox, box: IdentityBox): Promise<void> {
  const { node } = box;
  const challenge = new Uint8Array(randomBytes(32));
  const asked = await box.issue({ kind: "ask", trustDomain: TD, node, challenge });
  if (asked.kind !== "asked") throw new Error(JSON.stringify(asked));
  const signed = await root.site.signIssuer(node, asked.request, challenge);
  if ("refused" in signed) throw new Error(signed.refused);
  joinSite(box.store, {
    trustDomain: TD,
    node,
    root: root.site.siteTrust.bundle.roots[0]!.der,
    trustMessage: root.site.trustMessage(),
    issuer: { certificate: signed.certificate, key: asked.key },
    nowMs: box.realMs,
  });
}
