/** What actually confines a running process, as the kernel tells it: the keeper's own look, not the worker's word. */

import { readProcFile } from "./process-facts.ts";

/** How a process is confined. Landlock is not visible from outside: a worker that runs has it where its plan required it. */
export interface SandboxReport {
  readonly uid: number;
  readonly noNewPrivileges: boolean;
  /** Filters on its main thread: 1 from the launcher, 2 once it has sealed itself. */
  readonly seccompFilters: number;
  /** Effective capabilities as a bit set. */
  readonly capabilities: bigint;
}

/** Null where there is no such process. */
export function sandboxOf(pid: number): SandboxReport | null {
  const text = readProcFile(`/proc/${pid}/status`);
  return text === null ? null : parseSandbox(text);
}

/** Reads the text of /proc/PID/status. What is missing there counts as not confined. */
export function parseSandbox(text: string): SandboxReport {
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(text)?.[1];
  const capabilities = field("CapEff");
  // Kernels before 5.9 tell the mode only.
  const filters = field("Seccomp_filters") ?? (field("Seccomp") === "2" ? "1" : "0");
  return {
    uid: Number(field("Uid") ?? 0),
    noNewPrivileges: field("NoNewPrivs") === "1",
    seccompFilters: Number(filters),
    capabilities: capabilities === undefined ? -1n : BigInt(`0x${capabilities}`),
  };
}
