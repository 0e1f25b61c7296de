import { expect, test } from "bun:test";
import { printBackup, type RootBackup, readBackup } from "./backup.ts";

const backup: RootBackup = {
  trustDomain: "site-a.example",
  rootKey: Uint8Array.of(1, 2, 3),
  rootCertificate: Uint8Array.of(4, 5),
  bundle: '{"keys":[],"spiffe_sequence":3}\n',
  bans: '{"version":1,"bans":[]} \u00fc\n',
};
const PASSPHRASE = "correct h\u00f6rse battery";

// Each guess costs 64 MiB and a fifth of a second, so everything that needs one stands in one test.
test("a root comes back under its passphrase alone, however it was printed", async () => {
  const text = await printBackup(backup, PASSPHRASE);
  expect(text).not.toContain("site-a");
  const lines = text.trimEnd().split("\n");
  expect(lines[0]).toBe("-----BEGIN SELVEDGE ROOT BACKUP-----");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(64);
  const asTyped = `\r\n  ${lines.join("  \r\n ")}\r\n\r\n`;
  const read = await readBackup(asTyped, PASSPHRASE.normalize("NFD"));
  if (typeof read === "string") throw new Error(read);
  expect({ ...read, rootKey: [...read.rootKey], rootCertificate: [...read.rootCertificate] }).toEqual({
    ...backup,
    rootKey: [1, 2, 3],
    rootCertificate: [4, 5],
  } as never);
  expect(await readBackup(text, "correct horse battery")).toBe("passphrase");
  const middle = text.indexOf("\n", 120) + 5;
  const changed = `${text.slice(0, middle)}${text[middle] === "A" ? "B" : "A"}${text.slice(middle + 1)}`;
  expect(await readBackup(changed, PASSPHRASE)).toBe("passphrase");
});

/** A backup with some bytes of its head replaced; never gets as far as a guess. */
function withHead(...bytes: readonly number[]): string {
  const head = Buffer.concat([Buffer.from("SVRB"), Uint8Array.from(bytes), new Uint8Array(28 + 40)]);
  return `-----BEGIN SELVEDGE ROOT BACKUP-----\n${head.toString("base64")}\n-----END SELVEDGE ROOT BACKUP-----\n`;
}

test.each([
  ["a later version", withHead(2, 16, 8, 1), "version"],
  ["a cost of gigabytes", withHead(1, 24, 8, 1), "cost"],
  ["a cost that protects nothing", withHead(1, 10, 8, 1), "cost"],
  ["blocks of another size", withHead(1, 16, 255, 1), "cost"],
  ["no parallel part", withHead(1, 16, 8, 0), "cost"],
  ["hours of time", withHead(1, 16, 8, 255), "cost"],
  ["nothing", "", "torn"],
  ["no last line", withHead(1, 16, 8, 1).replace(/-----END.*/, ""), "torn"],
  ["text between the lines", withHead(1, 16, 8, 1).replace("\n", "\nhello!\n"), "torn"],
  ["too few bytes", withHead().replace(/A{20}/g, ""), "torn"],
  ["more than a backup can be", "A".repeat(2 * 1024 * 1024), "torn"],
])("%s is refused before anything is computed", async (_, text, problem) => {
  expect(await readBackup(text, PASSPHRASE)).toBe(problem as never);
});

test("a passphrase that can be guessed is not taken", async () => {
  await expect(printBackup(backup, "short")).rejects.toThrow(RangeError);
  await expect(printBackup(backup, "x".repeat(1025))).rejects.toThrow(RangeError);
});
