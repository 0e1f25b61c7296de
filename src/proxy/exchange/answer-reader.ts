import { NEED_MORE, ResponseHead } from "../../wire/http1/head.ts";
import { parseResponseHead } from "../../wire/http1/parse-response.ts";
import { RepeatedAnswer } from "./repeated-answer.ts";
import { type ResponseHeadPlan, writeResponseHead } from "./response-head.ts";

/** What has arrived of an answer. */
export const ANSWER = {
  MORE: 0,
  /** The head of the answer. */
  FINAL: 1,
  /** 1xx: another head follows. */
  INTERIM: 2,
  /** 101. */
  SWITCH: 3,
  MALFORMED: 4,
  /** More interim answers than anybody sends. */
  ENDLESS: 5,
} as const;

/** Most 1xx answers before the final one. Reason: a server sends one or two; each may be as large as a head. */
const INTERIM_ANSWERS_MAX = 16;
const EMPTY = Buffer.alloc(0);

/** Finds the heads of an answer in what an endpoint sends. One per exchange, reused. */
export class AnswerReader {
  readonly head = new ResponseHead();
  /** The bytes that hold the head found last. */
  bytes: Buffer = EMPTY;
  /** First byte behind it. */
  end = 0;
  readonly #known = new RepeatedAnswer();
  /** What has arrived of a head that is not complete yet. */
  #partial: Buffer = EMPTY;
  #interims = 0;
  #isKnown = false;

  begin(): void {
    this.bytes = EMPTY;
    this.#partial = EMPTY;
    this.#interims = 0;
  }

  /** Something of an answer has arrived. */
  get hasBegun(): boolean {
    return this.#partial.length > 0 || this.#interims > 0;
  }

  /** Takes further bytes, which it may keep. @param method of the request: it decides about the body. @returns one of ANSWER. */
  take(data: Buffer, method: number): number {
    this.bytes = this.#partial.length === 0 ? data : Buffer.concat([this.#partial, data]);
    this.#partial = EMPTY;
    const known = this.#known.match(this.bytes, method);
    this.#isKnown = known > 0;
    if (known > 0) {
      this.end = known;
      return ANSWER.FINAL;
    }
    this.#known.forget();
    return this.#parse(0, method);
  }

  /** After INTERIM: what stands behind it. */
  next(method: number): number {
    return this.end < this.bytes.length ? this.#parse(this.end, method) : ANSWER.MORE;
  }

  /** Writes the head that was found, as it is passed on, to the start of `scratch`; answers its length, or FULL. */
  write(scratch: Buffer, plan: ResponseHeadPlan): number {
    const written = this.#isKnown ? this.#known.written(plan) : null;
    if (written) {
      written.copy(scratch, 0, 0, written.length);
      return written.length;
    }
    const end = writeResponseHead(scratch, 0, this.bytes, this.head, plan);
    if (this.#isKnown && end > 0) this.#known.keep(Buffer.from(scratch.subarray(0, end)), plan);
    return end;
  }

  #parse(start: number, method: number): number {
    const { bytes, head } = this;
    const end = parseResponseHead(bytes, start, bytes.length, head, method);
    if (end === NEED_MORE) {
      this.#partial = start === 0 ? bytes : bytes.subarray(start);
      return ANSWER.MORE;
    }
    if (end < 0) return ANSWER.MALFORMED;
    this.end = end;
    if (head.status >= 200) {
      if (start === 0) this.#known.remember(bytes, end, method);
      return ANSWER.FINAL;
    }
    if (head.status === 101) return ANSWER.SWITCH;
    return ++this.#interims > INTERIM_ANSWERS_MAX ? ANSWER.ENDLESS : ANSWER.INTERIM;
  }
}
