import { type ConnectionOptions, ROLE } from "../../wire/http2/connection-state.ts";
import {
  ANSWER_BUDGETS,
  CARRIED_BUDGETS,
  TUNNEL_ANSWER_BOUNDS,
  TUNNEL_BUDGET_FACTOR,
  TUNNEL_DATA_FRAME_BYTES_MAX,
  TUNNEL_REQUEST_BOUNDS,
  TUNNEL_STREAMS_DEFAULT,
} from "../../wire/http2/limits.ts";
import { SHARED_CONNECTION_WINDOW_BYTES, SHARED_STREAM_WINDOW_BYTES } from "../http2/limits.ts";

/** Dynamic tables of a tunnel. Reason: the lines of some forty users come back within it (docs/http2.md), and it is there once per pair of nodes. */
const TABLE_BYTES = 16 * 1024;

const COMMON: Omit<ConnectionOptions, "role"> = {
  streamsMax: TUNNEL_STREAMS_DEFAULT,
  streamWindowBytes: SHARED_STREAM_WINDOW_BYTES,
  connectionWindowBytes: SHARED_CONNECTION_WINDOW_BYTES,
  creditsOnReceipt: true,
  dataFrameBytesMax: TUNNEL_DATA_FRAME_BYTES_MAX,
  tableBytes: TABLE_BYTES,
  allowsWebsocket: true,
  budgetFactor: TUNNEL_BUDGET_FACTOR,
};

/** HTTP/2 as spoken by whoever dialed. */
export const DIALER_OPTIONS: ConnectionOptions = {
  ...COMMON,
  role: ROLE.CLIENT,
  unlimited: ANSWER_BUDGETS,
  listBounds: TUNNEL_ANSWER_BOUNDS,
};

/** HTTP/2 as spoken by whoever accepted. */
export const LISTENER_OPTIONS: ConnectionOptions = {
  ...COMMON,
  role: ROLE.SERVER,
  unlimited: CARRIED_BUDGETS,
  listBounds: TUNNEL_REQUEST_BOUNDS,
};
