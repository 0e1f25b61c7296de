/** One finished request (or TCP connection) as the worker writes it to the record ring, and as the keeper reads it back. */
import type { IdentityStrength } from "../model/request-facts.ts";
import type { ResponseFlag } from "../model/response-flags.ts";
import type { Reporter } from "./layout.ts";
import { TextField } from "./text-field.ts";

/** Most bytes of a path that are kept. Reason: enough to tell requests apart; the slot is 512 bytes. */
export const PATH_BYTES_MAX = 200;
/** Most bytes of an authority that are kept. */
export const HOST_BYTES_MAX = 64;
/** Most bytes of an `x-request-id` that are kept. Reason: a UUID has 36. */
export const REQUEST_ID_BYTES_MAX = 40;
/** Most bytes of the caller's address. Reason: the longest IPv6 text, RFC 4291 2.2. */
export const IP_BYTES_MAX = 45;
/** Most bytes of a method that are kept. */
export const METHOD_BYTES_MAX = 16;
/** Bytes of a W3C trace id. */
export const TRACE_ID_BYTES = 16;

/** What was decided about a request; `elsewhere`: allowed here, and answered by the endpoint's node instead of the endpoint. Append only. */
export const VERDICTS = ["allowed", "denied", "audit", "undecided", "elsewhere"] as const;
export type Verdict = (typeof VERDICTS)[number];
/** Position of a verdict in VERDICTS; `undecided` where no decision was reached (no route, bad request). */
export const VERDICT = { allowed: 0, denied: 1, audit: 2, undecided: 3, elsewhere: 4 } as const;

/** What kind of exchange a record is about. Append only. */
export const RECORD_PROTOCOLS = ["HTTP/1.1", "HTTP/1.0", "HTTP/2", "TCP", "WEBSOCKET", "CONNECT"] as const;
export type RecordProtocol = (typeof RECORD_PROTOCOLS)[number];
/** Position of a protocol in RECORD_PROTOCOLS. */
export const RECORD_PROTOCOL = { http11: 0, http10: 1, http2: 2, tcp: 3, websocket: 4, connect: 5 } as const;

/**
 * Filled in by the proxy as a request goes along and written once at its end; one per stream, reused, never freed.
 * Strings that come from the snapshot are ids from `StatsWriter.intern`; 0 = none.
 */
export class AccessRecord {
  /** Index of the edge: `EdgeStats.index`; -1 = not known to whom the request was. */
  edge = -1;
  /** Epoch milliseconds at which the request began. */
  timeMs = 0;
  /** The `x-selvedge-id`, as two unsigned 32-bit halves; 0, 0 = none. */
  idHigh = 0;
  idLow = 0;
  generation = 0;
  durationUs = 0;
  /** From the last byte sent upstream to the first byte of the answer, or 0. */
  upstreamUs = 0;
  /** Body bytes from the caller. */
  bytesReceived = 0;
  /** Body bytes to the caller. */
  bytesSent = 0;
  /** Status code; 0 for TCP. */
  status = 0;
  /** Position in RESPONSE_FLAGS. */
  flag = 0;
  /** Position in RECORD_PROTOCOLS. */
  protocol = 0;
  /** Position in VERDICTS. */
  verdict: number = VERDICT.undecided;
  /** Position in STRENGTHS. */
  strength = 0;
  /** String id of the policy that decided (`namespace/name`). */
  policy = 0;
  /** Index of its rule, or -1. */
  rule = -1;
  /** String id of the endpoint's address. */
  upstream = 0;
  /** String id of the route rule. */
  route = 0;
  hasTrace = false;
  readonly traceId = new Uint8Array(TRACE_ID_BYTES);
  readonly method = new TextField(METHOD_BYTES_MAX);
  /** Without the query: it may carry what nobody wants in a log. */
  readonly path = new TextField(PATH_BYTES_MAX);
  readonly host = new TextField(HOST_BYTES_MAX);
  readonly requestId = new TextField(REQUEST_ID_BYTES_MAX);
  readonly ip = new TextField(IP_BYTES_MAX);

  /** Ready for the next request. */
  reset(): void {
    this.edge = -1;
    this.timeMs = 0;
    this.idHigh = 0;
    this.idLow = 0;
    this.generation = 0;
    this.durationUs = 0;
    this.upstreamUs = 0;
    this.bytesReceived = 0;
    this.bytesSent = 0;
    this.status = 0;
    this.flag = 0;
    this.protocol = 0;
    this.verdict = VERDICT.undecided;
    this.strength = 0;
    this.policy = 0;
    this.rule = -1;
    this.upstream = 0;
    this.route = 0;
    this.hasTrace = false;
    this.method.clear();
    this.path.clear();
    this.host.clear();
    this.requestId.clear();
    this.ip.clear();
  }
}

/** A record as the keeper hands it on: checked, with every id looked up. Text may hold any character; printers escape. */
export interface RequestRecord {
  /** Counts up by one per record of a worker, modulo 2^32. */
  readonly sequence: number;
  /** Epoch milliseconds. */
  readonly timeMs: number;
  /** 16 hexadecimal digits, or "". */
  readonly id: string;
  readonly generation: number;
  readonly durationUs: number;
  readonly upstreamUs: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly status: number;
  readonly flag: ResponseFlag;
  readonly protocol: RecordProtocol;
  readonly verdict: Verdict;
  readonly strength: IdentityStrength;
  /** `namespace/name`, or "". */
  readonly policy: string;
  readonly rule: number;
  readonly upstream: string;
  readonly route: string;
  /** 32 hexadecimal digits, or "". */
  readonly traceId: string;
  readonly method: string;
  /** Ends in `…` where it was cut. */
  readonly path: string;
  readonly host: string;
  readonly requestId: string;
  readonly ip: string;
  readonly source: RecordPeer;
  readonly destination: RecordPeer;
  /** Host name of the service, `orders.prod.svc.cluster.local`. */
  readonly service: string;
  /** Which end of the call this node was; `both` where it stayed on the node. */
  readonly reporter: Reporter;
}

/** One end of a record's edge; "" where unknown. */
export interface RecordPeer {
  readonly workload: string;
  readonly namespace: string;
  readonly principal: string;
  readonly app: string;
  readonly version: string;
  /** The node it is on. */
  readonly node?: string;
}
