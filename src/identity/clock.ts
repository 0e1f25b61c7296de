/**
 * What time it is, for certificates, on a box whose clock may wake in 1970, be set by anybody on its network, or jump.
 *
 * Two things are known better than the wall clock: that time goes on as the monotonic clock says, and that it is not earlier than
 * the floor. The floor is persisted; it rises with monotonic time and with what authenticated peers vouch for, never with the
 * wall clock, so one spoofed jump ends when the spoofing does. A wall clock below the floor, or beyond the life of our own root,
 * is not believed. Another jump is believed only after certificates for the new time are there: see `pendingNowMs`.
 *
 * Values, no clock: wall and monotonic time are handed in, in ms; connections and leases count the monotonic one alone.
 */

/** Difference from which on a change of the wall clock is a jump: 5 minutes. Half of what certificates are backdated. */
export const CLOCK_JUMP_MS = 5 * 60_000;

/** Both clocks of the machine, read together. The monotonic one should go on while the machine sleeps (CLOCK_BOOTTIME). */
export interface ClockReading {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** State of the clock; every change makes a new one. */
export interface Clock {
  /** The floor as it was at `floorAtMs` of monotonic time. */
  readonly floorMs: number;
  readonly floorAtMs: number;
  /** Wall minus monotonic time, as followed. */
  readonly offsetMs: number;
  /** The offset when the clock was started or last switched; small changes add up to a jump too. */
  readonly anchorMs: number;
  /** The offset of a jump that is not followed yet. */
  readonly pendingMs: number | null;
  /** Why the wall clock is not followed, where it is not. */
  readonly disbelief: "below_floor" | "beyond_root" | null;
  /** End of our own root: no later time can be right. */
  readonly latestMs: number;
}

/** What a start knows. */
export interface ClockStart extends ClockReading {
  /** The persisted floor, or when this program was built where that is later or there is none. */
  readonly floorMs: number;
  /** End of the root; `Number.MAX_SAFE_INTEGER` where there is none yet. */
  readonly latestMs: number;
}

/** Starts the clock: at the wall's time where that can be right, else at the floor. */
export function startClock({ floorMs, latestMs, wallMs, monotonicMs }: ClockStart): Clock {
  const disbelief = disbeliefIn(wallMs, floorMs, latestMs);
  const offsetMs = (disbelief === null ? wallMs : floorMs) - monotonicMs;
  const floor = { floorMs, floorAtMs: monotonicMs };
  return { ...floor, offsetMs, anchorMs: offsetMs, pendingMs: null, disbelief, latestMs };
}

function disbeliefIn(wallMs: number, floorMs: number, latestMs: number): Clock["disbelief"] {
  if (!(wallMs >= floorMs)) return "below_floor";
  return wallMs <= latestMs ? null : "beyond_root";
}

/** The floor now: what is to be persisted. */
export function floorNowMs(clock: Clock, monotonicMs: number): number {
  return clock.floorMs + Math.max(0, monotonicMs - clock.floorAtMs);
}

/** The time by which certificates are judged. */
export function clockNowMs(clock: Clock, monotonicMs: number): number {
  return Math.max(floorNowMs(clock, monotonicMs), monotonicMs + clock.offsetMs);
}

/** The time after a jump that waits for certificates, or `null`. Certificates are made for it first, then `switchClock` follows. */
export function pendingNowMs(clock: Clock, monotonicMs: number): number | null {
  return clock.pendingMs === null ? null : Math.max(floorNowMs(clock, monotonicMs), monotonicMs + clock.pendingMs);
}

/** Takes in a reading: drift is followed, a jump becomes pending, what cannot be right is held against the monotonic clock. */
export function readClock(clock: Clock, { wallMs, monotonicMs }: ClockReading): Clock {
  const disbelief = disbeliefIn(wallMs, floorNowMs(clock, monotonicMs), clock.latestMs);
  if (disbelief !== null) return { ...clock, pendingMs: null, disbelief };
  const offsetMs = wallMs - monotonicMs;
  const isDrift = Math.abs(offsetMs - clock.anchorMs) <= CLOCK_JUMP_MS;
  return isDrift
    ? { ...clock, offsetMs, pendingMs: null, disbelief: null }
    : { ...clock, pendingMs: offsetMs, disbelief: null };
}

/** Follows the jump that was pending. Without one nothing changes. */
export function switchClock(clock: Clock): Clock {
  const { pendingMs } = clock;
  return pendingMs === null ? clock : { ...clock, offsetMs: pendingMs, anchorMs: pendingMs, pendingMs: null };
}

/**
 * Takes in the floor that an authenticated peer vouches for. `issuerNotAfterMs`, the end of that peer's issuer, bounds it: a
 * stolen node can push time ahead only within what the root's node once signed, and that wears off.
 */
export function vouchFloor(clock: Clock, monotonicMs: number, vouchedMs: number, issuerNotAfterMs: number): Clock {
  const floorMs = floorNowMs(clock, monotonicMs);
  const isBelieved = vouchedMs > floorMs && vouchedMs <= Math.min(issuerNotAfterMs, clock.latestMs);
  return isBelieved ? { ...clock, floorMs: vouchedMs, floorAtMs: monotonicMs } : clock;
}
