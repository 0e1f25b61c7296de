import { BYTES_HISTOGRAM, bucketIndex, DURATION_HISTOGRAM } from "./exponential.ts";
import { EDGE_VALUE, SERIES_TCP, SERIES_VALUE } from "./layout.ts";

/** What an edge needs of its region. */
export interface SeriesSource {
  /** The whole region as Float64. */
  readonly values: Float64Array;
  /** Position in `values` of the series of (edge, code, flag, gRPC status plus one), made where it does not exist. */
  series(edge: number, code: number, flag: number, grpc: number): number;
  /** One more event that went to the overflow series. */
  overflowed(): void;
}

const DURATION_AT = SERIES_VALUE.durationBuckets - DURATION_HISTOGRAM.lowest;
const DURATION_LAST = SERIES_VALUE.durationBuckets + DURATION_HISTOGRAM.buckets - 1;
const REQUEST_AT = SERIES_VALUE.requestBytesBuckets - BYTES_HISTOGRAM.lowest;
const REQUEST_LAST = SERIES_VALUE.requestBytesBuckets + BYTES_HISTOGRAM.buckets - 1;
const RESPONSE_AT = SERIES_VALUE.responseBytesBuckets - BYTES_HISTOGRAM.lowest;
const RESPONSE_LAST = SERIES_VALUE.responseBytesBuckets + BYTES_HISTOGRAM.buckets - 1;

/** The key of the cached series on an edge; flags stay below 64, gRPC statuses below 18. */
const cacheKey = (code: number, flag: number, grpc: number): number => (code * 64 + flag) * 32 + grpc;

/**
 * The counts of one edge. Got from `StatsWriter.edge` when a snapshot is taken up, kept as long as the worker likes; the slots
 * behind it are never reused. Nothing here allocates once a status code has been seen.
 */
export class EdgeStats {
  /** Position in the edge directory; what `AccessRecord.edge` takes. */
  readonly index: number;
  readonly #source: SeriesSource;
  readonly #values: Float64Array;
  /** Position of the edge's own values. */
  readonly #base: number;
  readonly #overflowBase: number;
  readonly #series = new Map<number, number>();
  #lastKey = -1;
  #lastBase = 0;

  /** @param base position of the edge's values; @param overflowBase position of the overflow series. */
  constructor(source: SeriesSource, index: number, base: number, overflowBase: number) {
    this.index = index;
    this.#source = source;
    this.#values = source.values;
    this.#base = base;
    this.#overflowBase = overflowBase;
  }

  /**
   * One finished HTTP request.
   * @param code status as answered, 100 to 999; 0 where the caller left before there was one.
   * @param flag position in RESPONSE_FLAGS.
   * @param durationUs from the first byte of the head to the last of the answer.
   * @param requestBytes body bytes. @param responseBytes body bytes.
   */
  request(code: number, flag: number, durationUs: number, requestBytes: number, responseBytes: number): void {
    this.#count(cacheKey(code, flag, 0), durationUs, requestBytes, responseBytes);
  }

  /** The same for a gRPC call. @param grpcStatus 0 to 16; -1 where the answer had none. */
  grpcRequest(
    code: number,
    flag: number,
    grpcStatus: number,
    durationUs: number,
    requestBytes: number,
    responseBytes: number,
  ): void {
    const grpc = grpcStatus >= 0 && grpcStatus <= 16 ? grpcStatus + 1 : 0;
    this.#count(cacheKey(code, flag, grpc), durationUs, requestBytes, responseBytes);
  }

  /** A request has begun: the in-flight gauge goes up. */
  requestStarted(): void {
    this.#values[this.#base + EDGE_VALUE.inFlight]! += 1;
  }

  /** A request that began has ended, however it ended. */
  requestEnded(): void {
    this.#values[this.#base + EDGE_VALUE.inFlight]! -= 1;
  }

  /** A TCP connection (or an upgraded one) is relayed from now on. */
  tcpOpened(): void {
    this.#values[this.#base + EDGE_VALUE.tcpOpened]! += 1;
    this.#values[this.#base + EDGE_VALUE.tcpOpen]! += 1;
  }

  /**
   * Bytes relayed since the last call, named as Envoy and Istio name them.
   * @param sent to the caller. @param received from the caller.
   */
  tcpBytes(sent: number, received: number): void {
    this.#values[this.#base + EDGE_VALUE.tcpSentBytes]! += sent;
    this.#values[this.#base + EDGE_VALUE.tcpReceivedBytes]! += received;
  }

  /** A relayed connection is over. @param sent and @param received what `tcpBytes` was not told yet. */
  tcpClosed(sent: number, received: number): void {
    this.tcpBytes(sent, received);
    this.#values[this.#base + EDGE_VALUE.tcpClosed]! += 1;
    this.#values[this.#base + EDGE_VALUE.tcpOpen]! -= 1;
  }

  /** A TCP connection that was refused or could not be opened upstream, so `tcpOpened` was never called. @param flag position in RESPONSE_FLAGS. */
  tcpFailed(flag: number): void {
    const base = this.#find(cacheKey(0, flag, SERIES_TCP));
    this.#values[base + SERIES_VALUE.count]! += 1;
  }

  #count(key: number, durationUs: number, requestBytes: number, responseBytes: number): void {
    const base = key === this.#lastKey ? this.#lastBase : this.#find(key);
    const values = this.#values;
    values[base]! += 1;
    // A clock that stepped back must not take away from a sum.
    if (durationUs > 0) {
      values[base + SERIES_VALUE.durationSumUs]! += durationUs;
      const slot = DURATION_AT + bucketIndex(durationUs * 0.001);
      values[base + clamp(slot, SERIES_VALUE.durationBuckets, DURATION_LAST)]! += 1;
    } else values[base + SERIES_VALUE.durationBuckets]! += 1;
    if (requestBytes > 0) {
      values[base + SERIES_VALUE.requestBytesSum]! += requestBytes;
      const slot = REQUEST_AT + bucketIndex(requestBytes);
      values[base + clamp(slot, SERIES_VALUE.requestBytesBuckets, REQUEST_LAST)]! += 1;
    } else values[base + SERIES_VALUE.requestBytesBuckets]! += 1;
    if (responseBytes > 0) {
      values[base + SERIES_VALUE.responseBytesSum]! += responseBytes;
      const slot = RESPONSE_AT + bucketIndex(responseBytes);
      values[base + clamp(slot, SERIES_VALUE.responseBytesBuckets, RESPONSE_LAST)]! += 1;
    } else values[base + SERIES_VALUE.responseBytesBuckets]! += 1;
  }

  #find(key: number): number {
    const base = this.#series.get(key) ?? this.#make(key);
    if (base === this.#overflowBase) {
      // Not remembered as the last one: each event has to be counted as overflow.
      this.#source.overflowed();
      return base;
    }
    this.#lastKey = key;
    this.#lastBase = base;
    return base;
  }

  #make(key: number): number {
    const grpc = key % 32;
    const flag = Math.floor(key / 32) % 64;
    const code = Math.floor(key / 2048);
    const base = this.#source.series(this.index, code, flag, grpc);
    // The map is as bounded as the directory: what overflowed is looked up anew each time.
    if (base !== this.#overflowBase) this.#series.set(key, base);
    return base;
  }
}

function clamp(slot: number, first: number, last: number): number {
  if (slot < first) return first;
  return Math.min(slot, last);
}
