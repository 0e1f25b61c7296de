/**
 * The shared-memory region of one worker: who is where. The worker writes, the keeper reads, and nothing else crosses between
 * them about traffic. Positions are a contract between two processes that may be of different versions: a change of any of them
 * raises `LAYOUT_VERSION`, and a reader refuses a version it does not know.
 *
 * Every number is little-endian. Counters are Float64 at 8-byte aligned offsets: such a store cannot tear on x86-64 and arm64,
 * and it counts exactly up to 2^53. A page that nobody wrote costs no memory, so the generous maxima below are address space.
 */
import { BYTES_HISTOGRAM, DURATION_HISTOGRAM } from "./exponential.ts";

/** `SELV` and `STAT`, as little-endian words. */
export const MAGIC = [0x564c4553, 0x54415453] as const;

/** Raised by every change of the layout. */
export const LAYOUT_VERSION = 1;

/** Byte offsets in the header page. Words marked `used` are published last, with an atomic store. */
export const HEADER_AT = {
  magic: 0,
  version: 8,
  workerId: 12,
  /** f64: generation that new requests are served by. */
  generation: 16,
  /** f64: epoch milliseconds. */
  startedAtMs: 24,
  /** u32 used: strings in the table. */
  stringsUsed: 32,
  /** u32 used: edges in the directory. */
  edgesUsed: 36,
  /** u32 used: series in the directory. */
  seriesUsed: 40,
  /** u32 used: records ever written, modulo 2^32. */
  recordsWritten: 44,
  /** u32: 1 when the worker has drained and counts nothing more; written by workers that outlived their keeper. */
  hasDrained: 48,
  /** u32: goes up every few seconds while the worker's loop turns. */
  heartbeat: 52,
} as const;

/** Fixed counters there is room for. Reason: four times what the catalogue names today, two pages. */
export const COUNTERS_MAX = 1024;

/** Fixed gauges there is room for. Reason: one page. */
export const GAUGES_MAX = 512;

/** Interned strings. Reason: 2,048 edges name at most a few strings each that no other edge names. */
export const STRINGS_MAX = 16_384;

/** Longest interned string in UTF-8; a longer one is cut. Reason: a SPIFFE principal with the longest names Kubernetes allows. */
export const STRING_BYTES_MAX = 512;

/** Bytes of all interned strings. Reason: 64 on average. */
export const STRING_POOL_BYTES = 1024 * 1024;

/** Edges (caller, destination, protocol). Reason: 45 workloads that all call each other. */
export const EDGES_MAX = 2048;

/**
 * Series (edge, status code, flag). Reason: forty services with five callers and seven outcomes each; 8 KiB each, so 12 MiB
 * in the worst case. The runtime's collector counts the whole region as heap: with 4,096 it was most of what a worker weighs
 * to it, and every collection a full one.
 */
export const SERIES_MAX = 1536;

/** Slots of the record ring. Reason: two seconds of a fully tapped 1,000 requests/s; 1 MiB. */
export const RECORDS_MAX = 2048;

/** Bytes of one record slot. */
export const RECORD_BYTES = 512;

/** One directory entry of a string: u32 offset in the pool, u32 length. */
export const STRING_ENTRY_BYTES = 8;

/** One directory entry of an edge: 32 u32 words, see `EDGE_WORD`. */
export const EDGE_ENTRY_BYTES = 128;

/** Words of an edge entry. All but the last three are string ids. */
export const EDGE_WORD = {
  key: 0,
  sourceWorkload: 1,
  sourceNamespace: 2,
  sourcePrincipal: 3,
  sourceApp: 4,
  sourceVersion: 5,
  sourceCluster: 6,
  destinationWorkload: 7,
  destinationNamespace: 8,
  destinationPrincipal: 9,
  destinationApp: 10,
  destinationVersion: 11,
  destinationCluster: 12,
  service: 13,
  serviceName: 14,
  serviceNamespace: 15,
  /** Position in REPORTERS. */
  reporter: 16,
  /** Position in PROTOCOLS. */
  protocol: 17,
  /** Position in SECURITIES. */
  security: 18,
} as const;

/** How many leading words of an edge entry are string ids. */
export const EDGE_STRING_WORDS = 16;

/** Who reports an edge; `both` stands for one hop that is the caller's and the destination's at once. Append only. */
export const REPORTERS = ["source", "destination", "both"] as const;
/** What an edge carries. Append only. */
export const PROTOCOLS = ["http", "grpc", "tcp"] as const;
/** How an edge is secured. Append only. */
export const SECURITIES = ["none", "mutual_tls"] as const;

export type Reporter = (typeof REPORTERS)[number];
export type EdgeProtocol = (typeof PROTOCOLS)[number];
export type EdgeSecurity = (typeof SECURITIES)[number];

/** Values of an edge, as Float64 positions from its base. The last two are gauges. */
export const EDGE_VALUE = {
  tcpOpened: 0,
  tcpClosed: 1,
  /** To the caller, as in Istio. */
  tcpSentBytes: 2,
  /** From the caller. */
  tcpReceivedBytes: 3,
  inFlight: 6,
  tcpOpen: 7,
} as const;

/** Float64 values per edge. */
export const EDGE_VALUES = 8;

/** One directory entry of a series: four u32 words, see `SERIES_WORD`. */
export const SERIES_ENTRY_BYTES = 16;

export const SERIES_WORD = {
  /** Index of the edge. */
  edge: 0,
  /** Status code, 0 where there was none; `SERIES_OVERFLOW_CODE` = the overflow series. */
  code: 1,
  /** Position in RESPONSE_FLAGS. */
  flag: 2,
  /** gRPC status plus one; 0 = none; `SERIES_TCP` = TCP connections that failed, only counted. */
  grpc: 3,
} as const;

/** In the place of a gRPC status: a series of failed TCP connections. */
export const SERIES_TCP = 31;

/** Code of the one series that takes what finds no room. */
export const SERIES_OVERFLOW_CODE = 65_535;

/** Values of a series, as Float64 positions from its base. Histogram buckets follow the sums. */
export const SERIES_VALUE = {
  count: 0,
  durationSumUs: 1,
  requestBytesSum: 2,
  responseBytesSum: 3,
  durationBuckets: 8,
  requestBytesBuckets: 8 + DURATION_HISTOGRAM.buckets,
  responseBytesBuckets: 8 + DURATION_HISTOGRAM.buckets + BYTES_HISTOGRAM.buckets,
} as const;

/** Float64 values of a series that mean something. */
export const SERIES_USED = SERIES_VALUE.responseBytesBuckets + BYTES_HISTOGRAM.buckets;

/** Float64 values per series: two pages. */
export const SERIES_VALUES = 1024;

/** String id of "", which labels show as `unknown`. */
export const STRING_EMPTY = 0;
/** String id of `_overflow`: stands for every string that found no room. */
export const STRING_OVERFLOW = 1;

const PAGE = 4096;
const page = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE;

const countersAt = PAGE;
const gaugesAt = countersAt + page(COUNTERS_MAX * 8);
const stringsAt = gaugesAt + page(GAUGES_MAX * 8);
const poolAt = stringsAt + page(STRINGS_MAX * STRING_ENTRY_BYTES);
const edgesAt = poolAt + page(STRING_POOL_BYTES);
const edgeValuesAt = edgesAt + page(EDGES_MAX * EDGE_ENTRY_BYTES);
const seriesAt = edgeValuesAt + page(EDGES_MAX * EDGE_VALUES * 8);
const recordsAt = seriesAt + page(SERIES_MAX * SERIES_ENTRY_BYTES);
const seriesValuesAt = recordsAt + page(RECORDS_MAX * RECORD_BYTES);

/** Byte offsets of the sections; each starts a page. */
export const SECTION_AT = {
  counters: countersAt,
  gauges: gaugesAt,
  strings: stringsAt,
  pool: poolAt,
  edges: edgesAt,
  edgeValues: edgeValuesAt,
  series: seriesAt,
  records: recordsAt,
  seriesValues: seriesValuesAt,
} as const;

/** Size of a region in bytes; exactly this is mapped, or the region is refused. */
export const REGION_BYTES = seriesValuesAt + SERIES_MAX * SERIES_VALUES * 8;
