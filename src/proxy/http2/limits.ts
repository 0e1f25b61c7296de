/** Bounds of the proxy's HTTP/2, besides those of the protocol in `wire/http2/limits.ts`. */

/** Bytes that one stream may hold for sending before its feeder is told to stop. Reason: what leaves in one turn of the loop. */
export const STREAM_QUEUE_BYTES_MAX = 64 * 1024;

/** At this many left its feeder is told to go on. Reason: more arrives before these have left. */
export const STREAM_QUEUE_BYTES_LOW = 16 * 1024;

/** What a stream with little to send sends before it is another one's turn. Reason: one frame of the size that every peer takes. */
export const QUANTUM_BYTES = 16 * 1024;

/**
 * Content in the output of a connection. Reason: a head that comes after it waits for no more than this; and encrypted it is still one
 * packet of the largest size that a kernel takes (64 KiB with its headers), where a little more is two of them: a tenth of a relay's CPU.
 */
export const OUTPUT_CONTENT_BYTES_MAX = 60 * 1024;

/** What a stream with more to send sends in its turn. Reason: one frame of it is one write at the other end of a tunnel, which costs as much for less. */
export const BULK_QUANTUM_BYTES = OUTPUT_CONTENT_BYTES_MAX;

/** What those with little to send come first with, before one with more has a turn. Reason: as much for either. */
export const BRIEF_BYTES_PER_BULK = BULK_QUANTUM_BYTES;

/** Content is not cut for want of room into a piece that is smaller than this. Reason: room comes at once, and any piece is a write at the other end. */
export const PIECE_BYTES_MIN = 4 * 1024;

/** A piece of content that is smaller than this part of the memory it stands in is copied when it has to wait. Reason: it would keep all of it. */
export const SLIM_SHARE = 4;

/** The peer's settings must have come this long after the connection was there. Reason: they are the first thing a peer says. */
export const SETTINGS_TIMEOUT_MS = 5_000;

/** A connection to an endpoint without a stream is closed after this. Reason: unlike HTTP/1.1, both ends can say so without losing a request. */
export const ENDPOINT_LINK_IDLE_MS = 60_000;

/** Silence after which an endpoint with open streams is asked for a sign of life, and how long it has to answer. */
export const ENDPOINT_PING_AFTER_MS = 30_000;
export const ENDPOINT_PONG_TIMEOUT_MS = 10_000;

/** From the first GOAWAY of a drain to the one that names the last stream. Reason: a round trip, in which requests are still on their way. */
export const DRAIN_NOTICE_MS = 1_000;

/**
 * Receive windows of connections that many receivers share: to endpoints, and between nodes. The stream's is what one that does not
 * read may make us hold. The connection's is opened as bytes come, and bounds what is on its way: whatever is sent next waits behind
 * it where the receiving side is the slower one. Reason: 8 ms at a gigabit, and 160 Mbit/s where the way there and back takes 50 ms.
 */
export const SHARED_STREAM_WINDOW_BYTES = 64 * 1024;
export const SHARED_CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** A stream whose receiver keeps up gets twice the window, up to this. Reason: a part of the connection's, and all that one is sent while both sides have a turn. */
export const WIDE_STREAM_WINDOW_BYTES = 256 * 1024;
/** What streams may have beyond their first window, those of one receiver and all; beyond it windows stay as they are. Reason: all of it may be held once receivers stop. */
export const WIDE_BYTES_OF_ONE_MAX = 4 * 1024 * 1024;
export const WIDE_BYTES_MAX = 16 * 1024 * 1024;

/** What the kernel takes of a tunnel beyond what is on its way. Reason: what is sent next waits behind it, a millisecond at a gigabit. */
export const TUNNEL_UNSENT_BYTES = 128 * 1024;

/** What a worker holds for slow receivers. Reason: three hundred that do not read, and all that is wide. */
export const BACKLOG_BYTES_MAX = 40 * 1024 * 1024;
/** So much is left when there was too much. Reason: looking for whom to reset costs as much for one as for many. */
export const BACKLOG_BYTES_KEPT = 38 * 1024 * 1024;
/** A connection that holds less is not asked about. Reason: that is so nearly always. */
export const BACKLOG_UNWATCHED_BYTES = 256 * 1024;

/**
 * Requests that are begun, and given-up ones that are ended, in one turn of the loop, those of all connections together. Reason: 2 ms
 * at most, which is what all others wait.
 */
export const WORK_PER_TURN_MAX = 16;
/** Of these, requests that a connection which had nothing to wait for may begin in any case. Reason: who asks for little waits for nobody. */
export const BEGUN_AT_ONCE_MAX = 2;

/** Streams of a caller that has cancelled too much, reset on one connection before that is ended; on one that such a caller opens, none. Reason: what it had sent already. */
export const CALMED_STREAMS_MAX = 64;

/** Stream objects that a worker keeps for the next requests. Reason: making one costs as much as the request; each keeps 8 KB; the streams of one connection. */
export const SPARE_STREAMS_MAX = 128;

/** Connections to one endpoint. Reason: one is enough for a hundred streams, and an endpoint that allows none must not get one for each request. */
export const ENDPOINT_LINKS_MAX = 16;

/** Number of a stream above which a connection is given up for another. Reason: numbers end at 2^31 and are never used again (RFC 9113 5.1.1). */
export const STREAM_ID_WORN = 0x6000_0000;
