import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { Socket } from "bun";
import { peerCredentials } from "../kernel/peer-credentials.ts";
import { fdOf } from "../kernel/socket-fd.ts";
import type { Issue } from "../model/issue.ts";
import { CliError, EXIT } from "./exit-code.ts";

/** Longest line of an answer. Reason: one record of a service with 10,000 rules. */
export const ANSWER_LINE_BYTES_MAX = 64 * 1024 * 1024;

/** The node refused a request, in its words. */
export class RefusedError extends CliError {
  readonly code: string;
  readonly issues: readonly Issue[];

  constructor(code: string, message: string, issues: readonly Issue[], hint?: string) {
    super(EXIT.FAILED, message, hint);
    this.code = code;
    this.issues = issues;
  }
}

export type AdminRequest = Readonly<Record<string, unknown>> & { readonly op: string };

/**
 * Asks a running node; calls `onItem` for every item and resolves to the result. Rejects with CliError (exit 3) where no node
 * answers, and with RefusedError where it refuses. Aborting the signal ends the connection and resolves to `undefined`.
 */
export function askNode(
  path: string,
  request: AdminRequest,
  onItem: (item: unknown) => void = () => {},
  signal?: AbortSignal,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const answer = new AnswerReader(onItem, resolve, reject);
  let rest = Buffer.from(`${JSON.stringify(request)}\n`);
  const write = (socket: Socket<undefined>): void => {
    const taken = socket.write(rest);
    if (taken > 0) rest = rest.subarray(taken);
  };
  Bun.connect<undefined>({
    unix: path,
    socket: {
      open: (socket) => {
        signal?.addEventListener("abort", () => {
          resolve(undefined);
          socket.end();
        });
        if (isTrusted(socket, path)) write(socket);
        else reject(new CliError(EXIT.FAILED, `${path} belongs to another user; not talking to it`));
      },
      data: (_socket, bytes) => answer.receive(bytes),
      drain: write,
      close: () => reject(new CliError(EXIT.UNREACHABLE, "the node ended the connection")),
      error: (_socket, error) => reject(new CliError(EXIT.UNREACHABLE, error.message)),
    },
  }).catch(() => reject(unreachable(path)));
  return promise;
}

/** What a command says where no node answers. */
export function unreachable(path: string): CliError {
  return new CliError(
    EXIT.UNREACHABLE,
    `no node answers at ${path}`,
    "is `selvedge up` running? another one: --state DIR or --admin PATH",
  );
}

// Whoever squats on the path must not be told a workload's documents, nor answer in the node's name. Root may operate the node
// of another user, who then owns the folder that the socket is in; a folder that is open to all proves nothing.
function isTrusted(socket: Socket<undefined>, path: string): boolean {
  const uid = peerCredentials(fdOf(socket))?.uid;
  if (uid === 0 || uid === process.getuid?.()) return true;
  return process.getuid?.() === 0 && uid !== undefined && ownerOf(dirname(path)) === uid;
}

function ownerOf(folder: string): number | undefined {
  try {
    return statSync(folder).uid;
  } catch {
    return undefined;
  }
}

class AnswerReader {
  readonly #onItem: (item: unknown) => void;
  readonly #resolve: (result: unknown) => void;
  readonly #reject: (error: Error) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(onItem: (item: unknown) => void, resolve: (result: unknown) => void, reject: (error: Error) => void) {
    this.#onItem = onItem;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  receive(bytes: Buffer): void {
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      this.#line(Buffer.concat([...this.#parts.splice(0), bytes.subarray(start, end)]));
      this.#bytes = 0;
      start = end + 1;
    }
    if (start === bytes.length) return;
    this.#bytes += bytes.length - start;
    if (this.#bytes > ANSWER_LINE_BYTES_MAX) this.#reject(new CliError(EXIT.FAILED, "the node's answer has no end"));
    else this.#parts.push(Buffer.from(bytes.subarray(start)));
  }

  #line(line: Buffer): void {
    try {
      const value = JSON.parse(line.toString()) as Readonly<Record<string, unknown>>;
      if ("item" in value) this.#onItem(value["item"]);
      else if ("error" in value) this.#refused(value["error"] as Readonly<Record<string, unknown>>);
      else this.#resolve(value["result"]);
    } catch (error) {
      this.#reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #refused(error: Readonly<Record<string, unknown>>): void {
    const issues = Array.isArray(error["issues"]) ? (error["issues"] as Issue[]) : [];
    const hint = typeof error["hint"] === "string" && error["hint"] !== "" ? error["hint"] : undefined;
    this.#reject(new RefusedError(String(error["code"]), String(error["message"]), issues, hint));
  }
}
