/** DER as tests write it, also where it is wrong (X.690). */

export function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Uint8Array.from([tag, ...head]), content]);
}

export const seq = (...parts: readonly Uint8Array[]) => element(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]) => element(0x31, ...parts);
export const octets = (...parts: readonly Uint8Array[]) => element(0x04, ...parts);
export const bool = (value: boolean) => element(0x01, Uint8Array.of(value ? 0xff : 0));
export const int = (...bytes: readonly number[]) => element(0x02, Uint8Array.from(bytes));
export const bits = (unused: number, ...bytes: readonly number[]) => element(0x03, Uint8Array.of(unused, ...bytes));
export const bitString = (content: Uint8Array) => element(0x03, Uint8Array.of(0), content);
export const context = (number: number, ...parts: readonly Uint8Array[]) => element(0xa0 | number, ...parts);
export const contextText = (number: number, text: string) => element(0x80 | number, Buffer.from(text, "latin1"));
export const contextBytes = (number: number, ...bytes: readonly number[]) =>
  element(0x80 | number, Uint8Array.from(bytes));
export const text = (tag: number, value: string) => element(tag, Buffer.from(value, "latin1"));
export const raw = (hex: string) => Uint8Array.fromHex(hex);

export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const content = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 127];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 127) | 128);
    content.push(...groups);
  }
  return element(0x06, Uint8Array.from(content));
}

/** A name of attributes, each in a step of its own: `["2.5.4.3", "till-1"]`. */
export function dn(...attributes: readonly (readonly [string, string])[]): Uint8Array {
  return seq(...attributes.map(([type, value]) => set(seq(oid(type), text(0x0c, value)))));
}

export function utcTime(ms: number): Uint8Array {
  return text(0x17, `${new Date(ms).toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`);
}

export function generalizedTime(ms: number): Uint8Array {
  return text(0x18, `${new Date(ms).toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`);
}
