/** Starting, pinning and ending the programs of a measurement. Whoever starts one stops it; `stopAll` is the net below. */

/** Core of the program under measurement, and of everything else. On a machine with more cores these stay two neighbours. */
export const CORE_UNDER_TEST = 0;
export const CORE_OF_OTHERS = 1;

/** Uid of the load generator where this is root, so that the mesh can tell it from everything else. */
export const GENERATOR_UID = process.getuid?.() === 0 ? 61_001 : (process.getuid?.() ?? 0);

export interface StartOptions {
  readonly core: number;
  /** Another uid than ours; needs root. */
  readonly uid?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where its stdout goes; default: nowhere. */
  readonly stdout?: "ignore" | "pipe";
}

export type Program = Bun.Subprocess<"ignore", "ignore" | "pipe", "pipe">;

const running = new Set<Program>();

/** The command with pinning and uid in front of it. */
export function wrapCommand(command: readonly string[], options: Pick<StartOptions, "core" | "uid">): string[] {
  const asUid =
    options.uid === undefined || options.uid === process.getuid?.()
      ? []
      : ["setpriv", `--reuid=${options.uid}`, `--regid=${options.uid}`, "--clear-groups"];
  return ["taskset", "-c", String(options.core), ...asUid, ...command];
}

/** Starts a program that runs until it is stopped. */
export function start(command: readonly string[], options: StartOptions): Program {
  const child = Bun.spawn(wrapCommand(command, options), {
    stdin: "ignore",
    stdout: options.stdout ?? "ignore",
    stderr: "pipe",
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
  });
  running.add(child);
  return child;
}

/** Asks a program to end, and ends it after `graceMs`. */
export async function stop(program: Program, graceMs = 12_000): Promise<void> {
  running.delete(program);
  if (program.exitCode !== null || program.signalCode !== null) return;
  program.kill("SIGTERM");
  const timer = setTimeout(() => program.kill("SIGKILL"), graceMs);
  await program.exited;
  clearTimeout(timer);
}

/** Ends whatever is still running; for the way out, also after an error. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((program) => stop(program, 2_000)));
}

/** Runs a program to its end. Throws with what it printed where it fails. */
export async function runToEnd(
  command: readonly string[],
  options: Pick<StartOptions, "core" | "uid" | "env"> & { readonly timeoutMs?: number },
): Promise<string> {
  const child = Bun.spawn(wrapCommand(command, options), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs ?? 120_000,
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${err}${out}`);
  return out;
}

/** Does something accept connections on a loopback port? */
export async function isListening(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

/** Waits until something accepts connections on a loopback port; throws after `timeoutMs`. */
export async function untilListening(port: number, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isListening(port))) {
    if (performance.now() > deadline) throw new Error(`nothing listens on port ${port} after ${timeoutMs} ms`);
    await Bun.sleep(10);
  }
}
