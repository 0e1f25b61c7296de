import type { Certificate } from "../../identity/certificate.ts";
import {
  type Clock,
  type ClockReading,
  clockNowMs,
  floorNowMs,
  pendingNowMs,
  readClock,
  startClock,
  switchClock,
  vouchFloor,
} from "../../identity/clock.ts";
import { BACKDATE_MS } from "../../identity/lifetimes.ts";
import { CLOCK_FILE } from "./identity-files.ts";
import type { IdentityStore } from "./identity-store.ts";

/** No certificate of ours was ever made before: 1 November 2026. The floor of a box that has none. */
export const EARLIEST_MS = Date.UTC(2026, 10, 1);

/** Between two writings of the floor. Reason: what a crash loses of it; more often would wear out a memory card. */
export const FLOOR_WRITE_MS = 3_600_000;

/** What time it was for whoever made a certificate of ours. */
export function madeAtMs(certificate: Pick<Certificate, "notBeforeMs">): number {
  return certificate.notBeforeMs + BACKDATE_MS;
}

/** The clock that certificates of one site are judged by, with its floor on disk; see `identity/clock.ts`. */
export class SiteClock {
  readonly #store: IdentityStore;
  readonly #clocks: () => ClockReading;
  #clock: Clock;
  #writtenAtMs: number;

  /** Reads the floor; one that cannot be read counts as none. @param latestMs end of the root. */
  constructor(store: IdentityStore, clocks: () => ClockReading, latestMs: number) {
    this.#store = store;
    this.#clocks = clocks;
    const stored = store.read(CLOCK_FILE);
    const floorMs = Math.max(EARLIEST_MS, stored.state === "good" ? stored.value.floorMs : 0);
    const reading = clocks();
    this.#clock = startClock({ floorMs, latestMs, ...reading });
    this.#writtenAtMs = reading.monotonicMs;
  }

  /** Whole ms since 1970, as certificates are judged. */
  get nowMs(): number {
    return Math.floor(clockNowMs(this.#clock, this.#clocks().monotonicMs));
  }

  /** ms of a clock that only goes forward. */
  get monotonicMs(): number {
    return this.#clocks().monotonicMs;
  }

  /** The time of a jump that waits for certificates, or `null`. */
  get pendingMs(): number | null {
    const pendingMs = pendingNowMs(this.#clock, this.#clocks().monotonicMs);
    return pendingMs === null ? null : Math.floor(pendingMs);
  }

  get disbelief(): Clock["disbelief"] {
    return this.#clock.disbelief;
  }

  get floorMs(): number {
    return Math.floor(floorNowMs(this.#clock, this.#clocks().monotonicMs));
  }

  /** Takes in what the machine's clocks say now; writes the floor down once an hour. */
  read(): void {
    const reading = this.#clocks();
    this.#clock = readClock(this.#clock, reading);
    if (reading.monotonicMs - this.#writtenAtMs >= FLOOR_WRITE_MS) this.write();
  }

  /** Follows the jump that waited. */
  follow(): void {
    this.#clock = switchClock(this.#clock);
  }

  /** The root has changed. */
  setLatest(latestMs: number): void {
    this.#clock = { ...this.#clock, latestMs };
  }

  /** An authenticated node says what its floor is. @param issuerNotAfterMs end of its issuer. */
  vouch(vouchedMs: number, issuerNotAfterMs: number): void {
    this.#clock = vouchFloor(this.#clock, this.monotonicMs, vouchedMs, issuerNotAfterMs);
  }

  /** Writes the floor down. A disk that refuses costs no more than the time since the last writing. */
  write(): void {
    this.#writtenAtMs = this.monotonicMs;
    try {
      this.#store.write(CLOCK_FILE, { floorMs: this.floorMs });
    } catch {
      // What else stands on this disk says so itself.
    }
  }
}
