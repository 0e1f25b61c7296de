import { type BanList, NO_BANS, parseBans } from "../../identity/bans.ts";
import { parseBundle, type TrustBundle } from "../../identity/bundle.ts";
import { CLOCK_JUMP_MS } from "../../identity/clock.ts";
import { KnownCertificates } from "../../identity/known-certificates.ts";
import type { Trust } from "../../identity/verify.ts";

/** What a TRUST frame says. */
export interface TrustFrame {
  readonly version: number;
  /** Milliseconds since 1970 on the keeper's judged clock. */
  readonly nowMs: number;
  readonly bundle: Uint8Array;
  readonly bans: Uint8Array;
}

const NO_BUNDLES: ReadonlyMap<string, TrustBundle> = new Map();

/** What others are judged by: bundle, bans and the keeper's time, which goes on with the monotonic clock. Without any, nobody is believed. */
export class TunnelTrust {
  readonly #monotonicMs: () => number;
  readonly #wallMs: () => number;
  #bundleText = "";
  #bansText = "";
  #trustDomain = "";
  #bundles = NO_BUNDLES;
  #bans: BanList = NO_BANS;
  readonly #known = new KnownCertificates();
  #nowMs = Number.NaN;
  #atMs = 0;
  /** Of the last frame; -1 before the first. */
  version = -1;
  /** Raised whenever roots are others than before. */
  rootsEpoch = 0;
  /** Why there is nothing to judge by although something came; `""` = all is well. */
  problem = "";

  /** @param monotonicMs a clock that only goes forward. @param wallMs the machine's clock, which TLS judges by. */
  constructor(monotonicMs: () => number, wallMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#wallMs = wallMs;
  }

  /** Takes a frame over. What cannot be read is as if nobody was believed. */
  take({ version, nowMs, bundle, bans }: TrustFrame): void {
    this.version = version;
    this.#nowMs = nowMs;
    this.#atMs = this.#monotonicMs();
    const decoder = new TextDecoder();
    const bundleText = decoder.decode(bundle);
    const bansText = decoder.decode(bans);
    if (bundleText === this.#bundleText && bansText === this.#bansText) return;
    if (bundleText !== this.#bundleText) this.rootsEpoch++;
    this.#bundleText = bundleText;
    this.#bansText = bansText;
    this.#read();
  }

  /** The documents name this trust domain: a bundle does not say whose it is. */
  follow(trustDomain: string): void {
    if (trustDomain === this.#trustDomain) return;
    this.#trustDomain = trustDomain;
    this.rootsEpoch++;
    this.#read();
  }

  /** The judged time; no number before the first frame. */
  nowMs(): number {
    return this.#nowMs + this.#monotonicMs() - this.#atMs;
  }

  /**
   * Whether the machine's clock is so far from the judged time that the runtime, which knows no other, would take good certificates
   * for expired or for not valid yet: as on a box that woke in 1970.
   */
  get isWallDoubted(): boolean {
    return Math.abs(this.nowMs() - this.#wallMs()) > CLOCK_JUMP_MS;
  }

  /** To judge by, now. */
  get trust(): Trust {
    return { bundles: this.#bundles, bans: this.#bans, nowMs: this.nowMs(), known: this.#known };
  }

  /** DER of the roots that are believed. */
  get roots(): readonly Uint8Array[] {
    return (this.#bundles.get(this.#trustDomain)?.roots ?? []).map(({ der }) => der);
  }

  #read(): void {
    this.#bundles = NO_BUNDLES;
    this.#bans = NO_BANS;
    this.problem = "";
    if (this.#bundleText === "" || this.#trustDomain === "") return;
    const bundle = parseBundle(this.#bundleText, this.#trustDomain);
    const bans = this.#bansText === "" ? NO_BANS : parseBans(this.#bansText);
    if (typeof bundle === "string") this.problem = bundle;
    // Without knowing who is banned nobody can be let in.
    else if (bans === undefined) this.problem = "bans_form";
    else {
      this.#bundles = new Map([[this.#trustDomain, bundle]]);
      this.#bans = bans;
    }
  }
}
