import { accessLogLine } from "../../telemetry/access-log.ts";
import type { RequestRecord } from "../../telemetry/access-record.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import { LogFile } from "./log-file.ts";
import type { RecordTail } from "./record-tail.ts";

const WHAT = "access log";

/** Writes finished requests down, and finds them again by their id. */
export class TrafficLog {
  readonly #state: StateDirectory;
  readonly #tail: RecordTail;
  readonly #file: LogFile;
  readonly #unsubscribe: () => void;
  /** While somebody taps, every request is in the rings: then only what went wrong is written, or it would be pushed out. */
  isTapped = false;

  constructor(state: StateDirectory, tail: RecordTail) {
    this.#state = state;
    this.#tail = tail;
    this.#file = new LogFile(state.file("logs/access.ndjson"));
    this.#unsubscribe = tail.subscribe((records) => this.#write(records));
  }

  /** The newest line with this `selvedge_id`: 16 hexadecimal digits. */
  find(id: string): string | undefined {
    if (!/^[0-9a-f]{16}$/.test(id)) return undefined;
    const recent = this.#tail.recent.findLast((record) => record.id === id);
    return recent === undefined ? this.#file.findLast(`"selvedge_id":"${id}"`) : accessLogLine(recent);
  }

  close(): void {
    this.#unsubscribe();
    this.#file.close();
  }

  #write(records: readonly RequestRecord[]): void {
    const kept = this.isTapped ? records.filter(isNotable) : records;
    if (kept.length === 0) return;
    try {
      this.#file.append(kept.map((record) => `${accessLogLine(record)}\n`).join(""));
      this.#state.forgive(WHAT);
    } catch (error) {
      this.#state.note(WHAT, error instanceof Error ? error.message : String(error));
    }
  }
}

function isNotable({ flag, status, verdict }: RequestRecord): boolean {
  return flag !== "-" || status >= 400 || verdict === "denied" || verdict === "audit";
}
