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
  /**
   * What identities of others are judged by: u64 version, u64 time in ms since 1970 on the keeper's judged clock, u32 length +
   * trust bundle (JSON), u32 length + bans (JSON). Answered by TRUST_TAKEN once every connection was judged again.
   */
  TRUST: 9,
  /**
   * One identity of this node with its key: string workload key ("" = the node itself), u8 certificates, each u32 length + DER,
   * leaf first, the root included; u32 length + PKCS #8 key. No certificates and no key: the identity is taken away.
   */
  KEYS: 10,
  /** u32 request id, string node, u32 kind, u32 length + bytes: asks a node over the tunnel; answered by PEER_REPLY. */
  PEER_SEND: 11,
  /** u32 request id, u32 status, u32 length + bytes: the answer to a PEER_REQUEST. */
  PEER_ANSWER: 12,
  /** u8 0/1: whether somebody without a certificate may ask to join at the tunnel's port. */
  JOIN_DOOR: 13,
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
  /** u64 version of TRUST: everything that it no longer holds for is closed. */
  TRUST_TAKEN: 75,
  /**
   * A message from another node: u32 request id, u8 door (index in PEER_DOORS), string node ("" at the join door), string
   * address, u32 kind, u32 length + bytes. Answered by PEER_ANSWER. At the join door the bytes are the session's keying material
   * (JOIN_KEYING_BYTES under JOIN_EXPORTER_LABEL of `identity/join-protocol.ts`, exported by the worker), then what came.
   */
  PEER_REQUEST: 76,
  /** The answer to a PEER_SEND: u32 request id, u32 status (PEER_STATUS, or what the other keeper said), u32 length + bytes. */
  PEER_REPLY: 77,
  /** A tunnel came up or went down: string node, u8 direction (index in TUNNEL_DIRECTIONS), u8 up, string address, string reason. */
  TUNNEL: 78,
  /** Somebody was not believed, for the audit log: string node ("" = unknown), string address, string reason, string detail. */
  REFUSED: 79,
} as const;

/** Longest message between two keepers. Reason: a bundle of two roots and 1,024 bans, 64 issuers, and who says so. */
export const PEER_MESSAGE_BYTES_MAX = 176 * 1024;

/** Ways by which a message from elsewhere comes; the order is that of the wire. tunnel: its node is proven. join: nobody is. */
export const PEER_DOORS = ["tunnel", "join"] as const;

/** Who dialed; the order is that of the wire. */
export const TUNNEL_DIRECTIONS = ["dialer", "listener"] as const;

/** What became of a message to another node, where it is not what the other keeper said (200 and above). */
export const PEER_STATUS = { OK: 0, NOT_CONNECTED: 1, TIMED_OUT: 2, REFUSED: 3, MALFORMED: 4, BUSY: 5 } as const;

/** Number in HELLO. A worker with another one is not talked to. */
export const CHANNEL_PROTOCOL = 2;

/** Chunks the keeper sends before it waits for METRICS_MORE. Reason: four of 64 KiB hide the way there and back. */
export const METRICS_CHUNKS_AHEAD = 4;

/** Position = number on the wire and in records; from none to the strongest. Append only. `mtls`: proven by the caller's node. */
export const STRENGTHS = ["none", "address", "tree", "uid", "cgroup", "mtls"] as const;
