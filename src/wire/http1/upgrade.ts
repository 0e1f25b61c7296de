/** Whether a head asks for, or grants, a change of protocol (RFC 9110 7.8). */
import { asciiBytes, equalsIgnoringCase } from "./byte-classes.ts";
import { HEADER, type HeaderLines, isRepeatedKind } from "./head.ts";

const WEBSOCKET = asciiBytes("websocket");

/**
 * Index of the one `Upgrade` line if its value is exactly `websocket`, else -1. `h2c`, TLS, lists and repeated lines are
 * not taken up: the request goes on as what it is without them, and the line is not forwarded.
 */
export function websocketLine(buf: Uint8Array, lines: HeaderLines): number {
  const line = lines.upgradeLine;
  if (line < 0 || isRepeatedKind(lines, HEADER.UPGRADE)) return -1;
  return equalsIgnoringCase(buf, lines.valueStart[line]!, lines.valueEnd[line]!, WEBSOCKET) ? line : -1;
}
