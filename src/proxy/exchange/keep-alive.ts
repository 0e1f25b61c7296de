import { HEADER, type HeaderLines } from "../../wire/http1/head.ts";
import { latin1 } from "../bytes.ts";

/**
 * How long the endpoint says that it keeps an idle connection (`Keep-Alive: timeout=5`), in milliseconds; 0 where it does
 * not say. A connection that both ends may close at the same moment loses requests, so ours has to be the shorter time.
 */
export function announcedIdleMs(bytes: Buffer, lines: HeaderLines): number {
  for (let i = 0; i < lines.count; i++) {
    if (lines.kind[i] !== HEADER.HOP_BY_HOP) continue;
    if (latin1(bytes, lines.nameStart[i]!, lines.nameEnd[i]!).toLowerCase() !== "keep-alive") continue;
    const seconds = /(?:^|[,\s])timeout=(\d{1,5})(?:$|[,\s])/i.exec(
      latin1(bytes, lines.valueStart[i]!, lines.valueEnd[i]!),
    )?.[1];
    return seconds === undefined ? 0 : Math.max(1, Number(seconds)) * 1000;
  }
  return 0;
}
