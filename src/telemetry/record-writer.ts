import { type AccessRecord, TRACE_ID_BYTES } from "./access-record.ts";
import { HEADER_AT, RECORD_BYTES, RECORDS_MAX, SECTION_AT } from "./layout.ts";
import { RECORD_BYTE, RECORD_F64, RECORD_WORD } from "./record-layout.ts";
import type { TextField } from "./text-field.ts";

/**
 * Writes finished requests into the ring of a region. Never waits: the oldest record is overwritten, and whoever reads counts
 * what was lost.
 */
export class RecordWriter {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  #written = 0;

  /** The three views cover the same region. */
  constructor(bytes: Uint8Array, words: Int32Array, values: Float64Array) {
    this.#bytes = bytes;
    this.#words = words;
    this.#values = values;
  }

  /** Records written since the region was made, modulo 2^32. */
  get written(): number {
    return this.#written;
  }

  /** Copies a record into the next slot; `record` may be reused at once. */
  write(record: AccessRecord): void {
    const sequence = this.#written;
    const mark = (sequence + 1) | 0 || 1;
    const at = SECTION_AT.records + (sequence % RECORDS_MAX) * RECORD_BYTES;
    const words = this.#words;
    const word = at >>> 2;
    Atomics.store(words, word + RECORD_WORD.sequence, 0);
    this.#writeNumbers(record, at);
    this.#writeTexts(record, at);
    Atomics.store(words, word + RECORD_WORD.endSequence, mark);
    Atomics.store(words, word + RECORD_WORD.sequence, mark);
    this.#written = (sequence + 1) >>> 0;
    Atomics.store(words, HEADER_AT.recordsWritten >>> 2, this.#written | 0);
  }

  #writeNumbers(record: AccessRecord, at: number): void {
    const values = this.#values;
    const value = at >>> 3;
    values[value + RECORD_F64.timeMs] = record.timeMs;
    values[value + RECORD_F64.generation] = record.generation;
    values[value + RECORD_F64.durationUs] = record.durationUs;
    values[value + RECORD_F64.upstreamUs] = record.upstreamUs;
    values[value + RECORD_F64.bytesReceived] = record.bytesReceived;
    values[value + RECORD_F64.bytesSent] = record.bytesSent;
    const words = this.#words;
    const word = at >>> 2;
    words[word + RECORD_WORD.idHigh] = record.idHigh;
    words[word + RECORD_WORD.idLow] = record.idLow;
    words[word + RECORD_WORD.edge] = record.edge;
    words[word + RECORD_WORD.policy] = record.policy;
    words[word + RECORD_WORD.rule] = record.rule;
    words[word + RECORD_WORD.upstream] = record.upstream;
    words[word + RECORD_WORD.route] = record.route;
    const bytes = this.#bytes;
    bytes[at + RECORD_BYTE.status] = record.status;
    bytes[at + RECORD_BYTE.status + 1] = record.status >>> 8;
    bytes[at + RECORD_BYTE.flag] = record.flag;
    bytes[at + RECORD_BYTE.protocol] = record.protocol;
    bytes[at + RECORD_BYTE.verdict] = record.verdict;
    bytes[at + RECORD_BYTE.strength] = record.strength;
    bytes[at + RECORD_BYTE.hasTrace] = record.hasTrace ? 1 : 0;
  }

  #writeTexts(record: AccessRecord, at: number): void {
    const bytes = this.#bytes;
    if (record.hasTrace) {
      const traceId = record.traceId;
      for (let i = 0; i < TRACE_ID_BYTES; i++) bytes[at + RECORD_BYTE.traceId + i] = traceId[i]!;
    }
    writeText(bytes, at + RECORD_BYTE.method, record.method);
    writeText(bytes, at + RECORD_BYTE.ip, record.ip);
    writeText(bytes, at + RECORD_BYTE.requestId, record.requestId);
    writeText(bytes, at + RECORD_BYTE.host, record.host);
    writeText(bytes, at + RECORD_BYTE.path, record.path);
  }
}

function writeText(bytes: Uint8Array, at: number, text: TextField): void {
  const length = text.length;
  const source = text.bytes;
  bytes[at] = length;
  bytes[at + 1] = text.isCut ? 1 : 0;
  for (let i = 0; i < length; i++) bytes[at + 2 + i] = source[i]!;
}
