/**
 * A slow and simple HPACK of its own: strings, arrays, one bit at a time. For tests only, to compare ours with; shares nothing
 * with it but the numbers of RFC 7541.
 */
import { CODE, CODE_BITS } from "../../src/wire/hpack/huffman-code.ts";
import { STATIC_FIELDS } from "../../src/wire/hpack/static-table.ts";

export interface ReferenceField {
  readonly name: string;
  readonly value: string;
  readonly neverIndexed: boolean;
}

const SYMBOL_OF_CODE = new Map<string, number>();
for (let symbol = 0; symbol <= 256; symbol++) {
  SYMBOL_OF_CODE.set(CODE[symbol]!.toString(2).padStart(CODE_BITS[symbol]!, "0"), symbol);
}

/** One character per byte; throws an Error for anything that is no complete Huffman string. */
export function referenceHuffman(bytes: readonly number[]): string {
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let text = "";
  let code = "";
  for (const bit of bits) {
    code += bit;
    const symbol = SYMBOL_OF_CODE.get(code);
    if (symbol === undefined) continue;
    if (symbol === 256) throw new Error("end of string");
    text += String.fromCharCode(symbol);
    code = "";
  }
  if (code.length > 7 || code.includes("0")) throw new Error("padding");
  return text;
}

/** A decoder with its table; `decode` throws an Error for whatever it does not understand. */
export class ReferenceDecoder {
  entries: { name: string; value: string }[] = [];
  limit = 4096;
  readonly limitMax: number;

  constructor(limitMax: number) {
    this.limitMax = Math.max(4096, limitMax);
  }

  /** @param told of each field, and how many bytes of the block it took. */
  decode(block: Uint8Array, told?: (field: ReferenceField, bytes: number) => void): ReferenceField[] {
    const bytes = [...block];
    const fields: ReferenceField[] = [];
    let at = 0;
    const integer = (prefixBits: number): number => {
      const max = 2 ** prefixBits - 1;
      let value = bytes[at++]! & max;
      if (value < max) return value;
      for (let shift = 0; ; shift += 7) {
        if (at >= bytes.length || shift > 21) throw new Error("integer");
        const byte = bytes[at++]!;
        value += (byte & 127) * 2 ** shift;
        if (byte < 128) break;
      }
      if (value >= 2 ** 28) throw new Error("integer");
      return value;
    };
    const string = (): string => {
      if (at >= bytes.length) throw new Error("string");
      const isHuffman = bytes[at]! >= 128;
      const length = integer(7);
      if (at + length > bytes.length) throw new Error("string");
      const raw = bytes.slice(at, at + length);
      at += length;
      return isHuffman ? referenceHuffman(raw) : String.fromCharCode(...raw);
    };
    const entry = (index: number) => {
      if (index === 0) throw new Error("index 0");
      const known = STATIC_FIELDS[index - 1];
      const found = known === undefined ? this.entries[index - 62] : { name: known[0], value: known[1] };
      if (found === undefined) throw new Error("index");
      return found;
    };
    let updates = 0;
    while (at < bytes.length) {
      const byte = bytes[at]!;
      const start = at;
      const before = fields.length;
      if (byte >= 128) fields.push({ ...entry(integer(7)), neverIndexed: false });
      else if (byte >= 32 && byte < 64) {
        if (fields.length > 0 || ++updates > 2) throw new Error("size update");
        const limit = integer(5);
        if (limit > this.limitMax) throw new Error("size update");
        this.limit = limit;
        this.evict();
      } else {
        const index = integer(byte >= 64 ? 6 : 4);
        const name = index === 0 ? string() : entry(index).name;
        const value = string();
        fields.push({ name, value, neverIndexed: byte >= 16 && byte < 32 });
        if (byte >= 64) {
          this.entries.unshift({ name, value });
          this.evict();
        }
      }
      if (fields.length > before) told?.(fields[before]!, at - start);
    }
    return fields;
  }

  private evict(): void {
    const size = () => this.entries.reduce((sum, { name, value }) => sum + name.length + value.length + 32, 0);
    while (size() > this.limit) this.entries.pop();
  }
}
