/**
 * The calling child: makes one TLS connection to another node's join door for a keeper, which has no socket to other machines. It
 * holds no key, opens no file, and judges nothing: who answered is told to the keeper, which says what is asked, or ends this.
 */
import { frameJoinMessage, JOIN_KIND } from "../../identity/join-protocol.ts";
import { callJoinDoor } from "./join-connection.ts";
import {
  decodeCallee,
  encodeReply,
  encodeSession,
  LATE_WORD,
  LateMessages,
  type LateSession,
} from "./late-call-frames.ts";

async function tell(word: number, bytes: Uint8Array): Promise<void> {
  await Bun.write(Bun.stdout, frameJoinMessage(word, bytes));
}

async function main(): Promise<void> {
  const input = new LateMessages(Bun.stdin.stream());
  const first = await input.next();
  const callee = first?.word === LATE_WORD.CALL ? decodeCallee(first.bytes) : undefined;
  if (callee === undefined) throw new Error("nobody to call");
  let facts: LateSession["facts"] | undefined;
  const reply = await callJoinDoor({
    address: callee.address,
    trustDomain: callee.trustDomain,
    rootNode: callee.node,
    kind: JOIN_KIND.LATE,
    judge: (seen) => {
      facts = seen;
    },
    request: async (keyingMaterial) => {
      if (facts === undefined) throw new Error("nobody was seen");
      await tell(LATE_WORD.SESSION, encodeSession({ facts, keyingMaterial }));
      const asked = await input.next();
      if (asked?.word !== LATE_WORD.REQUEST) throw new Error("nothing to ask");
      return asked.bytes;
    },
  });
  await tell(LATE_WORD.ANSWER, encodeReply(reply));
}

try {
  await main();
} catch (error) {
  await tell(LATE_WORD.FAILED, Buffer.from(error instanceof Error ? error.message : String(error)));
}
process.exit(0);
