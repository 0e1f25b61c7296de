import { join } from "node:path";
import { programAs } from "./as-user.ts";
import { type LineProcess, startLines } from "./line-process.ts";
import type { Answer, Errand, Outcome } from "./visitor-program.ts";

/** A client in a process of its own, on whatever machine and as whatever user. Dispose of it. */
export class Visitor implements AsyncDisposable {
  readonly #child: LineProcess;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #errands = 0;

  private constructor(child: LineProcess) {
    this.#child = child;
  }

  /** @param wrapper what it is started through. */
  static async start(wrapper: readonly string[] = [], uid?: number): Promise<Visitor> {
    const child = startLines([...wrapper, ...programAs(uid, join(import.meta.dir, "visitor-program.ts"), {})]);
    await child.line();
    const visitor = new Visitor(child);
    visitor.#listen().catch(() => visitor.#giveUp());
    return visitor;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Rejects where no answer came. */
  async get(url: string, errand: Omit<Errand, "id" | "url"> = {}): Promise<Answer> {
    const id = this.#errands++;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#waiting.set(id, resolve);
    this.#child.say(JSON.stringify({ ...errand, id, url }));
    const outcome = await promise;
    if ("error" in outcome) throw new Error(outcome.error);
    return outcome;
  }

  async #listen(): Promise<void> {
    for (;;) {
      const outcome = JSON.parse(await this.#child.line()) as Outcome;
      this.#waiting.get(outcome.id)?.(outcome);
      this.#waiting.delete(outcome.id);
    }
  }

  #giveUp(): void {
    for (const [id, resolve] of this.#waiting) resolve({ id, error: "the visitor is gone" });
    this.#waiting.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.end();
  }
}
