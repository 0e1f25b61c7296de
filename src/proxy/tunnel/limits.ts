/** Bounds of the tunnel's transport: name, default, reason. Reaching one is counted in `selvedge_limit_exceeded_total`. */

/** From the first byte of TCP to a verified peer. Reason: two round trips and a millisecond of signatures; a slow attacker takes for ever. */
export const HANDSHAKE_TIMEOUT_MS = 3_000;

/** Handshakes under way at once, accepted side. Reason: each costs 2 ms of CPU (bench `handshakes`); a site has a handful of nodes. */
export const HANDSHAKES_MAX = 64;

/** Of these, those of one source address. Reason: a node has a few workers, and they reconnect with jitter. */
export const HANDSHAKES_PER_ADDRESS_MAX = 8;

/** Of these, kept for addresses that the documents name. Reason: strangers must not keep the site's own nodes out. */
export const HANDSHAKES_RESERVED = 16;

/** Handshakes that one address may begin at once, and per second from then on. Reason: more than a restart of all workers. */
export const HANDSHAKE_BURST = 64;
export const HANDSHAKES_PER_SECOND = 16;

/** Addresses whose rate is remembered; the oldest are forgotten. Reason: 64 bytes each, and one that floods is never old. */
export const HANDSHAKE_ADDRESSES_MAX = 1_024;

/** Tunnels accepted from one node at once. Reason: four workers, each with one that is used, one that begins, and its old ones. */
export const TUNNELS_PER_NODE_MAX = 60;

/**
 * Connections to one node that have been replaced and still carry streams. Reason: in a life of a certificate two; more come from
 * rotating by hand again and again while TCP streams are open, and then the connection in use waits for new keys to pay off.
 */
export const OLD_TUNNELS_MAX = 13;

/** Tunnels accepted in all. Reason: 32 nodes with four workers each, twice while they rotate; each weighs some 26 KB (bench `tunnel-idle`). */
export const TUNNELS_MAX = 256;

/** Of a dial: from its begin until the other node's settings are there. */
export const DIAL_TIMEOUT_MS = 5_000;

/**
 * How long after its start a worker lets calls wait for this node's keys, each as long as for a connection. Reason: on the first
 * start they are being made, which takes a second or two; later on, without keys, there is nothing to wait for.
 */
export const KEYS_WAIT_MS = 5_000;

/** Wait before the next dial after one failed; doubled each time, and drawn between nothing and that much. */
export const REDIAL_MS_FIRST = 100;
/** The longest of these waits. Reason: a node that comes back is reached within seconds. */
export const REDIAL_MS_MAX = 5_000;

/** Silence of the other side after which it is asked for a sign of life, while streams are open. Reason: a dead link is noticed in seconds. */
export const PING_AFTER_BUSY_MS = 2_000;
/** The same while none is: dialer first, so that the listener need not ask. Reason: below the timers of NATs and firewalls. */
export const PING_AFTER_IDLE_MS = 15_000;
export const PING_AFTER_IDLE_ACCEPTED_MS = 30_000;
/** Silence after the question that means death. Reason: a loaded machine of the site answers within a second. */
export const PONG_TIMEOUT_MS = 5_000;

/** Part of a certificate's remaining life after which its connection is replaced. Reason: as certificates themselves, well before the end. */
export const ROTATE_AT_LIFE_SHARE = 0.8;

/** How long before its certificate ends a connection is cut, whatever is on it. Reason: it is looked at every five seconds when idle. */
export const CUT_BEFORE_END_MS = 10_000;

/** An address of this machine that is missing so long is gone, and connections from it with it. Reason: a link that flaps is back sooner. */
export const ADDRESS_MISSING_MS = 3_000;

/** Between the two GOAWAYs of a drain. Reason: longer than a round trip, so that no stream under way is refused (RFC 9113 6.8). */
export const GOAWAY_GAP_MS = 1_000;

/** How long a listener's end waits for the dialer to close a connection on which nothing is left. */
export const DRAIN_LINGER_MS = 1_000;

/** Workloads proven on one connection. Reason: one for each workload of a node, renewed ones for a while twice. */
export const PROOFS_PER_TUNNEL_MAX = 512;

/** Proofs that are judged on one connection per second, once PROOFS_PER_TUNNEL_MAX have been. Reason: each costs 0.3 ms, believed or not. */
export const PROOFS_PER_SECOND = 16;

/** Proofs and messages of one tunnel that are still arriving. Reason: what is put together is held; a node sends few at once. */
export const GATHERED_PER_TUNNEL_MAX = 32;

/** How long the proof of a workload that was refused is not sent again, unless something changes. */
export const PROOF_RETRY_MS = 5_000;

/** Messages between keepers under way at once, in each direction. Reason: a ban, a bundle, an issuer; rare and small. */
export const PEER_MESSAGES_MAX = 32;
/** Of these, those from one node. */
export const PEER_MESSAGES_PER_NODE_MAX = 8;
/**
 * Messages to this node's keeper from one node, or one address at the join door, at once, and per second from then on. Reason: a few at
 * each meeting and change; one of the greatest length costs the keeper 2 ms before it has looked at it, and it has everything else to do.
 */
export const PEER_MESSAGE_BURST = 64;
export const PEER_MESSAGES_PER_SECOND = 8;
/** Nodes and addresses whose rate is remembered; the oldest are forgotten. Reason: 100 bytes each; a site has dozens of nodes. */
export const PEER_MESSAGE_SOURCES_MAX = 1_024;
/** A message is answered within this, or it failed. Reason: the issuing child takes half a second, on a loaded box a few. */
export const PEER_MESSAGE_TIMEOUT_MS = 10_000;

/** Connections at the join door at once, all of them and from one address. Reason: joining is done by a person, once for each machine. */
export const JOINERS_MAX = 8;
export const JOINERS_PER_ADDRESS_MAX = 2;
/** A joiner has so long for everything. */
export const JOIN_TIMEOUT_MS = 10_000;
/** Questions on one connection. Reason: a challenge, a request, and one again of each. */
export const JOIN_EXCHANGES_MAX = 4;

/** Reports of refusals to the keeper at once, and per second from then on; what is left out is counted in the next. */
export const REPORT_BURST = 32;
export const REPORTS_PER_SECOND = 2;

/** Identities of this node. Reason: a node runs dozens of workloads. */
export const KEYS_MAX = 1_024;
