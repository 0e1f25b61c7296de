import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DAY_MS, HOUR_MS, IdentityBox, letIn, T0, TD, wishesOf } from "../../../test/support/identity-box.ts";
import { ISSUER_LIFE_MS } from "../../identity/lifetimes.ts";
import { backupStored, takeStored } from "./stored-identity.ts";

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

const first = async (node?: string): Promise<IdentityBox> => newBox(node).on();

/** Lets a box in, as joining does. */
async function joined(root: IdentityBox, node = "till-2"): Promise<IdentityBox> {
  const box = newBox(node);
  await letIn(root, box);
  return box.on();
}

/** As the peers' keepers do when they meet. */
function connect(root: IdentityBox, other: IdentityBox): void {
  other.renewal.renewIssuer = async () => {
    const challenge = new Uint8Array(randomBytes(32));
    const asked = await other.site.askIssuer(challenge);
    if ("refused" in asked) return asked.refused;
    const signed = await root.site.signIssuer(other.node, asked.request, challenge);
    return "refused" in signed ? signed.refused : other.site.installIssuer(signed.certificate);
  };
}

describe("a first start", () => {
  test("makes a root, an issuer and an SVID for the node and each workload, which a peer believes", async () => {
    const box = await first();
    expect(box.site.svids.all.map(({ key }) => key).sort()).toEqual(["", "workload/prod/till-1-web"]);
    expect(box.isBelieved()).toBe(true);
    expect(box.told[0]).toBe(`founded ${TD}`);
    expect(box.site.issuedIssuers().map(({ node }) => node)).toEqual(["till-1"]);
  });

  test("leaves no key readable on disk, and files for this user alone", async () => {
    const box = await first();
    const keys = box.site.svids.all.map(({ privateKey }) => Buffer.from(privateKey).toString("base64"));
    for (const name of readdirSync(box.store.folder)) {
      const path = join(box.store.folder, name);
      expect(statSync(path).mode & 0o077).toBe(0);
      const text = readFileSync(path, "latin1");
      // The head of every PKCS #8 of ours, as it would look in base64 at any of its three offsets.
      for (const head of ["MIGHAgEA", "CBhwIBAD", "ggYcCAQA"]) expect(text).not.toContain(head);
      for (const key of keys) expect(text).not.toContain(key);
    }
    expect(statSync(join(box.statePath, "kek")).mode & 0o777).toBe(0o600);
  });

  test("goes on with the same root and issuer after a restart, and makes new SVIDs", async () => {
    const box = await first();
    const { keyHash } = box.site.issuerCertificate()!;
    const serials = box.site.svids.all.map(({ certificate }) => certificate.serial);
    await box.off();
    await box.on();
    expect(box.site.issuerCertificate()?.keyHash).toBe(keyHash);
    expect(box.site.svids.all.some(({ certificate }) => serials.includes(certificate.serial))).toBe(false);
    expect(box.isBelieved()).toBe(true);
  });

  test("founds a site anew where the documents name another one and nobody depends on the old root", async () => {
    const box = await first();
    await box.off();
    await box.on(wishesOf("till-1", "store-043.fleet.example"));
    expect(box.site.trustDomain).toBe("store-043.fleet.example");
    expect(readdirSync(box.statePath)).toContain("identity.aside-1");
  });

  test("keeps to its site where others depend on its root", async () => {
    const root = await first();
    await joined(root);
    await root.off();
    await expect(root.on(wishesOf("till-1", "store-043.fleet.example"))).rejects.toThrow("belongs to the site");
  });
});

describe("time", () => {
  setDefaultTimeout(30_000);

  test("30 days alone, two hours a step: SVIDs are renewed twice a day, the issuer once, and nobody is ever without", async () => {
    const box = await first();
    const { keyHash } = box.site.issuerCertificate()!;
    let broken = 0;
    await box.pass(30 * DAY_MS, 2 * HOUR_MS, () => {
      if (!box.isBelieved()) broken++;
    });
    expect(broken).toBe(0);
    expect(box.site.issuerCertificate()?.keyHash).not.toBe(keyHash);
    const renewals = box.told.filter((line) => line.startsWith("svids_renewed")).length;
    expect(renewals).toBeGreaterThan(54);
    expect(renewals).toBeLessThan(160);
    expect(box.told.filter((line) => line.startsWith("failed"))).toEqual([]);
  }, 60_000);

  test("nothing is issued while nothing is due", async () => {
    const box = await first();
    const { issued } = box;
    await box.pass(9 * HOUR_MS, 60_000);
    expect(box.issued).toBe(issued);
  });

  test("a box that wakes in 1970 keeps its certificates, and follows when the clock is right again", async () => {
    const box = await first();
    await box.pass(5 * DAY_MS, HOUR_MS);
    await box.off();
    box.wallAheadMs = -box.realMs;
    await box.on();
    expect(box.isBelieved()).toBe(true);
    expect(Math.abs(box.site.nowMs() - box.realMs)).toBeLessThan(2 * HOUR_MS);
    await box.pass(DAY_MS, HOUR_MS);
    expect(box.isBelieved()).toBe(true);
    box.wallAheadMs = 0;
    await box.pass(HOUR_MS, HOUR_MS);
    expect(box.site.nowMs()).toBe(box.realMs);
  });

  test("a spoofed jump to 2034 is over when the spoofing is, and one to 2040 is not followed at all", async () => {
    const box = await first();
    box.wallAheadMs = Date.UTC(2040, 0, 1) - box.realMs;
    await box.pass(HOUR_MS, 600_000);
    expect(box.isBelieved()).toBe(true);
    expect(box.site.clock.disbelief).toBe("beyond_root");
    box.wallAheadMs = Date.UTC(2034, 0, 1) - box.realMs;
    await box.pass(HOUR_MS, 600_000);
    expect(box.isBelieved(box.realMs + box.wallAheadMs)).toBe(true);
    box.wallAheadMs = 0;
    await box.pass(HOUR_MS, 600_000);
    expect(box.site.nowMs()).toBe(box.realMs);
    expect(box.isBelieved()).toBe(true);
  });

  test("certificates for a new time are there before it is followed", async () => {
    const box = await first();
    const order: string[] = [];
    box.site.onChanged((change) => void order.push(`${change} ${box.site.nowMs() > box.realMs + HOUR_MS}`));
    box.wallAheadMs = 3 * DAY_MS;
    await box.pass(600_000, 600_000);
    expect(order).toEqual(["svids false", "clock true"]);
  });

  test("a year on a shelf is made up for at the next start where the root is", async () => {
    const box = await first();
    await box.off();
    box.realMs += 365 * DAY_MS;
    await box.on();
    expect(box.isBelieved()).toBe(true);
    expect(box.site.nowMs()).toBe(box.realMs);
  });

  test("what could not be issued is tried again later and later, and told once", async () => {
    const box = await first();
    box.issueFails = "no memory";
    await box.pass(20 * HOUR_MS, 60_000);
    const failures = box.told.filter((line) => line.startsWith("failed"));
    expect(failures).toEqual(["failed svids: no memory"]);
    box.issueFails = undefined;
    await box.pass(HOUR_MS, 60_000);
    expect(box.isBelieved()).toBe(true);
    expect(box.renewal.troubles.size).toBe(0);
  });
});

describe("two nodes", () => {
  test("a node that was let in is believed by the root's node, renews through it, and lives alone for a month", async () => {
    const root = await first();
    const other = await joined(root);
    expect(other.isBelieved(T0, root.site)).toBe(true);
    expect(other.site.holdsRoot).toBe(false);
    await other.pass(30 * DAY_MS, 6 * HOUR_MS);
    expect(other.isBelieved(other.realMs, root.site)).toBe(true);
    expect(other.renewal.troubles.get("issuer")).toContain("root's node");
    root.realMs = other.realMs;
    connect(root, other);
    const { keyHash } = other.site.issuerCertificate()!;
    await other.renewal.hurry();
    await other.renewal.settled();
    expect(other.site.issuerCertificate()?.keyHash).not.toBe(keyHash);
    expect(other.isBelieved()).toBe(true);
  });

  test("a node that was let in and lay on a shelf for a year says so, and is in again once it has joined anew", async () => {
    const root = await first();
    const other = await joined(root);
    await root.site.banKeys("till-9", ["e".repeat(64)], "stolen");
    other.site.adoptTrust(root.site.trustMessage());
    for (const box of [root, other]) {
      await box.off();
      box.realMs += 365 * DAY_MS;
      await box.on();
    }
    expect(other.site.svids.all).toEqual([]);
    expect(other.renewal.troubles.get("issuer")).toContain("root's node");
    await other.off();
    await letIn(root, other);
    await other.on();
    expect(other.isBelieved(other.realMs, root.site)).toBe(true);
    expect(other.site.siteTrust.isBanned("e".repeat(64))).toBe(true);
  });

  test("a node that was let in wakes in 1970 and is believed", async () => {
    const root = await first();
    const other = await joined(root);
    await other.pass(3 * DAY_MS, HOUR_MS);
    await other.off();
    other.wallAheadMs = -other.realMs;
    await other.on();
    expect(other.isBelieved(other.realMs, root.site)).toBe(true);
  });

  test("a ban reaches the other nodes as the root's own word, and nobody else's word counts", async () => {
    const root = await first();
    const other = await joined(root);
    const stolen = await joined(root, "till-3");
    expect(await root.site.ban("till-3", "stolen")).toHaveProperty("keyHashes");
    expect(stolen.isBelieved(T0, root.site)).toBe(false);
    expect(stolen.isBelieved(T0, other.site)).toBe(true);
    const word = root.site.trustMessage();
    for (let at = 0; at < word.length; at += 97) {
      const changed = Uint8Array.from(word);
      changed[at]! ^= 1;
      expect(other.site.adoptTrust(changed)).toStartWith("trust_");
    }
    expect(other.site.adoptTrust(word)).toBe("adopted");
    expect(other.site.adoptTrust(word)).toBe("same");
    expect(stolen.isBelieved(T0, other.site)).toBe(false);
    expect(await other.site.ban("till-1", "me too")).toEqual({ refused: "no issuer of node till-1 is known" });
    expect(await other.site.banKeys("till-1", ["a".repeat(64)], "me too")).toHaveProperty("refused");
    await other.off();
    await other.on();
    expect(stolen.isBelieved(T0, other.site)).toBe(false);
    expect(await root.site.unban("till-3")).toHaveProperty("keyHashes");
    expect(other.site.adoptTrust(root.site.trustMessage())).toBe("adopted");
    expect(other.site.adoptTrust(word)).toBe("same");
    expect(stolen.isBelieved(T0, other.site)).toBe(true);
  });

  test("a banned key gets no new certificate, and an issuer for another node or key is not installed", async () => {
    const root = await first();
    const other = await joined(root);
    const third = await joined(root, "till-3");
    const challenge = new Uint8Array(randomBytes(32));
    const asked = await other.site.askIssuer(challenge);
    if ("refused" in asked) throw new Error(asked.refused);
    expect(await root.site.signIssuer("till-3", asked.request, challenge)).toHaveProperty("refused");
    expect(await root.site.signIssuer("till-2", asked.request, new Uint8Array(32))).toHaveProperty("refused");
    expect(await third.site.signIssuer("till-2", asked.request, challenge)).toHaveProperty("refused");
    expect(other.site.installIssuer(third.site.issuerCertificate()!.der)).toContain("till-3");
    expect(other.site.installIssuer(other.site.issuerCertificate()!.der)).toContain("another key");
    const signed = await root.site.signIssuer("till-2", asked.request, challenge);
    if ("refused" in signed) throw new Error(signed.refused);
    expect(other.site.installIssuer(signed.certificate)).toBeUndefined();
  });

  test("a root changes while every node is believed by every other at every step", async () => {
    const root = await first();
    const other = await joined(root);
    connect(root, other);
    const old = root.site.siteTrust.bundle.roots[0]!.keyHash;
    const believed = (): boolean =>
      other.isBelieved(root.realMs, root.site) && root.isBelieved(root.realMs, other.site);
    expect(await root.renewal.rotate("root", false)).toBeUndefined();
    expect(believed()).toBe(true);
    const phases = new Set<string>();
    for (let step = 0; step < 60; step++) {
      phases.add(root.site.root!.rotation.phase);
      await root.pass(5_000, 5_000);
      expect(believed()).toBe(true);
      other.site.adoptTrust(root.site.trustMessage());
      root.site.confirmBundle("till-2", other.site.siteTrust.bundle.sequence);
      await other.pass(5_000, 5_000);
      expect(believed()).toBe(true);
    }
    expect([...phases]).toEqual(["announced", "signing", "steady"]);
    expect(other.site.siteTrust.bundle.roots.map(({ keyHash }) => keyHash)).toEqual([root.site.root!.keyHash]);
    expect(root.site.root!.keyHash).not.toBe(old);
    expect(root.site.siteTrust.isBanned(old)).toBe(false);
  });

  test("what the root's node told counts once this node has the root, is never shortened, and never lasts too long", async () => {
    const root = await first();
    const other = await joined(root);
    const told = [{ node: "till-3", keyHash: "c".repeat(64), notAfterMs: T0 + 9_999 * DAY_MS }];
    other.site.noteTold(told);
    expect(other.site.issuedIssuers()).toEqual([]);
    const text = await backupStored(root.statePath, {}, "four words drawn by dice");
    await other.off();
    const backup = { text, passphrase: "four words drawn by dice", how: "promote" } as const;
    expect(await takeStored(other.statePath, {}, backup)).toBeUndefined();
    await other.on();
    expect(other.site.holdsRoot).toBe(true);
    const third = other.site.issuedIssuers().find(({ node }) => node === "till-3");
    expect(third?.notAfterMs).toBe(T0 + ISSUER_LIFE_MS);
    other.site.noteTold([{ ...told[0]!, keyHash: "d".repeat(64) }]);
    expect(other.site.issuedIssuers().some(({ keyHash }) => keyHash.startsWith("d"))).toBe(false);
  });

  test("a compromised root is banned within two minutes, also when another node does not answer", async () => {
    const root = await first();
    const other = await joined(root);
    const old = root.site.siteTrust.bundle.roots[0]!.keyHash;
    expect(await root.renewal.rotate("root", true)).toBeUndefined();
    await root.pass(130_000, 5_000);
    expect(root.site.siteTrust.isBanned(old)).toBe(true);
    expect(root.isBelieved()).toBe(true);
    expect(other.isBelieved(T0, root.site)).toBe(false);
  });

  test("a change of root that was cut off at any writing goes on after a restart", async () => {
    for (let cut = 0; cut < 14; cut++) {
      const root = await first();
      let writes = 0;
      const write = root.store.write.bind(root.store);
      root.store.write = (form, value) => {
        if (writes++ === cut) throw new Error("power cut");
        write(form, value);
      };
      await root.renewal.rotate("root", false).catch(() => undefined);
      await root.off();
      root.store.write = write;
      await root.on();
      await root.pass(120_000, 5_000);
      expect(root.site.root!.rotation.phase).toBe("steady");
      expect(root.site.siteTrust.bundle.roots.length).toBe(1);
      expect(root.isBelieved()).toBe(true);
    }
  });
});
