import { copyOf } from "../../base/copy-bytes.ts";
import type { SnapshotRecord } from "../../model/snapshot.ts";
import { LineAssembler } from "../../wire/channel/line-assembler.ts";
import { INTAKE_SLICE_MS } from "../limits.ts";
import type { RecordStore } from "../mesh/store.ts";

/** Kinds of records there are; anything else is not from our keeper. */
const KINDS: ReadonlySet<string> = new Set(["site", "node", "listener", "workload", "service", "external", "policy"]);

export interface IntakeHost {
  nowMs(): number;
  /** Runs a step on the next turn of the loop, after what is ready has been served. */
  nextTurn(step: () => void): void;
  /** The store holds the generation now. */
  taken(generation: number): void;
  refused(generation: number, reason: string): void;
  /** More bytes are waiting than should be; `false`: go on. */
  holdBack(isFull: boolean): void;
}

/** Bytes of lines that may wait to be taken up, before the channel is no longer read. */
const WAITING_BYTES_MAX = 1024 * 1024;

interface Incoming {
  readonly generation: number;
  readonly isDelta: boolean;
  readonly base: number;
  readonly set: Map<string, SnapshotRecord>;
  readonly deleted: string[];
  error: string;
}

/**
 * Takes up snapshots as they arrive, line by line, never longer than a slice at a time, so that requests are served in
 * between. Nothing is visible before the last line: then the generation is there as a whole.
 */
export class SnapshotIntake {
  readonly #store: RecordStore;
  readonly #host: IntakeHost;
  readonly #assembler = new LineAssembler();
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #incoming: Incoming | null = null;
  #hasEnded = false;
  #isScheduled = false;

  constructor(store: RecordStore, host: IntakeHost) {
    this.#store = store;
    this.#host = host;
  }

  begin(generation: number, isDelta: boolean, base: number): void {
    this.#assembler.reset();
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#hasEnded = false;
    const isWrongBase = isDelta && base !== this.#store.generation;
    const error = isWrongBase ? `the change is against generation ${base}, served is ${this.#store.generation}` : "";
    this.#incoming = { generation, isDelta, base, set: new Map(), deleted: [], error };
  }

  /** `bytes` is copied. */
  lines(bytes: Uint8Array): void {
    if (!this.#incoming || this.#hasEnded) return;
    this.#waiting.push(copyOf(bytes));
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > WAITING_BYTES_MAX) this.#host.holdBack(true);
    this.#schedule();
  }

  end(generation: number): void {
    if (!this.#incoming) return;
    if (generation !== this.#incoming.generation) this.#incoming.error = "the snapshot ends as another generation";
    this.#hasEnded = true;
    this.#work();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#host.nextTurn(() => {
      this.#isScheduled = false;
      this.#work();
    });
  }

  #work(): void {
    const until = this.#host.nowMs() + INTAKE_SLICE_MS;
    while (this.#waiting.length > 0) {
      if (this.#host.nowMs() >= until) {
        this.#schedule();
        return;
      }
      const bytes = this.#waiting[0]!;
      // A slice of a frame at a time: one frame may hold a thousand lines.
      const part = bytes.length > 16_384 ? bytes.subarray(0, 16_384) : bytes;
      if (part.length === bytes.length) this.#waiting.shift();
      else this.#waiting[0] = bytes.subarray(part.length);
      this.#waitingBytes -= part.length;
      this.#takeLines(part);
    }
    this.#host.holdBack(false);
    if (this.#hasEnded) this.#finish();
  }

  #takeLines(bytes: Uint8Array): void {
    const incoming = this.#incoming!;
    if (incoming.error !== "") return;
    try {
      this.#assembler.push(bytes, (line) => this.#takeLine(incoming, line));
    } catch (error) {
      incoming.error = error instanceof Error ? error.message : String(error);
    }
  }

  #takeLine(incoming: Incoming, line: Uint8Array): void {
    const value: unknown = JSON.parse(new TextDecoder().decode(line));
    if (typeof value !== "object" || value === null) throw new Error("a line that is no record");
    if ("delete" in value && typeof value.delete === "string") {
      if (!incoming.isDelta) throw new Error("a deletion in a full snapshot");
      incoming.deleted.push(value.delete);
      return;
    }
    const record = value as SnapshotRecord;
    if (!KINDS.has(record.kind) || typeof record.key !== "string") throw new Error("a line that is no record");
    incoming.set.set(record.key, record);
  }

  #finish(): void {
    const incoming = this.#incoming!;
    this.#incoming = null;
    this.#hasEnded = false;
    if (incoming.error === "" && !this.#assembler.isBetweenLines) incoming.error = "the last line is cut";
    if (incoming.error === "" && !incoming.isDelta && !incoming.set.has("site")) incoming.error = "it has no site";
    if (incoming.error !== "") {
      this.#host.refused(incoming.generation, incoming.error);
      return;
    }
    if (incoming.isDelta) this.#store.apply(incoming.generation, incoming.set.values(), incoming.deleted);
    else this.#store.replace(incoming.generation, incoming.set);
    this.#host.taken(incoming.generation);
  }
}
