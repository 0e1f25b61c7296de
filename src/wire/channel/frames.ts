/**
 * The frames between keeper and worker, over one stream socket per worker. Each side treats the other's bytes as hostile:
 * fixed layouts, every length checked before it is used, and nothing that is not listed here.
 *
 * Frame: u32 little-endian payload length, u8 type, payload. Strings are u16 length + UTF-8. Integers little-endian.
 */

/** Longest payload; a longer one ends the channel. */
export const FRAME_BYTES_MAX = 256 * 1024;

export const TO_WORKER = {
  /** u64 generation, u8 mode (0 full, 1 delta), u64 base generation (delta), u32 records that follow. */
  SNAPSHOT_BEGIN: 1,
  /**
   * Lines: `{...record}\n`; in a delta also `{"delete":"key"}\n`. A line may go on in the next frame of this type, since a
   * record can be longer than a frame: read them through `LineAssembler`.
   */
  SNAPSHOT_LINES: 2,
  /** u64 generation. */
  SNAPSHOT_END: 3,
  /** u32 request id, u8 strength (index in STRENGTHS), string workload key ("" = none). */
  ATTEST_REPLY: 4,
  /** u32 request id, u8 last, bytes of text. At most METRICS_CHUNKS_AHEAD go out ahead of METRICS_MORE. */
  METRICS_CHUNK: 5,
  /** u32 grace in ms: stop accepting, finish what is under way, answer DRAINED, exit. */
  DRAIN: 6,
  /** u32 number of registered runs: the worker asks ATTEST for unmatched callers only while there are some. */
  RUNS: 7,
  /** u64 sampling of `tap`: u8 on/off. While on, every request goes to the record ring. */
  TAP: 8,
} as const;

export const TO_KEEPER = {
  /** u32 protocol, u32 pid. */
  HELLO: 65,
  /** u64 generation: every new request is served by it from now on. */
  ACK: 66,
  /** u64 generation, string reason: it was not taken up; the one before still serves. */
  NACK: 67,
  /** u32 request id, u8 side (0 caller, 1 listener), u32 uid, u64 inode, u64 cgroup id. */
  ATTEST: 68,
  /** u32 request id: somebody GETs /metrics. */
  METRICS: 69,
  /** string listener key, u32 port (0 = failed), u32 errno, string message. */
  LISTENING: 70,
  /** All listeners of the last generation were tried. u64 generation. */
  READY: 71,
  /** u32 streams cut at the deadline. */
  DRAINED: 72,
  /** string endpoint (`workload key|address`), u8 state (0 up, 1 down, 2 listener mismatch), string reason. */
  ENDPOINT: 73,
  /**
   * u32 request id, u8 cancelled. 0: one more METRICS_CHUNK was taken by whoever scrapes (one frame for each chunk);
   * 1: the scraper is gone, send no more.
   */
  METRICS_MORE: 74,
} as const;

/** Number in HELLO. A worker with another one is not talked to. */
export const CHANNEL_PROTOCOL = 1;

/** Chunks the keeper sends before it waits for METRICS_MORE. Reason: four of 64 KiB hide the way there and back. */
export const METRICS_CHUNKS_AHEAD = 4;

/** Position = number on the wire; from none to the strongest. */
export const STRENGTHS = ["none", "address", "tree", "uid", "cgroup"] as const;
