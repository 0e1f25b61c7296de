/**
 * One slot of the record ring. The sequence stands at both ends: the writer clears the first, fills the slot, and sets the last
 * and then the first; a reader that finds both equal before and after copying has a whole record.
 */
import {
  HOST_BYTES_MAX,
  IP_BYTES_MAX,
  METHOD_BYTES_MAX,
  PATH_BYTES_MAX,
  REQUEST_ID_BYTES_MAX,
  TRACE_ID_BYTES,
} from "./access-record.ts";
import { RECORD_BYTES } from "./layout.ts";

/** Float64 positions within a slot. */
export const RECORD_F64 = {
  timeMs: 1,
  generation: 2,
  durationUs: 3,
  upstreamUs: 4,
  bytesReceived: 5,
  bytesSent: 6,
} as const;

/** 32-bit word positions within a slot. */
export const RECORD_WORD = {
  /** Sequence plus one, so that it is 0 only while being written. */
  sequence: 0,
  idHigh: 14,
  idLow: 15,
  edge: 16,
  policy: 17,
  rule: 18,
  upstream: 19,
  route: 20,
  endSequence: RECORD_BYTES / 4 - 1,
} as const;

/** Byte offsets within a slot. A text is: u8 length, u8 cut, bytes. */
export const RECORD_BYTE = {
  /** u16 little-endian. */
  status: 84,
  flag: 86,
  protocol: 87,
  verdict: 88,
  strength: 89,
  hasTrace: 90,
  traceId: 92,
  method: 92 + TRACE_ID_BYTES,
  ip: 92 + TRACE_ID_BYTES + 2 + METHOD_BYTES_MAX,
  requestId: 92 + TRACE_ID_BYTES + 4 + METHOD_BYTES_MAX + IP_BYTES_MAX,
  host: 92 + TRACE_ID_BYTES + 6 + METHOD_BYTES_MAX + IP_BYTES_MAX + REQUEST_ID_BYTES_MAX,
  path: 92 + TRACE_ID_BYTES + 8 + METHOD_BYTES_MAX + IP_BYTES_MAX + REQUEST_ID_BYTES_MAX + HOST_BYTES_MAX,
  end:
    92 + TRACE_ID_BYTES + 10 + METHOD_BYTES_MAX + IP_BYTES_MAX + REQUEST_ID_BYTES_MAX + HOST_BYTES_MAX + PATH_BYTES_MAX,
} as const;
