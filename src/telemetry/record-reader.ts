import { RESPONSE_FLAGS } from "../model/response-flags.ts";
import { STRENGTHS } from "../wire/channel/frames.ts";
import {
  HOST_BYTES_MAX,
  IP_BYTES_MAX,
  METHOD_BYTES_MAX,
  PATH_BYTES_MAX,
  RECORD_PROTOCOLS,
  REQUEST_ID_BYTES_MAX,
  type RecordPeer,
  type RequestRecord,
  TRACE_ID_BYTES,
  VERDICTS,
} from "./access-record.ts";
import type { EdgePeer } from "./edge-labels.ts";
import { HEADER_AT, RECORD_BYTES, RECORDS_MAX, SECTION_AT } from "./layout.ts";
import { RECORD_BYTE, RECORD_F64, RECORD_WORD } from "./record-layout.ts";
import { saneCount } from "./sane-number.ts";
import type { EdgeInfo } from "./stats-source.ts";

/** Where a record's ids are looked up. */
export interface RecordLookup {
  /** "" for an id that names nothing. */
  text(id: number): string;
  edge(index: number): EdgeInfo | undefined;
}

const NOBODY: RecordPeer = { workload: "", namespace: "", principal: "", app: "", version: "" };

/** Reads finished requests from a region's ring, in order, each once, and counts what the writer overwrote in between. */
export class RecordReader {
  readonly #lookup: RecordLookup;
  #bytes: Uint8Array;
  #words: Int32Array;
  readonly #slot = new Uint8Array(RECORD_BYTES);
  readonly #slotWords = new Int32Array(this.#slot.buffer);
  readonly #slotValues = new Float64Array(this.#slot.buffer);
  /** Not fatal: text from a request may be any bytes. */
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #next = 0;
  #lost = 0;
  #corrupt = 0;

  /** @param bytes the region. */
  constructor(bytes: Uint8Array, lookup: RecordLookup) {
    this.#bytes = bytes;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    this.#lookup = lookup;
  }

  /** Records that were overwritten before they were read. Goes up only. */
  get lost(): number {
    return this.#lost;
  }

  /** Records that made no sense. Goes up only. */
  get corrupt(): number {
    return this.#corrupt;
  }

  /**
   * The records since the last call, oldest first, RECORDS_MAX at most.
   * @param max how many to take now; the others stay for the next call.
   */
  read(max = RECORDS_MAX): RequestRecord[] {
    const records: RequestRecord[] = [];
    if (this.#words.length === 0) return records;
    const written = Atomics.load(this.#words, HEADER_AT.recordsWritten / 4) >>> 0;
    const waiting = (written - this.#next) >>> 0;
    if (waiting > RECORDS_MAX) this.#skipTo((written - RECORDS_MAX) >>> 0);
    while (this.#next !== written && records.length < max) {
      const record = this.#copySlot(this.#next) ? this.#decode(this.#next) : this.#noteLost();
      if (record !== undefined) records.push(record);
      this.#next = (this.#next + 1) >>> 0;
    }
    return records;
  }

  /** Forgets the memory. */
  close(): void {
    this.#bytes = new Uint8Array(0);
    this.#words = new Int32Array(0);
  }

  #noteLost(): undefined {
    this.#lost++;
    return undefined;
  }

  #skipTo(sequence: number): void {
    this.#lost += (sequence - this.#next) >>> 0;
    this.#next = sequence;
  }

  /** Copies a slot out; false when it holds another record, or one that is being written. */
  #copySlot(sequence: number): boolean {
    const mark = (sequence + 1) | 0 || 1;
    const at = SECTION_AT.records + (sequence % RECORDS_MAX) * RECORD_BYTES;
    const word = at / 4;
    if (Atomics.load(this.#words, word) !== mark) return false;
    this.#slot.set(this.#bytes.subarray(at, at + RECORD_BYTES));
    const isWhole = this.#slotWords[RECORD_WORD.endSequence] === mark;
    return isWhole && Atomics.load(this.#words, word) === mark;
  }

  #decode(sequence: number): RequestRecord | undefined {
    const slot = this.#slot;
    const edge = this.#lookup.edge(this.#slotWords[RECORD_WORD.edge]!);
    const flag = RESPONSE_FLAGS[slot[RECORD_BYTE.flag]!];
    const protocol = RECORD_PROTOCOLS[slot[RECORD_BYTE.protocol]!];
    const verdict = VERDICTS[slot[RECORD_BYTE.verdict]!];
    const strength = STRENGTHS[slot[RECORD_BYTE.strength]!];
    if (flag === undefined || protocol === undefined || verdict === undefined || strength === undefined) {
      this.#corrupt++;
      return undefined;
    }
    return {
      sequence,
      ...this.#numbers(),
      ...this.#texts(),
      flag,
      protocol,
      verdict,
      strength,
      source: peerOf(edge?.source),
      destination: peerOf(edge?.destination),
      service: edge?.destination.service ?? "",
      reporter: edge?.reporter ?? "both",
    };
  }

  #numbers() {
    const value = (at: number): number => saneCount(this.#slotValues[at]!);
    const slot = this.#slot;
    return {
      timeMs: value(RECORD_F64.timeMs),
      generation: value(RECORD_F64.generation),
      durationUs: value(RECORD_F64.durationUs),
      upstreamUs: value(RECORD_F64.upstreamUs),
      bytesReceived: value(RECORD_F64.bytesReceived),
      bytesSent: value(RECORD_F64.bytesSent),
      status: (slot[RECORD_BYTE.status]! | (slot[RECORD_BYTE.status + 1]! << 8)) % 1000,
      rule: this.#slotWords[RECORD_WORD.rule]!,
    };
  }

  #texts() {
    const words = this.#slotWords;
    const trace = this.#slot.subarray(RECORD_BYTE.traceId, RECORD_BYTE.traceId + TRACE_ID_BYTES);
    return {
      id: idText(words[RECORD_WORD.idHigh]! >>> 0, words[RECORD_WORD.idLow]! >>> 0),
      policy: this.#lookup.text(words[RECORD_WORD.policy]!),
      upstream: this.#lookup.text(words[RECORD_WORD.upstream]!),
      route: this.#lookup.text(words[RECORD_WORD.route]!),
      traceId: this.#slot[RECORD_BYTE.hasTrace] === 1 ? trace.toHex() : "",
      method: this.#text(RECORD_BYTE.method, METHOD_BYTES_MAX),
      path: this.#text(RECORD_BYTE.path, PATH_BYTES_MAX),
      host: this.#text(RECORD_BYTE.host, HOST_BYTES_MAX),
      requestId: this.#text(RECORD_BYTE.requestId, REQUEST_ID_BYTES_MAX),
      ip: this.#text(RECORD_BYTE.ip, IP_BYTES_MAX),
    };
  }

  #text(at: number, max: number): string {
    const length = Math.min(this.#slot[at]!, max);
    const text = this.#decoder.decode(this.#slot.subarray(at + 2, at + 2 + length));
    return this.#slot[at + 1] === 1 ? `${text}…` : text;
  }
}

function peerOf(peer: Required<EdgePeer> | undefined): RecordPeer {
  if (peer === undefined) return NOBODY;
  const { workload, namespace, principal, app, version, cluster: node } = peer;
  return { workload, namespace, principal, app, version, node };
}

/** Two unsigned halves as 16 hexadecimal digits; "" where both are 0. */
function idText(high: number, low: number): string {
  if (high === 0 && low === 0) return "";
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}
