import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { IdentityBox, T0, TD, wishesOf } from "../../../test/support/identity-box.ts";
import { isKeyBanned } from "../../identity/bans.ts";
import { ISSUED_FILE, TRUST_FILE } from "./identity-files.ts";
import { backupStored, takeStored } from "./stored-identity.ts";

setDefaultTimeout(30_000);

const PASSPHRASE = "four words drawn by dice";
const boxes: IdentityBox[] = [];
afterEach(async () => {
  for (const box of boxes.splice(0)) {
    await box.off();
    box.remove();
  }
});

function newBox(node = "till-1"): IdentityBox {
  const box = new IdentityBox(node);
  boxes.push(box);
  return box;
}

const backUp = (box: IdentityBox): Promise<string> => backupStored(box.statePath, {}, PASSPHRASE);

const take = (box: IdentityBox, text: string, how: "restore" | "promote" = "restore"): Promise<string | undefined> =>
  takeStored(box.statePath, {}, { text, passphrase: PASSPHRASE, how });

test("a root goes on in another machine, which everybody of the site believes", async () => {
  const dead = await newBox().on();
  const text = await backUp(dead);
  const box = newBox();
  expect(await take(box, text)).toBeUndefined();
  await box.on();
  expect(box.site.root?.keyHash).toBe(dead.site.root!.keyHash);
  expect(box.isBelieved(T0, dead.site)).toBe(true);
  expect(dead.isBelieved(T0, box.site)).toBe(true);
});

test("a root that a first start made in the new machine is put aside, not lost", async () => {
  const dead = await newBox().on();
  const text = await backUp(dead);
  const box = await newBox().on();
  await box.off();
  expect(await take(box, text)).toBe(join(box.statePath, "identity.aside-1"));
  expect(readdirSync(join(box.statePath, "identity.aside-1"))).toContain("root");
  await box.on();
  expect(dead.isBelieved(T0, box.site)).toBe(true);
});

test("an old backup lowers neither a ban nor a sequence", async () => {
  const box = await newBox().on();
  const keyHash = "b".repeat(64);
  const text = await backUp(box);
  await box.site.banKeys("till-9", [keyHash], "stolen");
  const { keyHash: own } = box.site.root!;
  await box.site.sayRoots([box.site.root!.certificate.der]);
  const { sequence } = box.site.siteTrust.bundle;
  await box.off();
  // Others depend on this root, so that it is not simply put aside.
  const issued = box.store.read(ISSUED_FILE);
  if (issued.state !== "good") throw new Error("no list");
  box.store.write(ISSUED_FILE, { ...issued.value, isShared: true });
  await take(box, text);
  await box.on();
  expect(box.site.siteTrust.bundle.sequence).toBe(sequence);
  expect(isKeyBanned(box.site.trust().bans, keyHash)).toBe(true);
  expect(box.site.root?.keyHash).toBe(own);
});

test("a backup of another site, of a root that was changed since, or changed itself is refused and changes nothing", async () => {
  const box = await newBox().on();
  const text = await backUp(box);
  await box.renewal.rotate("root", false);
  await box.pass(60_000, 5_000);
  await box.off();
  const issued = box.store.read(ISSUED_FILE);
  if (issued.state !== "good") throw new Error("no list");
  box.store.write(ISSUED_FILE, { ...issued.value, isShared: true });
  const before = JSON.stringify(box.store.read(TRUST_FILE));
  await expect(take(box, text)).rejects.toThrow("changed after this backup");
  const other = await newBox().on(wishesOf("till-1", "store-043.fleet.example"));
  await expect(take(box, await backUp(other))).rejects.toThrow(`belongs to the site ${TD}`);
  await expect(take(box, text.replace("M", "N"))).rejects.toThrow();
  await expect(takeStored(box.statePath, {}, { text, passphrase: "another one", how: "restore" })).rejects.toThrow(
    "passphrase",
  );
  expect(JSON.stringify(box.store.read(TRUST_FILE))).toBe(before);
});

test("nothing is restored over bans that cannot be read, until somebody moves them away", async () => {
  const box = await newBox().on();
  const text = await backUp(box);
  await box.off();
  const issued = box.store.read(ISSUED_FILE);
  if (issued.state !== "good") throw new Error("no list");
  box.store.write(ISSUED_FILE, { ...issued.value, isShared: true });
  for (const name of ["trust", "trust.copy"]) writeFileSync(join(box.store.folder, name), "rot");
  await expect(take(box, text)).rejects.toThrow("without what was banned since");
  rmSync(box.store.folder, { recursive: true });
  await take(box, text);
  await box.on();
  expect(box.isBelieved()).toBe(true);
});

test("only a node that was let in can be promoted", async () => {
  const root = await newBox().on();
  const text = await backUp(root);
  await expect(take(newBox("till-2"), text, "promote")).rejects.toThrow("was not let into");
});
