/**
 * Every bound of the data path that is not the parser's (`wire/http1/head.ts`): name, default, reason. Reaching one is
 * counted in `selvedge_limit_exceeded_total{limit=…}`.
 */

/** A head must be complete this long after its first byte; else 408. Reason: a phone on a bad link needs two round trips, a slowloris needs for ever. */
export const HEAD_TIMEOUT_MS = 10_000;

/** A frame of HTTP/2 must be complete this long after its first byte. Reason: the largest takes 3 s at 56 kbit/s; one that drips would take for ever. */
export const FRAME_TIMEOUT_MS = 30_000;

/**
 * Requests that one caller by HTTP/2 may cancel before they are answered: at once, and per second from then on. Beyond it, it may begin
 * none. Reason: at an endpoint that speaks HTTP/1.1 each costs a connection, some 0.2 ms in all, so 1 % of a core; at once, all that a
 * busy caller has under way when it ends. Deadlines and hedging cancel fewer, or late.
 */
export const CANCELLATIONS_AT_ONCE = 500;
export const CANCELLATIONS_PER_SECOND = 50;

/** So many more count against it, which had been begun before: it waits as long as they take to be allowed. Reason: 20 s, after which it is another matter. */
export const CANCELLATIONS_OWED_MAX = 1_000;

/** What one counts where no connection was lost by it. Reason: it costs what a request does that is answered. */
export const CANCELLATION_SHARE = 0.1;

/**
 * What one counts that was given up no sooner than this after it was begun. Reason: that is how a time-out looks at an endpoint that
 * hangs, for which nobody should lose his other calls; whoever would attack so has to hold as many streams for as long.
 */
export const LATE_CANCELLATION_SHARE = 0.25;
export const LATE_CANCELLATION_MS = 1_000;

/** A caller that has cancelled too much is answered, and that is recorded, once in this time; beyond it streams are reset. Reason: a record costs more than what it tells of. */
export const CANCELLER_TOLD_EVERY_MS = 100;

/** Callers whose cancellations are remembered. Reason: 200 bytes each; those at a Gateway are told apart by address. */
export const CANCELLERS_MAX = 1024;

/** A keep-alive connection may wait this long for its next request. Reason: below the 2 minutes of common NATs and clients. */
export const IDLE_TIMEOUT_MS = 90_000;

/** While the worker drains, a keep-alive connection is closed when it has been quiet this long. Reason: a caller that is busy sends its next request sooner, and is told with the answer. */
export const DRAIN_QUIET_MS = 1_000;

/** A stream in which no byte moves in either direction this long is ended (SI, or UT before the answer began). Reason: long polls take 60 s, event streams send a comment every 15 to 120 s. */
export const STREAM_IDLE_MS = 300_000;

/** A tunnel (CONNECT, TCP, WebSocket) in which no byte moves this long is closed. Reason: Envoy's default for TCP. */
export const TUNNEL_IDLE_MS = 3_600_000;

/** A connection to an endpoint must be established this long after it was begun; `DestinationRule` can change it. Reason: the endpoint is on this machine or its LAN. */
export const CONNECT_TIMEOUT_MS = 1_000;

/** Outside the mesh the way is longer. */
export const CONNECT_TIMEOUT_EXTERNAL_MS = 5_000;

/** An idle connection to an endpoint is closed after this. Reason: below the 5 s after which a Node server closes its side. */
export const UPSTREAM_IDLE_MS = 4_000;

/** Connections to one endpoint; `DestinationRule` can lower it. Reason: Envoy's default for a cluster. */
export const UPSTREAM_CONNECTIONS_MAX = 1024;

/** Idle connections kept for one endpoint. */
export const UPSTREAM_IDLE_MAX = 256;

/** Requests that may wait for a connection to one endpoint; more are answered 503 UO. Reason: Envoy's default. */
export const PENDING_REQUESTS_MAX = 1024;

/** Bytes of further requests that may wait behind one that is being answered, before the socket is no longer read. */
export const PIPELINE_BYTES_MAX = 64 * 1024;

/** How long bytes are still read and dropped after an answer that ends the connection, so that the client gets to read it. */
export const LINGER_MS = 1_000;

/** Connections of callers at once; one more is closed. Reason: a site has dozens of services, and each connection weighs 20 KB. */
export const DOWNSTREAM_CONNECTIONS_MAX = 8_192;

/**
 * Share of the process's descriptors that connections of callers may take, and as much again those to endpoints. Reason: at
 * the limit Bun's accept loop spins; a tenth is left for listeners, the channel and look-ups.
 */
export const DESCRIPTOR_SHARE = 0.45;

/** Share of them that one user, or all callers of the Gateways together, may take. Reason: with all of them, nobody else could call. */
export const ONE_CALLERS_SHARE = 7 / 8;

/** Connections to /metrics. Reason: a few scrapers, not whoever reaches the port. */
export const METRICS_CONNECTIONS_MAX = 64;

/** Callers that may wait for the keeper to say who they are; more get no identity. */
export const ATTESTATIONS_PENDING_MAX = 1024;

/** How long the keeper has to say who a caller is; then it has no identity. */
export const ATTEST_TIMEOUT_MS = 100;

/** Answers of the keeper that are remembered, by user and cgroup. */
export const ATTEST_CACHE_MAX = 1024;

/** Scrapes of /metrics under way at once. */
export const SCRAPES_MAX = 4;

/**
 * Body of a request that is kept until another node has answered, to be sent elsewhere where that one did not reach its endpoint: of
 * one request, and of all together. Reason: calls between services mostly send less; a tenth of
 * what may be held for receivers that do not read, and four thousand small bodies.
 */
export const KEPT_BODY_BYTES_MAX = 64 * 1024;
export const KEPT_BODIES_BYTES_MAX = 4 * 1024 * 1024;

/** Attempts of one request that failed before anything was sent, or on a stale connection: the first and two more. */
export const ATTEMPTS_MAX = 3;

/** Time in which a snapshot is taken up per turn of the loop. */
export const INTAKE_SLICE_MS = 1;

/** Largest answer that is put together with its head into one write. Larger ones are written in two. */
export const JOINED_WRITE_BYTES_MAX = 48 * 1024;
