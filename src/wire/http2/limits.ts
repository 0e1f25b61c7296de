/**
 * Bounds of an HTTP/2 connection. Sizes first; then what a peer may make us do for nothing, as budgets that refill with
 * time. Whatever crosses a budget ends the connection with ENHANCE_YOUR_CALM.
 */
import { ENTRY_OVERHEAD_BYTES } from "../hpack/limits.ts";
import type { ListBounds } from "../hpack/list-bounds.ts";
import { HEAD_BYTES_MAX, HEADER_LINES_MAX } from "../http1/head.ts";

/** Largest payload that is read; the setting is raised for DATA at most. Reason: RFC 9113 asks for this much, and a frame held back costs it. */
export const FRAME_BYTES_MAX = 16_384;
/**
 * The same of DATA on a tunnel, which is handed on as it comes. Reason: a whole turn's content in one frame is one write at the other
 * node. The setting says nothing of other frames: ours are never larger, and only our own nodes are there.
 */
export const TUNNEL_DATA_FRAME_BYTES_MAX = 64 * 1024;

/** CONTINUATION frames of one block. Reason: a block of the largest size needs three full ones; some peers cut smaller. */
export const CONTINUATIONS_MAX = 16;

/**
 * What the mesh itself adds to a head that another node is sent: lines, and bytes. Reason: handle, pin, series and number of ids,
 * client's address and scheme, traceparent and request id, with names; 2.5 KB with the longest pin.
 */
export const MESH_LINES_MAX = 16;
export const MESH_BYTES_MAX = 4 * 1024;

/** The same of an answer, which the endpoint's node edits. Reason: a rule's filter and its backend's add up to 32 lines each. */
export const EDITED_LINES_MAX = 64;
export const EDITED_BYTES_MAX = 8 * 1024;

/** Pseudo-header fields of a list. */
const PSEUDO_FIELDS_MAX = 5;

/**
 * Lists on a tunnel: whatever head of HTTP/1.1 or HTTP/2 a listener takes fits, with what the mesh adds; so the bounds of HTTP/1.1,
 * which knows no surcharge for a line, and room on top.
 */
export const TUNNEL_REQUEST_BOUNDS: ListBounds = boundsOf(MESH_LINES_MAX, MESH_BYTES_MAX);
export const TUNNEL_ANSWER_BOUNDS: ListBounds = boundsOf(
  MESH_LINES_MAX + EDITED_LINES_MAX,
  MESH_BYTES_MAX + EDITED_BYTES_MAX,
);

function boundsOf(moreLines: number, moreBytes: number): ListBounds {
  const lines = HEADER_LINES_MAX + moreLines;
  const fields = lines + PSEUDO_FIELDS_MAX;
  return { lines, fields, listBytes: HEAD_BYTES_MAX + moreBytes + fields * ENTRY_OVERHEAD_BYTES };
}

/** Streams a peer may have open, by default. Reason: what browsers and gRPC clients expect, times a head and a window each. */
export const STREAMS_DEFAULT = 128;
/** The same on a tunnel. Reason: one tunnel carries all calls of one node to another. */
export const TUNNEL_STREAMS_DEFAULT = 4096;

/** Budgets of a tunnel, in those of an ordinary peer. Reason: one caller that cancels all the time must not end the tunnel of its node. */
export const TUNNEL_BUDGET_FACTOR = 64;

/** Receive window of a stream: the bound on what is held for it. */
export const STREAM_WINDOW_BYTES_DEFAULT = 256 * 1024;
/** Receive window of the connection. Reason: four full streams; more of them share it. */
export const CONNECTION_WINDOW_BYTES_DEFAULT = 1024 * 1024;

/** A window is opened again once this part of it was passed on. Reason: one small frame for every half window. */
export const CREDIT_SHARE = 2;

/** Streams we reset whose frames may still be under way. Reason: at least what BUDGET.RESETS_CAUSED and a full window of streams allow. */
export const RECENT_RESETS_MAX = 512;

/** Jumps in stream numbers that are remembered, to tell a stream that was closed from one that never was. */
export const GAPS_MAX = 8;

/** Interim answers to one request. Reason: RFC 9110 15.2 sets none; early hints come once or twice. */
export const INTERIM_ANSWERS_MAX = 16;

/** Entries in one SETTINGS frame. Reason: there are seven settings; some peers add a few unknown ones. */
export const SETTINGS_ENTRIES_MAX = 64;

/** Bytes that may wait to be written. Reason: a flush of one loop turn; a peer that reads slower is left waiting. */
export const OUTPUT_BYTES_MAX = 256 * 1024;
/** Of these, kept for control frames. Reason: replies to what may arrive in one turn, resets of all streams. */
export const CONTROL_RESERVE_BYTES = 16 * 1024;

/** SETTINGS of ours that were not acknowledged yet. Reason: sent once, and once more if ever changed. */
export const UNACKED_SETTINGS_MAX = 2;

/** What is counted per connection. */
export const BUDGET = {
  /** Streams that the peer opens and resets (rapid reset). */
  RESETS: 0,
  /** Streams that we had to reset because of what the peer sent (MadeYouReset). */
  RESETS_CAUSED: 1,
  /** Streams above the limit that was announced. */
  REFUSED_STREAMS: 2,
  SETTINGS: 3,
  PINGS: 4,
  /** DATA without content that ends nothing, and frames of padding alone. */
  EMPTY_DATA: 5,
  /** HEADERS and CONTINUATION with an empty fragment. */
  EMPTY_HEADERS: 6,
  WINDOW_UPDATES: 7,
  /** PRIORITY and frames of unknown types. */
  IGNORED_FRAMES: 8,
  /** Header lists above the limits (header bombs). */
  OVERSIZED_HEADS: 9,
} as const;

/**
 * Unlimited where we are the client: there is one answer to each of our requests, and who asks for those that are malformed or
 * too large is any caller, while the connection is that of all.
 */
export const ANSWER_BUDGETS: readonly number[] = [BUDGET.RESETS_CAUSED, BUDGET.OVERSIZED_HEADS];

/** Unlimited where another node is the client: any caller there can send a head that is too large once its node has added its lines. */
export const CARRIED_BUDGETS: readonly number[] = [BUDGET.OVERSIZED_HEADS];

/** One budget: how many at once, how many more per second, and how many for each piece of work done for the peer. */
export interface BudgetRow {
  readonly name: string;
  readonly burst: number;
  readonly perSecond: number;
  /** Given back for each DATA or HEADERS frame that is read or written with content. */
  readonly perUsefulFrame: number;
}

/** Position = BUDGET. */
export const BUDGETS: readonly BudgetRow[] = [
  // gRPC clients cancel on deadlines; a thousand streams that nobody waits for in a few seconds are an attack.
  { name: "resets", burst: 500, perSecond: 50, perUsefulFrame: 0 },
  // An honest peer causes none.
  { name: "resets-caused", burst: 100, perSecond: 5, perUsefulFrame: 0 },
  // A peer may open some before it has read our settings.
  { name: "refused-streams", burst: 500, perSecond: 50, perUsefulFrame: 0 },
  { name: "settings", burst: 16, perSecond: 1, perUsefulFrame: 0 },
  // gRPC measures bandwidth with a ping for every few DATA frames.
  { name: "pings", burst: 64, perSecond: 4, perUsefulFrame: 1 },
  { name: "empty-data", burst: 64, perSecond: 4, perUsefulFrame: 0 },
  { name: "empty-headers", burst: 16, perSecond: 1, perUsefulFrame: 0 },
  // Two for every DATA frame that was sent is common: one for the stream, one for the connection.
  { name: "window-updates", burst: 1024, perSecond: 64, perUsefulFrame: 3 },
  { name: "ignored-frames", burst: 256, perSecond: 16, perUsefulFrame: 1 },
  { name: "oversized-heads", burst: 16, perSecond: 1, perUsefulFrame: 0 },
];
