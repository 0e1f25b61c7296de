import { FLAG, RESPONSE_FLAGS } from "../../model/response-flags.ts";
import { asciiBytes } from "../../wire/http1/byte-classes.ts";
import { HEADER, type HeaderLines } from "../../wire/http1/head.ts";

const ID = asciiBytes("x-selvedge-id");
const REASON = asciiBytes("x-selvedge-reason");
const ID_DIGITS = 16;

/** What another node's mesh says about an answer that it made itself. One per exchange, reused. */
export class NodeAnswer {
  /** Position in RESPONSE_FLAGS; 0: the answer is the endpoint's own. */
  flag = 0;
  /** The id under which that node explains it, as two unsigned halves; 0, 0: none. */
  idHigh = 0;
  idLow = 0;

  clear(): void {
    this.flag = 0;
    this.idHigh = 0;
    this.idLow = 0;
  }

  /** Reads the lines of a head that came by a tunnel. Words that nobody uses mean nothing. */
  read(bytes: Uint8Array, lines: HeaderLines): void {
    this.clear();
    for (let i = 0; i < lines.count; i++) {
      if (lines.kind[i] !== HEADER.MESH_OWNED) continue;
      const from = lines.valueStart[i]!;
      const to = lines.valueEnd[i]!;
      if (isNamed(bytes, lines.nameStart[i]!, lines.nameEnd[i]!, ID)) this.#readId(bytes, from, to);
      else if (isNamed(bytes, lines.nameStart[i]!, lines.nameEnd[i]!, REASON)) this.flag = flagOf(bytes, from, to);
    }
  }

  /** The endpoint was not reached, by what that node says: trying another one repeats nothing. */
  get isUnreached(): boolean {
    return this.flag === FLAG.UH || this.flag === FLAG.UF || this.flag === FLAG.LISTENER_MISMATCH;
  }

  #readId(bytes: Uint8Array, start: number, end: number): void {
    if (end - start !== ID_DIGITS) return;
    const high = halfOf(bytes, start);
    const low = halfOf(bytes, start + ID_DIGITS / 2);
    if (high < 0 || low < 0) return;
    this.idHigh = high;
    this.idLow = low;
  }
}

function isNamed(bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false;
  for (let at = 0; at < name.length; at++) {
    const byte = bytes[start + at]!;
    if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== name[at]) return false;
  }
  return true;
}

function flagOf(bytes: Uint8Array, start: number, end: number): number {
  for (let flag = 1; flag < RESPONSE_FLAGS.length; flag++) {
    const word = RESPONSE_FLAGS[flag]!;
    if (word.length !== end - start) continue;
    let at = 0;
    while (at < word.length && bytes[start + at] === word.charCodeAt(at)) at++;
    if (at === word.length) return flag;
  }
  return 0;
}

/** Eight lower-case hexadecimal digits; -1 for anything else. */
function halfOf(bytes: Uint8Array, start: number): number {
  let value = 0;
  for (let at = start; at < start + ID_DIGITS / 2; at++) {
    const byte = bytes[at]!;
    const digit = byte >= 48 && byte <= 57 ? byte - 48 : byte >= 97 && byte <= 102 ? byte - 87 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}
