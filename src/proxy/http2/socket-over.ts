import type { MessageSink } from "../message-sink.ts";
import type { LinkSocket } from "./link.ts";

/** What a link writes to: it stops when that is full, so that no more than one write waits there. */
export function socketOver(out: MessageSink): LinkSocket {
  return {
    write: (bytes, start, length) => {
      if (out.isFull) return 0;
      out.write(bytes, start, start + length, true);
      return length;
    },
  };
}
