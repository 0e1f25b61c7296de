import { REPORT_BURST, REPORTS_PER_SECOND } from "./limits.ts";

/** A refusal as the keeper is told of it. Never any key material. */
export interface RefusalReport {
  /** As proven, or as dialed; `""` = nobody knows. */
  readonly node: string;
  readonly address: string;
  /** A stable word. */
  readonly reason: string;
  /** What was claimed, for people. */
  readonly detail: string;
}

/** Most characters of what a peer claims that go into a report. */
const CLAIM_LENGTH_MAX = 256;

/** Tells the keeper who was not believed and why, and no more often than somebody could read. */
export class RefusalReports {
  readonly #send: (report: RefusalReport) => void;
  readonly #nowMs: () => number;
  #tokens = REPORT_BURST;
  #atMs: number;
  #leftOut = 0;
  /** How many refusals there were, told or not. */
  count = 0;

  constructor(send: (report: RefusalReport) => void, nowMs: () => number) {
    this.#send = send;
    this.#nowMs = nowMs;
    this.#atMs = nowMs();
  }

  report(report: RefusalReport): void {
    this.count++;
    const nowMs = this.#nowMs();
    this.#tokens = Math.min(REPORT_BURST, this.#tokens + ((nowMs - this.#atMs) / 1000) * REPORTS_PER_SECOND);
    this.#atMs = nowMs;
    if (this.#tokens < 1) {
      this.#leftOut++;
      return;
    }
    this.#tokens--;
    const more = this.#leftOut === 0 ? "" : `${report.detail === "" ? "" : "; "}${this.#leftOut} others not told`;
    this.#leftOut = 0;
    this.#send({ ...report, detail: `${printable(report.detail)}${more}` });
  }
}

/** What a peer sent must not steer a terminal. */
function printable(text: string): string {
  return text.slice(0, CLAIM_LENGTH_MAX).replace(/[^\x20-\x7e]/g, "?");
}
