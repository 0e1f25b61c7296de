import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IdentityBox } from "../../../test/support/identity-box.ts";
import { StolenDisk } from "../../../test/support/stolen-disk.ts";
import { ISSUER_FILE } from "./identity-files.ts";
import { IdentityStore } from "./identity-store.ts";
import { KEK_CREDENTIAL, kekPlace, readKek } from "./kek.ts";

let base = "";
let credentials = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "selvedge-kek-"));
  credentials = join(base, "credentials");
  mkdirSync(credentials);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const putCredential = (byte: number): void =>
  writeFileSync(join(credentials, KEK_CREDENTIAL), new Uint8Array(32).fill(byte));

describe("the key-encryption key", () => {
  test("is systemd's credential, else the file that the operator names, else beside what it seals", () => {
    const env = { CREDENTIALS_DIRECTORY: credentials, SELVEDGE_KEK_FILE: join(base, "named") };
    putCredential(1);
    expect(kekPlace(base, env)).toEqual({ path: join(credentials, KEK_CREDENTIAL), kind: "credential" });
    // A unit may have other credentials and not this one.
    rmSync(join(credentials, KEK_CREDENTIAL));
    expect(kekPlace(base, env)).toEqual({ path: join(base, "named"), kind: "file" });
    for (const unset of [{}, { CREDENTIALS_DIRECTORY: "", SELVEDGE_KEK_FILE: "" }])
      expect(kekPlace(base, unset)).toEqual({ path: join(base, "kek"), kind: "state" });
  });

  test("is made once, in the state directory alone, and never where something is sealed under another one", () => {
    const beside = kekPlace(base, {});
    expect(readKek(beside, false)).toEqual({ problem: expect.stringContaining("is not there") });
    const made = readKek(beside, true);
    expect(made).toHaveLength(32);
    expect(readKek(beside, true)).toEqual(made);
    const named = kekPlace(base, { SELVEDGE_KEK_FILE: join(base, "named") });
    expect(readKek(named, true)).toEqual({ problem: expect.stringContaining("is not there") });
    expect(existsSync(named.path)).toBe(false);
  });

  test("of another length is none", () => {
    for (const bytes of [0, 31, 33, 4096]) {
      writeFileSync(join(base, "named"), new Uint8Array(bytes));
      const place = kekPlace(base, { SELVEDGE_KEK_FILE: join(base, "named") });
      expect(readKek(place, true)).toEqual({ problem: `${place.path} is not 32 bytes` });
    }
  });
});

describe("a state directory whose key lies elsewhere", () => {
  test("opens with that key alone: a thief of the disk has nothing that signs, and no other key is made in its place", async () => {
    const env = { CREDENTIALS_DIRECTORY: credentials };
    putCredential(1);
    const box = new IdentityBox();
    try {
      box.store = new IdentityStore(box.statePath, env);
      await box.on();
      expect(box.isBelieved()).toBe(true);
      await box.off();
      expect(existsSync(join(box.statePath, "kek"))).toBe(false);
      await expect(StolenDisk.read(box.statePath)).rejects.toThrow("is not there");
      expect(existsSync(join(box.statePath, "kek"))).toBe(false);
      // Another machine's credential, or one that was made anew.
      putCredential(2);
      const issuer = box.store.read(ISSUER_FILE);
      if (issuer.state !== "good") throw new Error("no issuer");
      await expect(box.store.withSigner("issuer-key", issuer.value, async () => undefined)).rejects.toThrow(
        join(credentials, KEK_CREDENTIAL),
      );
      putCredential(1);
      await box.on();
      expect(box.isBelieved()).toBe(true);
    } finally {
      await box.off();
      rmSync(box.statePath, { recursive: true, force: true });
    }
  });
});
