import type { HeaderEdits } from "../../model/route/header-edits.ts";
import { HeadMemo } from "./head-memo.ts";
import type { ResponseHeadPlan } from "./response-head.ts";

/** The head of the last answer on a connection, and how it was written: the next one is often the same but for its body. */
export class RepeatedAnswer {
  readonly memo = new HeadMemo();
  #method = -1;
  #written: Buffer | null = null;
  #edits: HeaderEdits | null = null;
  #body = 0;
  #closes = false;
  #saysKeepAlive = false;

  /** Length of the head that `data` begins with, where it is the remembered one in answer to the same method; else 0. */
  match(data: Buffer, method: number): number {
    return method === this.#method ? this.memo.match(data) : 0;
  }

  forget(): void {
    this.memo.forget();
    this.#written = null;
  }

  /** @param method of the request, which decides about the body. */
  remember(data: Buffer, length: number, method: number): void {
    this.#written = null;
    this.#method = method;
    this.memo.remember(data, length);
  }

  /** What was written for this head under an equal plan, or `null`. */
  written(plan: ResponseHeadPlan): Buffer | null {
    const isSame =
      this.#edits === plan.edits &&
      this.#body === plan.body &&
      this.#closes === plan.closes &&
      this.#saysKeepAlive === plan.saysKeepAlive;
    return isSame ? this.#written : null;
  }

  keep(written: Buffer, plan: ResponseHeadPlan): void {
    this.#written = written;
    this.#edits = plan.edits;
    this.#body = plan.body;
    this.#closes = plan.closes;
    this.#saysKeepAlive = plan.saysKeepAlive;
  }
}
