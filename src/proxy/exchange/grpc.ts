/** What the mesh has to know of gRPC: its time-out, its status, and how it says what HTTP says with a status. */
import { FLAG } from "../../model/response-flags.ts";
import type { HeaderLines, RequestHead } from "../../wire/http1/head.ts";
import { latin1 } from "../bytes.ts";

/** Statuses of the gRPC protocol that the mesh answers with. */
export const GRPC_STATUS = {
  UNKNOWN: 2,
  DEADLINE_EXCEEDED: 4,
  PERMISSION_DENIED: 7,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** Largest status there is. */
const STATUS_MAX = 16;
/** No status was given. */
export const NO_GRPC_STATUS = -1;

const MILLISECONDS_OF: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000001,
};

/** A call by gRPC, `application/grpc` with or without a suffix; `application/grpc-web` is another protocol. */
export function isGrpc(bytes: Buffer, head: RequestHead): boolean {
  const { lines } = head;
  for (let i = 0; i < lines.count; i++) {
    if (!isNamed(bytes, lines, i, "content-type")) continue;
    return /^application\/grpc(?:$|[+; \t])/i.test(latin1(bytes, lines.valueStart[i]!, lines.valueEnd[i]!));
  }
  return false;
}

/** The shorter of a time-out in milliseconds, 0 being none, and what the caller gives the call. */
export function withGrpcTimeout(timeoutMs: number, bytes: Buffer, lines: HeaderLines): number {
  const givenMs = grpcTimeoutMs(bytes, lines);
  return timeoutMs === 0 || givenMs === 0 ? timeoutMs + givenMs : Math.min(timeoutMs, givenMs);
}

/** The time that the caller gives the call (`grpc-timeout`), in whole milliseconds from 1; 0: it does not say, or says no such thing. */
function grpcTimeoutMs(bytes: Buffer, lines: HeaderLines): number {
  for (let i = 0; i < lines.count; i++) {
    if (!isNamed(bytes, lines, i, "grpc-timeout")) continue;
    const found = /^(\d{1,8})([HMSmun])$/.exec(latin1(bytes, lines.valueStart[i]!, lines.valueEnd[i]!));
    return found ? Math.max(1, Math.ceil(Number(found[1]) * MILLISECONDS_OF[found[2]!]!)) : 0;
  }
  return 0;
}

/** The status of a call among the lines of a head; NO_GRPC_STATUS where there is none that is one. */
export function grpcStatusOf(bytes: Buffer, lines: HeaderLines): number {
  for (let i = 0; i < lines.count; i++) {
    if (isNamed(bytes, lines, i, "grpc-status")) return status(latin1(bytes, lines.valueStart[i]!, lines.valueEnd[i]!));
  }
  return NO_GRPC_STATUS;
}

/** The same in trailers, which have no index. */
export function grpcStatusIn(bytes: Buffer, start: number, end: number): number {
  const found = /(?:^|\r\n)grpc-status: *(\d+)\r\n/i.exec(latin1(bytes, start, end));
  return found ? status(found[1]!) : NO_GRPC_STATUS;
}

/** What an answer of the mesh is to a gRPC caller. @param flag position in RESPONSE_FLAGS. */
export function grpcStatusFor(httpStatus: number, flag: number): number {
  switch (flag) {
    case FLAG.UT:
    case FLAG.SI:
      return GRPC_STATUS.DEADLINE_EXCEEDED;
    case FLAG.UH:
    case FLAG.UF:
    case FLAG.UO:
    case FLAG.UC:
    case FLAG.LISTENER_MISMATCH:
      return GRPC_STATUS.UNAVAILABLE;
    case FLAG.RBAC:
    case FLAG.CALLS:
      return GRPC_STATUS.PERMISSION_DENIED;
    case FLAG.NR:
      return GRPC_STATUS.UNIMPLEMENTED;
    default:
      return ofHttpStatus(httpStatus);
  }
}

/** As gRPC's mapping of HTTP statuses says. */
function ofHttpStatus(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return GRPC_STATUS.INTERNAL;
    case 401:
      return GRPC_STATUS.UNAUTHENTICATED;
    case 403:
      return GRPC_STATUS.PERMISSION_DENIED;
    case 404:
      return GRPC_STATUS.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return GRPC_STATUS.UNAVAILABLE;
    default:
      return GRPC_STATUS.UNKNOWN;
  }
}

function status(text: string): number {
  const value = /^\d{1,2}$/.test(text) ? Number(text) : NO_GRPC_STATUS;
  return value <= STATUS_MAX ? value : NO_GRPC_STATUS;
}

function isNamed(bytes: Buffer, lines: HeaderLines, line: number, name: string): boolean {
  const start = lines.nameStart[line]!;
  if (lines.nameEnd[line]! - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if ((bytes[start + i]! | 0x20) !== (name.charCodeAt(i) | 0x20)) return false;
  return true;
}
