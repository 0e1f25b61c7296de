/**
 * The issuing child: one request on stdin, one reply on stdout, gone. It makes keys and signs; it opens no file and no socket,
 * and holds a signing key for as long as one reply takes.
 *
 * Exit 0 also where nothing is issued, since the reply says why; 1 with a line on stderr where this program could not work.
 */
import { performIssue } from "../../identity/issue.ts";
import {
  decodeIssueRequest,
  encodeIssueReply,
  ISSUE_BYTES_MAX,
  type IssueReply,
} from "../../identity/issue-protocol.ts";

async function readInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of Bun.stdin.stream()) {
    length += chunk.length;
    if (length > ISSUE_BYTES_MAX) throw new Error(`more than ${ISSUE_BYTES_MAX} bytes on stdin`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function main(): Promise<void> {
  const request = decodeIssueRequest(await readInput());
  const reply: IssueReply =
    request === undefined ? { kind: "refused", problem: "request_form" } : await performIssue(request);
  await Bun.write(Bun.stdout, encodeIssueReply(reply));
}

try {
  await main();
} catch (error) {
  process.stderr.write(`issuing failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
