import { join } from "node:path";
import type { Question } from "./inside-program.ts";
import type { Places } from "./places.ts";
import { bunFlags, cleanEnvironment, eachLine } from "./programs.ts";

/** Asks from within a machine, one question after the other. Stop it. */
export class Inside {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "ignore">;
  readonly #waiting: ((answer: unknown) => void)[] = [];

  /** @param enter what a command is started through to run on the machine. */
  constructor(places: Places, enter: readonly string[]) {
    const program = join(places.packageRoot, "examples/shop/demo/inside-program.ts");
    this.#child = Bun.spawn([...enter, places.bun, ...bunFlags, program], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
      cwd: "/",
      env: cleanEnvironment(),
      detached: true,
    });
    void eachLine(this.#child.stdout, (line) => this.#waiting.shift()?.(JSON.parse(line)));
    // Whoever waits when it ends is told that there is nothing to read.
    void this.#child.exited.then(() => {
      for (const resolve of this.#waiting.splice(0)) resolve("");
    });
  }

  /** What stands at the address; empty where nobody answers. */
  async read(url: string): Promise<string> {
    return String(await this.#ask({ type: "read", url }));
  }

  /** How long it took until a request for `host` was answered, in ms, and be it with a refusal. */
  async untilAnswered(url: string, host: string, timeoutMs: number): Promise<number> {
    return Number(await this.#ask({ type: "until answered", url, host, timeoutMs }));
  }

  #ask(question: Question): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve("");
    this.#waiting.push(resolve);
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    this.#child.stdin.flush();
    return promise;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}
