import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hardwareFacts, isSerial } from "./hardware-facts.ts";
import { endorsementHash, readEndorsementHash } from "./tpm.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-hardware-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a serial number", () => {
  test("is read from where firmware tells it, ends of lines and zeros cut off", () => {
    const [dmi, tree] = [join(folder, "dmi"), join(folder, "tree")];
    writeFileSync(dmi, "To be filled by O.E.M.\n");
    writeFileSync(tree, "10000000abcd1234\0");
    expect(hardwareFacts([join(folder, "none"), dmi, tree]).serial).toBe("10000000abcd1234");
    expect(hardwareFacts([dmi]).serial).toBe("");
  });

  test("is none where a vendor left a filler, or where it cannot be shown", () => {
    const wrong = ["", " ", "None", "0000", "Default string", "a\u0007b", "x".repeat(65), "caf\u00e9"];
    for (const text of wrong) expect([text, isSerial(text)]).toEqual([text, false]);
    for (const text of ["PF-3ABC 12", "7"]) expect(isSerial(text)).toBe(true);
  });
});

/** A TPM that holds one certificate at one index, as its commands and responses look on the wire (TPM 2.0 part 3, 31). */
function tpm(index: number, certificate: Uint8Array, commands: Uint8Array[] = []) {
  return (command: Uint8Array): Uint8Array => {
    commands.push(command);
    const view = new DataView(command.buffer, command.byteOffset);
    if (view.getUint32(10) !== index) return response(Uint8Array.of(), 0x18b);
    if (view.getUint32(6) === 0x169) {
      const area = new DataView(new ArrayBuffer(2 + 14 + 2 + 34));
      area.setUint16(0, 14);
      area.setUint32(2, index);
      area.setUint16(14, certificate.length);
      return response(new Uint8Array(area.buffer));
    }
    const [length, offset] = [view.getUint16(31), view.getUint16(33)];
    const body = new Uint8Array(6 + length + 5);
    new DataView(body.buffer).setUint32(0, 2 + length);
    new DataView(body.buffer).setUint16(4, length);
    body.set(certificate.subarray(offset, offset + length), 6);
    return response(body);
  };
}

function response(body: Uint8Array, code = 0): Uint8Array {
  const bytes = new Uint8Array(10 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x8001);
  view.setUint32(2, bytes.length);
  view.setUint32(6, code);
  bytes.set(body, 10);
  return bytes;
}

describe("the endorsement certificate", () => {
  const certificate = new Uint8Array(1300).map((_, at) => at % 251);
  const hash = createHash("sha256").update(certificate).digest("hex");

  test("is read in pieces from either index", () => {
    for (const index of [0x01c00002, 0x01c0000a]) {
      const commands: Uint8Array[] = [];
      expect(endorsementHash(tpm(index, certificate, commands))).toBe(hash);
      for (const command of commands) expect(new DataView(command.buffer).getUint32(2)).toBe(command.length);
    }
  });

  test("is none where the TPM has none, answers nonsense, or is not there", () => {
    expect(endorsementHash(() => response(Uint8Array.of(), 0x18b))).toBe("");
    for (const length of [0, 1, 9, 10, 11, 30]) expect(endorsementHash(() => new Uint8Array(length))).toBe("");
    expect(endorsementHash(() => response(Uint8Array.of(0xff, 0xff, 1)))).toBe("");
    expect(readEndorsementHash(join(folder, "no-tpm"))).toBe("");
  });
});
