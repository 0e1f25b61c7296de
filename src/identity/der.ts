/**
 * A strict reader of DER (X.690): definite and minimal lengths, one-byte tags, minimal integers, nothing after the end.
 * It walks forward over one array and never recurses, so its work is bounded by the length of the array; how deep it goes is
 * decided by the code that reads, not by the bytes. Throws CertificateError and nothing else.
 */
import { CertificateError, type CertificateProblem } from "./certificate-error.ts";

/** Identifier octets that occur in certificates (X.690 8.1.2). */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Context tag, primitive. */
export const contextPrimitive = (number: number): number => 0x80 | number;

/** Context tag, constructed. */
export const contextConstructed = (number: number): number => 0xa0 | number;

/** Most bytes of a serial number (RFC 5280 4.1.2.2). */
export const INTEGER_BYTES_MAX = 20;

function refuse(problem: CertificateProblem): never {
  throw new CertificateError(problem);
}

/** Reads the elements of `bytes[at, end)` one after the other. What it hands out are views of `bytes`. */
export class DerReader {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  private at: number;
  private contentStart = 0;
  private contentEnd = 0;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Whether nothing is left. */
  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  /** Tag of the next element, or -1 at the end. */
  get nextTag(): number {
    return this.at < this.end ? this.bytes[this.at]! : -1;
  }

  /** Refuses anything that is left. */
  finish(): void {
    if (!this.isAtEnd) refuse("der_trailing");
  }

  /** The content of the next element, which must have this tag. */
  content(tag: number): Uint8Array {
    this.advance(tag);
    return this.bytes.subarray(this.contentStart, this.contentEnd);
  }

  /** The next element whole, head included. */
  element(tag: number): Uint8Array {
    const start = this.at;
    this.advance(tag);
    return this.bytes.subarray(start, this.contentEnd);
  }

  /** A reader of the content of the next element. */
  enter(tag: number): DerReader {
    this.advance(tag);
    return new DerReader(this.bytes, this.contentStart, this.contentEnd);
  }

  private advance(tag: number): void {
    const { bytes, end } = this;
    if (this.at >= end) refuse("der_truncated");
    if (bytes[this.at] !== tag) refuse("der_tag");
    let at = this.at + 1;
    if (at >= end) refuse("der_truncated");
    let length = bytes[at++]!;
    if (length >= 0x80) {
      const count = length & 0x7f;
      // 0x80 is the indefinite form. Two bytes of length say 64 KiB, more than any certificate here may have.
      if (count === 0 || count > 2) refuse("der_length");
      if (at + count > end) refuse("der_truncated");
      length = count === 1 ? bytes[at]! : (bytes[at]! << 8) | bytes[at + 1]!;
      if (length < (count === 1 ? 0x80 : 0x100)) refuse("der_length");
      at += count;
    }
    if (length > end - at) refuse("der_truncated");
    this.contentStart = at;
    this.contentEnd = at + length;
    this.at = this.contentEnd;
  }
}

/** A BOOLEAN: 0x00 or 0xff (X.690 11.1). */
export function readBoolean(content: Uint8Array): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) refuse("der_boolean");
  return content[0] === 0xff;
}

/** The bytes of an INTEGER that is not negative: minimal, at most `bytesMax` without the leading zero (X.690 8.3). */
export function readUnsigned(content: Uint8Array, bytesMax = INTEGER_BYTES_MAX): Uint8Array {
  const [first = 0x80, second = 0x80] = content;
  if (content.length === 0 || (first & 0x80) !== 0) refuse("der_integer");
  if (content.length > 1 && first === 0 && (second & 0x80) === 0) refuse("der_integer");
  const bytes = first === 0 && content.length > 1 ? content.subarray(1) : content;
  if (bytes.length > bytesMax) refuse("der_integer");
  return bytes;
}

/** An INTEGER from 0 to 127: versions and path lengths are no larger. */
export function readSmall(content: Uint8Array): number {
  return readUnsigned(content, 1)[0]!;
}

/** An OBJECT IDENTIFIER as the hex of its content, which names it as well as the dotted form does (X.690 8.19). */
export function readOid(content: Uint8Array): string {
  if (content.length === 0 || content.length > 32) refuse("der_oid");
  let isStart = true;
  for (const byte of content) {
    if (isStart && byte === 0x80) refuse("der_oid");
    isStart = (byte & 0x80) === 0;
  }
  if (!isStart) refuse("der_oid");
  return content.toHex();
}

/** The bytes of a BIT STRING that is a whole number of bytes. */
export function readBitBytes(content: Uint8Array): Uint8Array {
  if (content.length < 1 || content[0] !== 0) refuse("der_bit_string");
  return content.subarray(1);
}

/**
 * A BIT STRING of named bits, bit 0 of the standard as bit 0 of the number; at most 16 bits. Bits that are not used are zero
 * and trailing zero bits are left out (X.690 11.2).
 */
export function readNamedBits(content: Uint8Array): number {
  const [unused = 8, ...bytes] = content;
  const last = bytes.at(-1);
  if (content.length > 3 || unused > 7 || (last === undefined && unused !== 0)) refuse("der_bit_string");
  if (last !== undefined && (last & ((1 << (unused + 1)) - 1)) !== 1 << unused) refuse("der_bit_string");
  let bits = 0;
  for (const [index, byte] of bytes.entries())
    for (let bit = 0; bit < 8; bit++) if ((byte & (0x80 >> bit)) !== 0) bits |= 1 << (index * 8 + bit);
  return bits;
}
