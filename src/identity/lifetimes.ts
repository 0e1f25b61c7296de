/** How long certificates live, in ms. Decided once, for issuing and for schedules. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A site root: 10 years. Reason: longer than the boxes, short enough that its rotation is not forgotten. */
export const ROOT_LIFE_MS = 3_653 * DAY_MS;

/** A node issuer: 45 days. Reason: a node that meets the root's node once in three weeks always has three weeks in reserve. */
export const ISSUER_LIFE_MS = 45 * DAY_MS;

/** An SVID: 24 hours. Reason: what is stolen with a worker ends within a day, and half a day is enough for renewing. */
export const SVID_LIFE_MS = 24 * HOUR_MS;

/**
 * How far before its making a certificate begins: 10 minutes. Reason: clocks on one site differ, and one that jumps by more than
 * five minutes is noticed.
 */
export const BACKDATE_MS = 10 * 60_000;
