import {
  decodeIssueReply,
  encodeIssueRequest,
  ISSUE_BYTES_MAX,
  type IssueReply,
  type IssueRequest,
} from "../../identity/issue-protocol.ts";
import { RUNTIME_FLAGS } from "../../kernel/runtime-flags.ts";

/** Longest an issuing may take. Reason: 256 SVIDs take under a second; beyond this something hangs. */
export const ISSUE_TIMEOUT_MS = 20_000;

/** Most bytes of complaints that are read. Reason: the first line is all that is told. */
export const ISSUE_COMPLAINT_BYTES_MAX = 4096;

export interface IssueProgram {
  readonly bun: string;
  /** Path of `issue-main.ts`. */
  readonly program: string;
}

/** A reply of the child, or why there was none. */
export type IssueOutcome = IssueReply | { readonly kind: "failed"; readonly reason: string };

/**
 * Issues in a process of its own that is gone afterwards. Never rejects. The request's bytes are wiped once they are handed
 * over; the arrays of the reply are the caller's, who wipes the keys among them.
 */
export async function issue(how: IssueProgram, request: IssueRequest): Promise<IssueOutcome> {
  const input = encodeIssueRequest(request);
  try {
    return await run(how, input);
  } catch (error) {
    return { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
  } finally {
    input.fill(0);
  }
}

async function run(how: IssueProgram, input: Uint8Array): Promise<IssueOutcome> {
  // Without an environment: nothing in it is needed, and something in it could load code into the one process with keys.
  const child = Bun.spawn([how.bun, ...RUNTIME_FLAGS, how.program], {
    stdin: input,
    stdout: "pipe",
    stderr: "pipe",
    cwd: "/",
    env: {},
  });
  const timeout = setTimeout(() => child.kill("SIGKILL"), ISSUE_TIMEOUT_MS);
  try {
    const [output, complaint] = await Promise.all([
      readAll(child.stdout, ISSUE_BYTES_MAX),
      readAll(child.stderr, ISSUE_COMPLAINT_BYTES_MAX),
    ]);
    const code = await child.exited;
    const reply = code === 0 ? decodeIssueReply(output) : undefined;
    return (
      reply ?? { kind: "failed", reason: firstLine(complaint) || `issuing ended with ${child.signalCode ?? code}` }
    );
  } finally {
    clearTimeout(timeout);
    child.kill("SIGKILL");
  }
}

/** What a stream says, at most `bytesMax`; what is beyond is read and dropped, so that the child can end. */
async function readAll(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length <= bytesMax) chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function firstLine(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim().split("\n", 1)[0] ?? "";
}
