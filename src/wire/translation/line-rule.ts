/** Which lines of an HTTP/1.1 head have a place in HTTP/2 (RFC 9113 8.2.2). */
import { asciiBytes, equalsIgnoringCase } from "../http1/byte-classes.ts";
import { HEADER } from "../http1/head.ts";
import { headerKind } from "../http1/header-kind.ts";
import type { HeadLine } from "./head-line.ts";

const TE = asciiBytes("te");
const TRAILER = asciiBytes("trailer");
const TRAILERS = asciiBytes("trailers");
/** Part of the HTTP/1.1 handshake of a WebSocket alone (RFC 8441 5). */
const WEBSOCKET_KEY = asciiBytes("sec-websocket-key");
const WEBSOCKET_ACCEPT = asciiBytes("sec-websocket-accept");

/** True for a line that becomes a field. `Host` does not: it is the authority. */
export function isField(buf: Uint8Array, start: number, line: HeadLine, isWebsocket: boolean): boolean {
  const { nameEnd } = line;
  switch (headerKind(buf, start, nameEnd, false)) {
    case HEADER.HOST:
    case HEADER.CONNECTION:
    case HEADER.TRANSFER_ENCODING:
    case HEADER.UPGRADE:
      return false;
    case HEADER.HOP_BY_HOP:
      if (equalsIgnoringCase(buf, start, nameEnd, TRAILER)) return true;
      return (
        equalsIgnoringCase(buf, start, nameEnd, TE) &&
        equalsIgnoringCase(buf, line.valueStart, line.valueEnd, TRAILERS) &&
        isLowerCase(buf, line.valueStart, line.valueEnd)
      );
    default:
      return !(
        isWebsocket &&
        (equalsIgnoringCase(buf, start, nameEnd, WEBSOCKET_KEY) ||
          equalsIgnoringCase(buf, start, nameEnd, WEBSOCKET_ACCEPT))
      );
  }
}

function isLowerCase(buf: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (buf[at]! < 0x61) return false;
  return true;
}
