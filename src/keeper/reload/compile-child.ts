import { readFileSync } from "node:fs";
import { RUNTIME_FLAGS } from "../../kernel/runtime-flags.ts";
import type { Issue } from "../../model/issue.ts";

/** Longest a compile may take. Reason: 10,000 services take seconds on a slow machine; beyond that something hangs. */
export const COMPILE_TIMEOUT_MS = 30_000;

/** Most resident memory of the compiling child. Reason: it shares a small machine with the services. */
export const COMPILE_RSS_BYTES_MAX = 768 * 1024 * 1024;

/** Most bytes the child may print. Reason: 10,000 issues of 400 bytes. */
export const COMPILE_OUTPUT_BYTES_MAX = 8 * 1024 * 1024;

const RSS_CHECK_EVERY_MS = 200;
const PAGE_BYTES = 4096;

/** What the child is asked; its one argument, as JSON. */
export interface CompileRequest {
  readonly paths: readonly string[];
  /** The node this is, or `undefined` where the documents or the machine say so. */
  readonly node: string | undefined;
  /** Whether there may be no file at all: before the first `apply`. */
  readonly mayBeEmpty?: boolean;
  /** The file to write, absolute. */
  readonly out: string;
}

/** What the child answered, or why it gave no answer. */
export type CompileOutcome =
  | {
      readonly kind: "compiled";
      readonly ok: boolean;
      readonly issues: readonly Issue[];
      readonly conditions: readonly unknown[];
    }
  /** `wasKilled`: it broke a bound of ours, so trying again is of no use. */
  | { readonly kind: "failed"; readonly reason: string; readonly wasKilled: boolean };

export interface CompileProgram {
  readonly bun: string;
  readonly program: string;
}

/** Compiles in a process of its own that is gone afterwards, whatever it loaded or did. Never rejects. */
export async function compile(how: CompileProgram, request: CompileRequest): Promise<CompileOutcome> {
  // It starts in the root folder, which is root's, and goes where relative paths count only once its own code runs.
  const argument = JSON.stringify({ ...request, folder: currentFolder() });
  const child = Bun.spawn([how.bun, ...RUNTIME_FLAGS, how.program, argument], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    cwd: "/",
    env: { BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0", DO_NOT_TRACK: "1", LANG: "C.UTF-8" },
  });
  let killedFor = "";
  const end = (reason: string): void => {
    killedFor ||= reason;
    child.kill("SIGKILL");
  };
  const timeout = setTimeout(() => end(`compiling took longer than ${COMPILE_TIMEOUT_MS} ms`), COMPILE_TIMEOUT_MS);
  const watch = setInterval(() => {
    if (residentBytes(child.pid) > COMPILE_RSS_BYTES_MAX) end("compiling took too much memory");
  }, RSS_CHECK_EVERY_MS);
  try {
    const tooLong = () => end("compiling said too much");
    const [output, complaint] = await Promise.all([
      readText(child.stdout, COMPILE_OUTPUT_BYTES_MAX, tooLong),
      readText(child.stderr, COMPILE_OUTPUT_BYTES_MAX, tooLong),
    ]);
    await child.exited;
    if (killedFor !== "") return { kind: "failed", reason: killedFor, wasKilled: true };
    const reason = complaint.trim().split("\n", 1)[0] || "compiling died";
    return parseOutcome(output) ?? { kind: "failed", reason, wasKilled: false };
  } finally {
    clearTimeout(timeout);
    clearInterval(watch);
  }
}

/** `undefined` where it was removed under us: paths relative to it then lead nowhere, and absolute ones go on counting. */
function currentFolder(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

function parseOutcome(output: string): CompileOutcome | undefined {
  try {
    const value: unknown = JSON.parse(output);
    if (typeof value !== "object" || value === null || !("ok" in value) || typeof value.ok !== "boolean")
      return undefined;
    const issues = "issues" in value && Array.isArray(value.issues) ? (value.issues as Issue[]) : [];
    const conditions = "conditions" in value && Array.isArray(value.conditions) ? value.conditions : [];
    return { kind: "compiled", ok: value.ok, issues, conditions };
  } catch {
    return undefined;
  }
}

async function readText(stream: ReadableStream<Uint8Array>, bytesMax: number, onTooLong: () => void): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > bytesMax) onTooLong();
    else text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function residentBytes(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]);
    return Number.isFinite(pages) ? pages * PAGE_BYTES : 0;
  } catch {
    return 0;
  }
}
