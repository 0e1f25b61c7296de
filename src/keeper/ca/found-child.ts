import { RUNTIME_FLAGS } from "../../kernel/runtime-flags.ts";
import { ISSUE_COMPLAINT_BYTES_MAX, ISSUE_TIMEOUT_MS, type IssueProgram } from "./issue-child.ts";

/** What the founding child is told. */
export interface FoundRequest {
  readonly statePath: string;
  readonly trustDomain: string;
  readonly node: string;
  readonly nowMs: number;
  /** For the place of the key-encryption key. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Founds a site in a process of its own, so that nothing of it stays in this one. Answers why not, or `undefined`. Never
 * rejects. @param how with the path of `found-main.ts`.
 */
export async function foundInChild(how: IssueProgram, request: FoundRequest): Promise<string | undefined> {
  try {
    const { statePath, trustDomain, node, nowMs } = request;
    const args = [statePath, trustDomain, node, String(nowMs)];
    const child = Bun.spawn([how.bun, ...RUNTIME_FLAGS, how.program, ...args], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      cwd: "/",
      env: kekEnvironment(request.env),
      timeout: ISSUE_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    const complaint = (await new Response(child.stderr).text()).slice(0, ISSUE_COMPLAINT_BYTES_MAX);
    const code = await child.exited;
    return code === 0 ? undefined : complaint.split("\n", 1)[0] || `founding ended with ${child.signalCode ?? code}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Nothing else of the environment: something in it could load code into a process with keys. */
function kekEnvironment(env: FoundRequest["env"]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of ["CREDENTIALS_DIRECTORY", "SELVEDGE_KEK_FILE"]) {
    const value = env[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}
