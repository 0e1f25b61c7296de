/** A list of byte strings as one, each with its length before it, so that no two lists are the same bytes. */

/** Most fields of a list. Reason: the longest is a child's answer with 256 certificates and keys. */
export const FIELDS_MAX = 1024;

/** Joins fields: four bytes of length, high byte first, then the bytes. Throws RangeError beyond `FIELDS_MAX`. */
export function packFields(fields: readonly Uint8Array[]): Uint8Array {
  if (fields.length > FIELDS_MAX) throw new RangeError(`more than ${FIELDS_MAX} fields`);
  let length = 0;
  for (const field of fields) length += 4 + field.length;
  const packed = new Uint8Array(length);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const field of fields) {
    view.setUint32(at, field.length);
    packed.set(field, at + 4);
    at += 4 + field.length;
  }
  return packed;
}

/** The fields, as views of `packed`, or `undefined` where the bytes are not exactly a list. */
export function unpackFields(packed: Uint8Array): Uint8Array[] | undefined {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const fields: Uint8Array[] = [];
  for (let at = 0; at < packed.length; ) {
    if (packed.length - at < 4 || fields.length === FIELDS_MAX) return undefined;
    const length = view.getUint32(at);
    if (length > packed.length - at - 4) return undefined;
    fields.push(packed.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return fields;
}

const encoder = new TextEncoder();

/** A text as a field. */
export function textField(text: string): Uint8Array {
  return encoder.encode(text);
}

/** A field as text, or `undefined` where it holds anything but visible ASCII and blanks. */
export function fieldText(field: Uint8Array): string | undefined {
  for (const byte of field) if (byte < 0x20 || byte > 0x7e) return undefined;
  return String.fromCharCode(...field);
}

/** A whole number from 0 up as a field: its decimal digits. */
export function numberField(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError("not a whole number from 0 up");
  return textField(String(value));
}

/** A field as whole number, or `undefined` where it is not exactly what `numberField` makes. */
export function fieldNumber(field: Uint8Array): number | undefined {
  if (field.length > 16) return undefined;
  const text = fieldText(field);
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 && String(value) === text ? value : undefined;
}
