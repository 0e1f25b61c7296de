/** The power goes off after each single writing of a change of the root, with a node that follows. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { IdentityStore } from "../../src/keeper/identity/identity-store.ts";
import { DyingStore } from "../support/dying-store.ts";
import { Parties, type Party } from "../support/keeper-party.ts";

setDefaultTimeout(120_000);

const MINUTE_MS = 60_000;

async function pass(minutes: number, all: readonly Party[]): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    for (const { box } of all) {
      box.realMs += MINUTE_MS;
      box.renewal.tick();
      await box.renewal.settled();
    }
    await all[0]!.meet(all[1]!);
    for (const { box } of all) await box.renewal.settled();
  }
}

test("both go on believing each other, and the change comes to its end", async () => {
  let writings = 0;
  for (let isOver = false; !isOver; writings++) {
    await using parties = new Parties();
    const root = await parties.party("till-1").on();
    const second = await parties.joined(root, "till-2");
    await root.meet(second);
    const before = root.box.site.root!.keyHash;
    await root.box.off();
    const dying = new DyingStore(root.box.statePath, Number.POSITIVE_INFINITY);
    root.box.store = dying;
    await root.on();
    dying.left = writings;
    await root.box.renewal.rotate("root", false).catch(() => undefined);
    await pass(2, [root, second]).catch(() => undefined);
    isOver = !dying.isDead;
    await root.box.off();
    root.box.store = new IdentityStore(root.box.statePath, {});
    await root.on();
    if (root.box.site.root!.keyHash === before && root.box.site.root!.rotation.phase === "steady") {
      expect(await root.box.renewal.rotate("root", false)).toBeUndefined();
    }
    await pass(4, [root, second]);
    expect([writings, root.box.site.root!.rotation.phase]).toEqual([writings, "steady"]);
    expect(root.box.site.root!.keyHash).not.toBe(before);
    expect(root.box.site.trust().bundle.roots.map(({ keyHash }) => keyHash)).toEqual([root.box.site.root!.keyHash]);
    expect(second.box.site.trust().bundle.roots.map(({ keyHash }) => keyHash)).toEqual([root.box.site.root!.keyHash]);
    expect(second.box.isBelieved(root.box.realMs, root.box.site)).toBe(true);
    expect(root.box.isBelieved(root.box.realMs, second.box.site)).toBe(true);
  }
  console.log(`a change of the root is ${writings - 1} writings`);
  expect(writings).toBeGreaterThan(8);
});
