import { type ConnectionOptions, ROLE } from "../../wire/http2/connection-state.ts";
import { STREAM_WINDOW_BYTES_DEFAULT, TUNNEL_BUDGET_FACTOR, TUNNEL_STREAMS_DEFAULT } from "../../wire/http2/limits.ts";

/** Dynamic tables of a tunnel. Reason: the lines of some forty users come back within it (docs/http2.md), and it is there once per pair of nodes. */
const TABLE_BYTES = 16 * 1024;

/**
 * Receive window of a tunnel. Reason: what receivers do not take holds its part of it, and with 1 MiB four of them would hold up
 * every other call between two nodes; this much takes 128. Memory is only used as far as they do not take it.
 */
const CONNECTION_WINDOW_BYTES = 32 * 1024 * 1024;

const COMMON: Omit<ConnectionOptions, "role"> = {
  streamsMax: TUNNEL_STREAMS_DEFAULT,
  streamWindowBytes: STREAM_WINDOW_BYTES_DEFAULT,
  connectionWindowBytes: CONNECTION_WINDOW_BYTES,
  tableBytes: TABLE_BYTES,
  allowsWebsocket: true,
  budgetFactor: TUNNEL_BUDGET_FACTOR,
};

/** HTTP/2 as spoken by whoever dialed. */
export const DIALER_OPTIONS: ConnectionOptions = { ...COMMON, role: ROLE.CLIENT };

/** HTTP/2 as spoken by whoever accepted. */
export const LISTENER_OPTIONS: ConnectionOptions = { ...COMMON, role: ROLE.SERVER };
