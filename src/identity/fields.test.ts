import { expect, test } from "bun:test";
import fc from "fast-check";
import { FIELDS_MAX, fieldNumber, fieldText, numberField, packFields, textField, unpackFields } from "./fields.ts";

test("any list comes back, and no two lists are the same bytes", () => {
  const list = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 });
  const hex = (fields: readonly Uint8Array[]) => fields.map((field) => field.toHex());
  fc.assert(
    fc.property(list, list, (one, other) => {
      expect(hex(unpackFields(packFields(one)) ?? [])).toEqual(hex(one));
      const isSame = packFields(one).toHex() === packFields(other).toHex();
      expect(isSame).toBe(JSON.stringify(hex(one)) === JSON.stringify(hex(other)));
    }),
    { numRuns: 300 },
  );
});

test("bytes that are no list are none, and noise never throws", () => {
  for (const hex of ["00", "000000", "00000001", "ffffffff", "0000000200", "000000000000"])
    expect(unpackFields(Uint8Array.fromHex(hex))).toBeUndefined();
  expect(unpackFields(new Uint8Array(4 * (FIELDS_MAX + 1)))).toBeUndefined();
  expect(unpackFields(new Uint8Array(4 * FIELDS_MAX))?.length).toBe(FIELDS_MAX);
  expect(() => packFields(Array.from({ length: FIELDS_MAX + 1 }, () => new Uint8Array()))).toThrow(RangeError);
});

test("numbers have one spelling and texts are visible", () => {
  expect(fieldNumber(numberField(1_790_000_000_000))).toBe(1_790_000_000_000);
  for (const text of ["", "01", "+1", "-1", "1.0", "1e3", " 1", "0x1", "NaN", "9007199254740993", "99999999999999999"])
    expect([text, fieldNumber(textField(text))]).toEqual([text, undefined]);
  expect(() => numberField(1.5)).toThrow(RangeError);
  expect(fieldText(textField("till-1 x"))).toBe("till-1 x");
  for (const text of ["a\0b", "a\nb", "\u00e9"]) expect(fieldText(textField(text))).toBeUndefined();
});
