/** As much of protobuf's wire format as the messages of gRPC's interop cases use. */

/** What a field of ours can hold: a varint, text, bytes (also a message that was encoded). `undefined` is left out. */
export type FieldValue = number | boolean | string | Uint8Array | undefined;

const VARINT = 0;
const BYTES = 2;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return [...bytes, left];
}

/** Encodes `[number, value]` pairs in their order; zero, false and empty texts are left out as proto3 says. */
export function encodeFields(fields: readonly (readonly [number: number, value: FieldValue])[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    if (value === undefined || value === 0 || value === false || value === "") continue;
    if (typeof value === "number" || typeof value === "boolean") {
      parts.push(Uint8Array.from([...varint(number * 8 + VARINT), ...varint(Number(value))]));
      continue;
    }
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    parts.push(Uint8Array.from([...varint(number * 8 + BYTES), ...varint(bytes.length)]), bytes);
  }
  return Buffer.concat(parts);
}

/** The fields of one message. */
export class Fields {
  readonly #values = new Map<number, (number | Buffer)[]>();

  /** @throws where the bytes are not varints and length-delimited fields. */
  constructor(bytes: Buffer) {
    let at = 0;
    const read = (): number => {
      let value = 0;
      for (let factor = 1; ; factor *= 128) {
        const byte = bytes[at++];
        if (byte === undefined) throw new Error("a message is cut short");
        value += (byte & 127) * factor;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const tag = read();
      const type = tag % 8;
      const number = Math.floor(tag / 8);
      if (type !== VARINT && type !== BYTES) throw new Error(`field ${number} is of wire type ${type}`);
      const length = read();
      if (type === BYTES && at + length > bytes.length) throw new Error(`field ${number} is cut short`);
      const value = type === VARINT ? length : bytes.subarray(at, at + length);
      if (type === BYTES) at += length;
      this.#values.set(number, [...(this.#values.get(number) ?? []), value]);
    }
  }

  /** The last number of a field, 0 where it is absent. */
  number(field: number): number {
    const value = this.#values.get(field)?.at(-1);
    return typeof value === "number" ? value : 0;
  }

  /** The last bytes of a field, `undefined` where it is absent. */
  bytes(field: number): Buffer | undefined {
    const value = this.#values.get(field)?.at(-1);
    return typeof value === "number" ? undefined : value;
  }

  /** Every message of a field. */
  messages(field: number): Fields[] {
    return (this.#values.get(field) ?? []).flatMap((value) => (typeof value === "number" ? [] : [new Fields(value)]));
  }
}
