import { describe, expect, test } from "bun:test";
import { element, raw, text } from "../../test/support/der-build.ts";
import { CertificateError } from "./certificate-error.ts";
import { DerReader, readBoolean, readNamedBits, readOid, readSmall, readUnsigned, TAG } from "./der.ts";
import { readTime } from "./der-time.ts";

function problemOf(work: () => unknown): string {
  try {
    work();
    return "none";
  } catch (error) {
    if (error instanceof CertificateError) return error.problem;
    throw error;
  }
}

describe("elements", () => {
  const octets = (hex: string) => problemOf(() => new DerReader(raw(hex)).content(TAG.octetString));

  test.each([
    ["0400", "none"],
    ["0401ff", "none"],
    ["", "der_truncated"],
    ["04", "der_truncated"],
    ["0402ff", "der_truncated"],
    ["0480", "der_length"],
    ["048000", "der_length"],
    ["0481", "der_truncated"],
    ["048101ff", "der_length"],
    ["04817f", "der_length"],
    ["048180", "der_truncated"],
    ["04820080", "der_length"],
    ["048200ff", "der_length"],
    ["04820100", "der_truncated"],
    ["0483000001ff", "der_length"],
    ["0484000000010", "der_length"],
    ["04ff", "der_length"],
    ["0500", "der_tag"],
    ["2400", "der_tag"],
    ["1f0400", "der_tag"],
  ])("%s as an octet string: %s", (hex, expected) => {
    expect(octets(hex.length % 2 === 0 ? hex : `${hex}0`)).toBe(expected);
  });

  test("lengths of 127, 128, 255 and 256 bytes are read as they are written", () => {
    for (const length of [127, 128, 255, 256, 5000]) {
      const reader = new DerReader(element(TAG.octetString, new Uint8Array(length)));
      expect(reader.content(TAG.octetString).length).toBe(length);
      reader.finish();
    }
  });

  test("an element never reaches beyond the one around it", () => {
    const inner = new DerReader(raw("300304020102")).enter(TAG.sequence);
    expect(problemOf(() => inner.content(TAG.octetString))).toBe("der_truncated");
  });
});

describe("values", () => {
  test.each([
    ["00", "00"],
    ["01", "01"],
    ["7f", "7f"],
    ["0080", "80"],
    ["00ff01", "ff01"],
  ])("integer %s is %s", (hex, expected) => {
    expect(readUnsigned(raw(hex)).toHex()).toBe(expected);
  });

  test.each(["", "80", "ff", "0000", "0001", "007f", `01${"00".repeat(20)}`])("integer %p is refused", (hex) => {
    expect(problemOf(() => readUnsigned(raw(hex)))).toBe("der_integer");
  });

  test("a small number is one byte", () => {
    expect(readSmall(raw("7f"))).toBe(127);
    expect(problemOf(() => readSmall(raw("0100")))).toBe("der_integer");
  });

  test("a boolean is 00 or ff", () => {
    expect(readBoolean(raw("00"))).toBe(false);
    expect(readBoolean(raw("ff"))).toBe(true);
    for (const hex of ["", "01", "fe", "ffff"]) expect(problemOf(() => readBoolean(raw(hex)))).toBe("der_boolean");
  });

  test("an object identifier is minimal and whole", () => {
    expect(readOid(raw("551d11"))).toBe("551d11");
    for (const hex of ["", "80", "5580", "558001", "55ff", "55".repeat(33)])
      expect(problemOf(() => readOid(raw(hex)))).toBe("der_oid");
  });

  test("named bits have neither padding that is set nor zeros at the end", () => {
    expect(readNamedBits(raw("0780"))).toBe(1);
    expect(readNamedBits(raw("0106"))).toBe((1 << 5) | (1 << 6));
    expect(readNamedBits(raw("070080"))).toBe(1 << 8);
    expect(readNamedBits(raw("00"))).toBe(0);
    for (const hex of ["", "01", "0880", "0080", "0781", "07008000", "0000"])
      expect(problemOf(() => readNamedBits(raw(hex)))).toBe("der_bit_string");
  });
});

describe("times", () => {
  const read = (tag: number, value: string) => readTime(new DerReader(text(tag, value)));
  const UTC = TAG.utcTime;
  const GENERALIZED = TAG.generalizedTime;

  test("two digits of a year mean 1950 to 2049", () => {
    expect(read(UTC, "491231235959Z")).toBe(Date.UTC(2049, 11, 31, 23, 59, 59));
    expect(read(UTC, "500101000000Z")).toBe(Date.UTC(1950, 0, 1));
    expect(read(UTC, "240229120000Z")).toBe(Date.UTC(2024, 1, 29, 12));
    expect(read(GENERALIZED, "20500101000000Z")).toBe(Date.UTC(2050, 0, 1));
    expect(read(GENERALIZED, "99991231235959Z")).toBe(Date.UTC(9999, 11, 31, 23, 59, 59));
  });

  test.each([
    [UTC, "250229000000Z"],
    [UTC, "250001000000Z"],
    [UTC, "251301000000Z"],
    [UTC, "250100000000Z"],
    [UTC, "250132000000Z"],
    [UTC, "250101240000Z"],
    [UTC, "250101006000Z"],
    [UTC, "250101000060Z"],
    [UTC, "2501010000Z"],
    [UTC, "250101000000"],
    [UTC, "250101000000z"],
    [UTC, "2501010000-1Z"],
    [UTC, "20250101000000Z"],
    [GENERALIZED, "20491231235959Z"],
    [GENERALIZED, "00000101000000Z"],
    [GENERALIZED, "20500101000000.0Z"],
    [GENERALIZED, "20500101000000+0000"],
    [TAG.octetString, "500101000000Z"],
  ])("tag %i, %s is refused", (tag, value) => {
    expect(problemOf(() => read(tag, value))).toMatch(/^der_/);
  });
});
