/** A child process that is talked to line by line, ended with the test that made it. */

/** A running child. */
export interface LineProcess {
  readonly pid: number;
  /** Sends one line. */
  say(line: string): void;
  /** The next line it prints. Rejects where it ends first. */
  line(): Promise<string>;
  /** Ends its standard input. */
  closeInput(): void;
  /** Ends it (SIGKILL) and waits until it is gone. */
  end(): Promise<void>;
  readonly exited: Promise<number>;
}

/** Starts a command whose stdin and stdout are lines. Whoever starts it ends it. */
export function startLines(command: readonly string[], env?: Readonly<Record<string, string>>): LineProcess {
  const child = Bun.spawn([...command], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
  });
  const lines = linesOf(child.stdout);
  return {
    pid: child.pid,
    exited: child.exited,
    say(line) {
      child.stdin.write(`${line}\n`);
      child.stdin.flush();
    },
    closeInput() {
      child.stdin.end();
    },
    async line() {
      const next = await lines.next();
      if (next.done === true) throw new Error(`${command.join(" ")} ended, exit code ${await child.exited}`);
      return next.value;
    },
    async end() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    for (let at = rest.indexOf("\n"); at >= 0; at = rest.indexOf("\n")) {
      yield rest.slice(0, at);
      rest = rest.slice(at + 1);
    }
  }
}
