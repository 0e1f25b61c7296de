import { frameJoinMessage } from "../../identity/join-protocol.ts";
import { RUNTIME_FLAGS } from "../../kernel/runtime-flags.ts";
import type { IssueProgram } from "../ca/issue-child.ts";
import { JOIN_TIMEOUT_MS, JoinConnectionError, type JoinReplyBytes } from "./join-connection.ts";
import {
  decodeReply,
  decodeSession,
  encodeCallee,
  LATE_WORD,
  type LateCallee,
  type LateMessage,
  LateMessages,
  type LateSession,
} from "./late-call-frames.ts";

/** Longest that a call may take: the connection's own time, and that of a start. */
export const LATE_CALL_TIMEOUT_MS = JOIN_TIMEOUT_MS + 5_000;

/** Most characters that are told of what went wrong in the child. */
const FAILURE_LENGTH_MAX = 300;

/**
 * Asks at a join door through a child, which is gone afterwards. Rejects with JoinConnectionError where nothing came of it, and
 * with what `ask` throws. @param stopping ends the call. @param ask judges who answered, and answers what is asked.
 */
export async function callLate(
  how: IssueProgram,
  callee: LateCallee,
  stopping: AbortSignal,
  ask: (session: LateSession) => Promise<Uint8Array>,
): Promise<JoinReplyBytes> {
  if (stopping.aborted) throw new JoinConnectionError(`${callee.address}: the node stops`);
  // Without an environment: something in it could load code into a process that reads what strangers send.
  const child = Bun.spawn([how.bun, ...RUNTIME_FLAGS, how.program], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
    cwd: "/",
    env: {},
    timeout: LATE_CALL_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const tell = async (word: number, bytes: Uint8Array): Promise<void> => {
    try {
      child.stdin.write(frameJoinMessage(word, bytes));
      await child.stdin.flush();
    } catch (error) {
      // It has ended meanwhile.
      throw new JoinConnectionError(`${callee.address}: ${error instanceof Error ? error.message : error}`);
    }
  };
  const end = (): void => child.kill("SIGKILL");
  stopping.addEventListener("abort", end);
  try {
    const messages = new LateMessages(child.stdout);
    await tell(LATE_WORD.CALL, encodeCallee(callee));
    const session = wanted(await messages.next(), LATE_WORD.SESSION, decodeSession, callee);
    await tell(LATE_WORD.REQUEST, await ask(session));
    return wanted(await messages.next(), LATE_WORD.ANSWER, decodeReply, callee);
  } finally {
    stopping.removeEventListener("abort", end);
    end();
    await child.exited;
  }
}

function wanted<Value>(
  message: LateMessage | undefined,
  word: number,
  decode: (bytes: Uint8Array) => Value | undefined,
  { address }: LateCallee,
): Value {
  if (message?.word === LATE_WORD.FAILED) {
    const text = new TextDecoder().decode(message.bytes.subarray(0, FAILURE_LENGTH_MAX));
    throw new JoinConnectionError(text.replaceAll(/[^\x20-\x7e]/g, "?"));
  }
  const value = message?.word === word ? decode(message.bytes) : undefined;
  if (value === undefined) throw new JoinConnectionError(`${address}: the call broke off`);
  return value;
}
