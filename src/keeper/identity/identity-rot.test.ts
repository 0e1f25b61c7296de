import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { IdentityBox, letIn, T0 } from "../../../test/support/identity-box.ts";
import { IDENTITY_FILES } from "./identity-store.ts";

setDefaultTimeout(30_000);

const boxes: IdentityBox[] = [];
afterEach(async () => {
  for (const box of boxes.splice(0)) {
    await box.off();
    box.remove();
  }
});

async function first(): Promise<IdentityBox> {
  const box = new IdentityBox();
  boxes.push(box);
  return box.on();
}

async function joined(root: IdentityBox, node = "till-2"): Promise<IdentityBox> {
  const box = new IdentityBox(node);
  boxes.push(box);
  await letIn(root, box);
  return box.on();
}

describe("a disk that rots", () => {
  test("never makes an identity that was changed pass for a good one", async () => {
    const root = await first();
    const other = await joined(root);
    const banned = await joined(root, "till-3");
    await root.site.ban("till-3", "stolen");
    other.site.adoptTrust(root.site.trustMessage());
    for (const box of [root, other]) {
      await box.off();
      for (const name of IDENTITY_FILES) {
        const path = join(box.store.folder, name);
        let good: Buffer;
        try {
          good = readFileSync(path);
        } catch {
          continue;
        }
        for (const bad of [good.subarray(0, good.length >> 1), flipped(good), Buffer.alloc(0)]) {
          writeFileSync(path, bad);
          // Either it starts with everything that matters, or it says why not.
          const outcome = await box.on().then(
            () => (banned.isBelieved(T0, box.site) ? "lets the banned in" : "starts"),
            (error: Error) => error.message,
          );
          expect(outcome).not.toBe("lets the banned in");
          if (["trust", "trust.copy", "clock", "issued"].includes(name)) expect(outcome).toBe("starts");
          await box.off();
          writeFileSync(path, good);
        }
      }
      await box.on();
      expect(box.isBelieved()).toBe(true);
    }
  });

  test("does not start with both copies of bundle and bans gone, since that would lift every ban", async () => {
    const box = await first();
    await box.off();
    for (const name of ["trust", "trust.copy"]) writeFileSync(join(box.store.folder, name), "");
    await expect(box.on()).rejects.toThrow("rotten");
  });

  test("does not make another key-encryption key in place of one that is lost", async () => {
    const box = await first();
    await box.off();
    writeFileSync(join(box.statePath, "kek"), "");
    await box.on();
    expect(box.renewal.troubles.get("svids")).toContain("kek");
    expect(statSync(join(box.statePath, "kek")).size).toBe(0);
  });
});

function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  changed[changed.length >> 1]! ^= 4;
  return changed;
}
