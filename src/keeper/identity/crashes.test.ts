/** The power goes off after each single writing of a join, a restore, a promotion, a ban or a rotation: nothing of it starts wrong. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { DyingStore, PowerOff } from "../../../test/support/dying-store.ts";
import { IdentityBox, TD, wishesOf } from "../../../test/support/identity-box.ts";
import type { RootBackup } from "../../identity/backup.ts";
import { IdentityStore, IdentityStoreError } from "./identity-store.ts";
import { joinObstacle, joinSite } from "./join-site.ts";
import { rootBackup, type TakeRoot, takeRoot } from "./take-root.ts";

setDefaultTimeout(60_000);

const boxes: IdentityBox[] = [];
afterEach(async () => {
  for (const box of boxes.splice(0)) {
    await box.off();
    box.remove();
  }
});

function box(node: string): IdentityBox {
  const made = new IdentityBox(node);
  boxes.push(made);
  return made;
}

/** What a node is let in with; `challenge` makes each key another one. */
async function admission(root: IdentityBox, node: string) {
  const challenge = crypto.getRandomValues(new Uint8Array(32));
  const asked = await root.issue({ kind: "ask", trustDomain: TD, node, challenge });
  if (asked.kind !== "asked") throw new Error(asked.kind);
  const signed = await root.site.signIssuer(node, asked.request, challenge);
  if ("refused" in signed) throw new Error(signed.refused);
  return {
    trustDomain: TD,
    node,
    root: root.site.siteTrust.bundle.roots[0]!.der,
    trustMessage: root.site.trustMessage(),
    issuer: { certificate: signed.certificate, key: asked.key },
    nowMs: root.realMs,
  };
}

/** Cuts the power after 0, 1, 2, ... writings of `act`, and each time looks at what a start finds; answers how many there are. */
async function withEveryCrash(
  template: string,
  act: (store: DyingStore) => unknown,
  look: (box: IdentityBox, writings: number) => Promise<void>,
): Promise<number> {
  for (let writings = 0; ; writings++) {
    const victim = box("till-2");
    rmSync(victim.statePath, { recursive: true });
    cpSync(template, victim.statePath, { recursive: true });
    let hasDied = false;
    try {
      await act(new DyingStore(victim.statePath, writings));
    } catch (error) {
      if (!(error instanceof PowerOff)) throw error;
      hasDied = true;
    }
    if (!hasDied) return writings;
    await look(victim, writings);
  }
}

/** What a start comes to: the identity's root, or why there is none. */
async function started(of: IdentityBox): Promise<string> {
  try {
    await of.on(wishesOf("till-2"));
    return of.site.siteTrust.bundle.roots[0]?.keyHash ?? "";
  } catch (error) {
    if (!(error instanceof IdentityStoreError)) throw error;
    return "refused";
  }
}

describe("the power goes off while", () => {
  test("a machine joins for the first time: it says so or has its old root, and joins at the next try", async () => {
    const root = await box("till-1").on();
    const fresh = await box("till-2").on();
    await fresh.off();
    const ownRoot = (await started(fresh)) as string;
    await fresh.off();
    const admissions = await Promise.all(Array.from({ length: 20 }, () => admission(root, "till-2")));
    const again = await Promise.all(Array.from({ length: 20 }, () => admission(root, "till-2")));
    let turn = 0;
    const writings = await withEveryCrash(
      fresh.statePath,
      (store) => joinSite(store, admissions[turn++]!),
      async (victim) => {
        const found = await started(victim);
        // Where even the folder is gone it is as a new machine: a root of its own, which nobody believes.
        expect(found).not.toBe(root.site.siteTrust.bundle.roots[0]!.keyHash);
        if (found === ownRoot || found === "refused") expect(victim.told.join()).not.toContain("founded");
        await victim.off();
        joinSite(new IdentityStore(victim.statePath, {}), again[turn]!);
        expect(await started(victim)).toBe(root.site.siteTrust.bundle.roots[0]!.keyHash);
        expect(victim.isBelieved(root.realMs, root.site)).toBe(true);
      },
    );
    expect(writings).toBeGreaterThan(4);
  });

  for (const how of ["restore", "promote"] as const) {
    test(`a root is brought back (${how}): no ban is forgotten, no other root made, and it works at the next try`, async () => {
      const root = await box("till-1").on();
      const joiner = box("till-2");
      if (how === "promote") joinSite(joiner.store, await admission(root, "till-2"));
      await joiner.on();
      await root.site.banKeys("till-9", ["ab".repeat(32)], "stolen");
      if (how === "promote") joiner.site.adoptTrust(root.site.trustMessage());
      const keyHash = root.site.siteTrust.bundle.roots[0]!.keyHash;
      await joiner.off();
      const take = async (store: IdentityStore, mode: TakeRoot): Promise<void> => {
        const backup: RootBackup = await rootBackup(root.store);
        takeRoot(store, backup, mode, root.realMs);
      };
      const writings = await withEveryCrash(
        joiner.statePath,
        (store) => take(store, how),
        async (victim) => {
          const found = await started(victim);
          if (how === "promote") expect(found).toBe(keyHash);
          if (found === keyHash) expect(victim.site.siteTrust.isBanned("ab".repeat(32))).toBe(true);
          await victim.off();
          await take(new IdentityStore(victim.statePath, {}), victim.store.exists ? how : "restore");
          expect(await started(victim)).toBe(keyHash);
          expect(victim.site.holdsRoot).toBe(true);
          expect(victim.site.siteTrust.isBanned("ab".repeat(32))).toBe(true);
          await victim.site.banKeys("till-8", ["cd".repeat(32)], "and it signs");
        },
      );
      expect(writings).toBeGreaterThan(3);
    });
  }
});

describe("a start", () => {
  test("never makes a root over one that others depend on, whichever file is lost", async () => {
    const root = await box("till-1").on();
    const joiner = box("till-2");
    joinSite(joiner.store, await admission(root, "till-2"));
    await joiner.on();
    const { keyHash } = root.site.siteTrust.bundle.roots[0]!;
    await Promise.all([root.off(), joiner.off()]);
    for (const template of [root, joiner]) {
      for (const file of ["site", "root", "issuer", "issued", "trust", "trust.copy", "clock", "pending"]) {
        for (const damage of ["lost", "torn"] as const) {
          const victim = box(template.node);
          rmSync(victim.statePath, { recursive: true });
          cpSync(template.statePath, victim.statePath, { recursive: true });
          const path = `${victim.statePath}/identity/${file}`;
          if (damage === "lost") rmSync(path, { force: true });
          else await Bun.write(path, "{");
          try {
            await victim.on();
            expect([file, damage, victim.site.siteTrust.bundle.roots[0]?.keyHash]).toEqual([file, damage, keyHash]);
          } catch (error) {
            if (!(error instanceof IdentityStoreError)) throw error;
          }
          expect(victim.told.join()).not.toContain("founded");
          const obstacle = joinObstacle(new IdentityStore(victim.statePath, {}), TD);
          if (template === root) expect([file, damage, obstacle]).toEqual([file, damage, expect.any(String)]);
          else if (file !== "site") expect(obstacle).toBeUndefined();
        }
      }
    }
  });
});
