import type { IdentityKind } from "../../telemetry/fixed-metrics.ts";
import { issue } from "../ca/issue-child.ts";
import { describeIdentity, type IdentityDescription } from "./describe-identity.ts";
import type { IdentityEvent, IdentityOptions } from "./identity-options.ts";
import { IdentityStore } from "./identity-store.ts";
import { machineClocks } from "./machine-clocks.ts";
import { openSite } from "./open-site.ts";
import { Renewal } from "./renewal.ts";
import type { IdentityChange, IdentityHost, SiteIdentity } from "./site-identity.ts";
import type { SiteWishes } from "./site-wishes.ts";
import { type IdentityWorker, WorkerTrust } from "./worker-trust.ts";

/** What a running identity acts through. */
export interface LiveHost {
  readonly statePath: string;
  readonly options: IdentityOptions;
  readonly workers: () => readonly IdentityWorker[];
  readonly tell: (what: IdentityEvent["what"], detail: string) => void;
  /** When the first certificate of each kind ends, ms since 1970; 0 = there is none. */
  readonly expiries: (ends: Readonly<Record<IdentityKind, number>>) => void;
}

/** A node's identity while its keeper runs: certificates are kept alive, workers told. */
export class LiveIdentity {
  readonly site: SiteIdentity;
  readonly renewal: Renewal;
  readonly workers: WorkerTrust;

  private constructor(site: SiteIdentity, host: LiveHost) {
    this.site = site;
    this.workers = new WorkerTrust(site, host.workers);
    this.renewal = new Renewal(
      site,
      {
        done: (what, detail) => host.tell(what, detail),
        failed: (what, reason) => host.tell("failed", `${what}: ${reason}`),
      },
      Math.random,
    );
    site.onChanged((change) => this.#changed(change, host));
  }

  /** Opens or founds the identity. Rejects with IdentityStoreError that says why there is none. */
  static async open(host: LiveHost, wishes: SiteWishes): Promise<LiveIdentity> {
    const live = new LiveIdentity(await openSite(identityHost(host), wishes, host.tell), host);
    live.use(wishes);
    for (const worker of host.workers()) live.workers.greet(worker);
    host.expiries(live.#ends);
    return live;
  }

  /** Other workloads; what they need is made in the background. */
  use({ subjects }: SiteWishes): void {
    const gone = this.site.svids.want(subjects);
    if (gone.length > 0) this.workers.pushKeys();
    void this.renewal.hurry();
  }

  /** Whether there is everything that other nodes are met with. */
  get isReady(): boolean {
    return this.site.svids.get("") !== undefined && this.site.svids.missing.length === 0;
  }

  /**
   * Whether this node's issuer has ended: no other node believes it any more, and the root's node only at its join door, where the
   * issuer's key may ask for another one.
   */
  get isOver(): boolean {
    const issuer = this.site.issuerCertificate();
    return !this.site.holdsRoot && issuer !== undefined && this.site.nowMs() > issuer.notAfterMs;
  }

  /** Everything that operators ask for. */
  describe(): IdentityDescription {
    return describeIdentity(this.site, this.renewal);
  }

  /** Makes anew what an operator asks for. Answers why not, or `undefined`. Rejects with IdentityStoreError. */
  rotate(what: "svids" | "issuer" | "root", isCompromised: boolean): Promise<string | undefined> {
    return this.renewal.rotate(what, isCompromised);
  }

  tick(): void {
    this.renewal.tick();
  }

  /** Workers lose their keys; nothing is renewed any more. */
  async close(): Promise<void> {
    this.workers.withdraw();
    await this.renewal.stop();
    this.site.close();
  }

  get #ends(): Readonly<Record<IdentityKind, number>> {
    const svids = this.site.svids.all.map(({ certificate }) => certificate.notAfterMs);
    return {
      root: Math.min(...this.site.siteTrust.bundle.roots.map((root) => root.notAfterMs)),
      issuer: this.site.issuerCertificate()?.notAfterMs ?? 0,
      svid: svids.length === 0 ? 0 : Math.min(...svids),
    };
  }

  #changed(change: IdentityChange, host: LiveHost): void {
    host.expiries(this.#ends);
    if (change === "trust" || change === "clock") this.workers.pushTrust();
    if (change === "svids") this.workers.pushKeys();
    if (change === "trust") {
      host.tell("trust_changed", `bundle ${this.site.siteTrust.bundle.sequence}`);
      void this.renewal.hurry();
    }
    // What an old issuer signed is renewed with the new one, so that the old one is not needed any more.
    if (change === "issuer") void this.renewal.hurry();
  }
}

/** What the identity of a state directory acts through. */
export function identityHost({ statePath, options }: Pick<LiveHost, "statePath" | "options">): IdentityHost {
  return {
    store: new IdentityStore(statePath, options.env),
    issue: (request) => issue(options.issueProgram, request),
    clocks: options.clocks ?? machineClocks,
  };
}
