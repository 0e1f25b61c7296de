/** The handshake that WebSockets have on HTTP/1.1 alone (RFC 6455 4): made and checked here where the other side speaks HTTP/2. */
import type { RandomPool } from "../../telemetry/random-pool.ts";
import type { HeaderLines } from "../../wire/http1/head.ts";
import { latin1 } from "../bytes.ts";

/** What the accept value is made of besides the key (RFC 6455 1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_WORDS = 4;
/** Names of its lines, in lower case. */
export const WEBSOCKET_KEY = "sec-websocket-key";
export const WEBSOCKET_ACCEPT = "sec-websocket-accept";

/** A key for one handshake. */
export function makeWebsocketKey(random: RandomPool): string {
  const words = Buffer.alloc(KEY_WORDS * 4);
  for (let i = 0; i < KEY_WORDS; i++) words.writeUInt32LE(random.word(), i * 4);
  return words.toString("base64");
}

/** What a server that has read `key` answers. */
export function websocketAccept(key: string): string {
  return new Bun.CryptoHasher("sha1").update(`${key}${GUID}`).digest("base64");
}

/** The value of the one line of this name; `null` where there is none, or more than one. */
export function soleValue(bytes: Buffer, lines: HeaderLines, name: string): string | null {
  let value: string | null = null;
  for (let i = 0; i < lines.count; i++) {
    if (lines.nameEnd[i]! - lines.nameStart[i]! !== name.length) continue;
    if (latin1(bytes, lines.nameStart[i]!, lines.nameEnd[i]!).toLowerCase() !== name) continue;
    if (value !== null) return null;
    value = latin1(bytes, lines.valueStart[i]!, lines.valueEnd[i]!);
  }
  return value;
}
