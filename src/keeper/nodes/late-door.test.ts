import { afterEach, describe, expect, test } from "bun:test";
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { DAY_MS, IdentityBox, letIn, TD } from "../../../test/support/identity-box.ts";
import { readCertificate } from "../../identity/certificate.ts";
import { makeIssuerRequest } from "../../identity/issuer-request.ts";
import { decodeJoinAnswer, JOIN_STATUS } from "../../identity/join-protocol.ts";
import { makeLateRequest } from "../../identity/late-protocol.ts";
import { ISSUED_FILE } from "../identity/identity-files.ts";
import { endedIssuers, LATE_RENEWAL_MS, newestOf } from "../identity/issued-issuers.ts";
import { OwnIssuer } from "../identity/own-issuer.ts";
import { IssuerDesk, RENEWALS_PER_HOUR_MAX } from "./issuer-desk.ts";
import type { JoinReply } from "./join-door.ts";
import { LATE_EARLY_MS, LateDoor } from "./late-door.ts";
import { lateHost } from "./late-host.ts";
import { TRIES_PER_ADDRESS_MAX, TryLimit } from "./try-limit.ts";

const ADDRESS = "10.0.0.12";
const boxes: IdentityBox[] = [];
afterEach(async () => {
  for (const box of boxes.splice(0)) {
    await box.off();
    box.remove();
  }
});

const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const material = new Uint8Array(32).fill(5);

interface Asked {
  readonly node?: string;
  readonly newKey?: KeyObject;
  readonly material?: Uint8Array;
  /** What the old key signs for, where that is not the session's. */
  readonly signedMaterial?: Uint8Array;
  readonly address?: string;
}

/** A root's node that has let in two others, and its door. */
class Site {
  readonly root: IdentityBox;
  readonly keys = new Map<string, KeyObject>();
  readonly documents = new Set(["till-1", "till-2", "till-3"]);
  door!: LateDoor;

  private constructor() {
    this.root = new IdentityBox("till-1");
    boxes.push(this.root);
  }

  static async make(): Promise<Site> {
    const site = new Site();
    await site.root.on();
    for (const node of ["till-2", "till-3"]) site.keys.set(node, await site.letIn(node));
    site.open();
    return site;
  }

  /** Lets a machine in under this name, and answers the key of its issuer. */
  async letIn(node: string): Promise<KeyObject> {
    const box = new IdentityBox(node);
    boxes.push(box);
    box.realMs = this.root.realMs;
    await letIn(this.root, box);
    return OwnIssuer.load(box.store, false).sign(async ({ key }) =>
      createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" }),
    );
  }

  ended(): readonly string[] {
    const all = endedIssuers(this.root.site.issued, this.root.realMs);
    return all.map(({ node }) => node).filter((node) => node !== "till-1");
  }

  open(): void {
    const { site } = this.root;
    const nowMs = () => this.root.clocks().monotonicMs;
    const host = lateHost(site, new IssuerDesk(site, nowMs), (name) => this.documents.has(name));
    this.door = new LateDoor(host, new TryLimit(nowMs));
  }

  /** Time goes by; what the root's node does meanwhile it does not here. */
  wait(ms: number): this {
    this.root.realMs += ms;
    return this;
  }

  async restart(): Promise<void> {
    await this.root.off();
    await this.root.on();
    this.open();
  }

  bytes(oldKey: KeyObject, asked: Asked = {}): Uint8Array {
    const { node = "till-2" } = asked;
    const session = asked.material ?? material;
    const issuerRequest = makeIssuerRequest({ trustDomain: TD, node, challenge: session }, asked.newKey ?? newKey());
    const binding = { trustDomain: TD, keyingMaterial: asked.signedMaterial ?? session };
    return Buffer.concat([session, makeLateRequest(binding, { node, issuerRequest }, oldKey)]);
  }

  ask(oldKey: KeyObject | undefined, asked: Asked = {}): Promise<JoinReply> {
    if (oldKey === undefined) throw new Error("no such key");
    return this.door.renew(this.bytes(oldKey, asked), asked.address ?? ADDRESS);
  }

  async refusal(oldKey: KeyObject | undefined, asked: Asked = {}): Promise<string> {
    const { status, bytes, outcome } = await this.ask(oldKey, asked);
    expect(status).toBe(JOIN_STATUS.REFUSED);
    expect(Buffer.from(bytes).toString()).toBe(outcome.result);
    return outcome.detail === "" ? outcome.result : `${outcome.result}: ${outcome.detail}`;
  }
}

describe("the door for a node whose issuer has ended", () => {
  test("gives another issuer for a new key to whoever has the last key of the name, and it is on disk then", async () => {
    const site = await Site.make();
    const old = site.keys.get("till-2");
    const reply = await site.wait(366 * DAY_MS).ask(old);
    const answer = decodeJoinAnswer(reply.bytes)!;
    const issuer = readCertificate(answer.issuer);
    expect(reply.outcome).toMatchObject({ result: "late_renewed", node: "till-2", keyHash: issuer.keyHash });
    expect(issuer.subject.commonName).toBe("till-2");
    expect(issuer.notAfterMs).toBeGreaterThan(site.root.realMs);
    const stored = site.root.store.read(ISSUED_FILE);
    const listed = stored.state === "good" ? stored.value.issuers.map(({ keyHash }) => keyHash) : [];
    expect(listed).toContain(issuer.keyHash);
    // It has one now: the old key is of no use any more, also after a restart and when the new one ends.
    await site.restart();
    expect(await site.refusal(old)).toContain("late_unknown");
    expect(await site.wait(60 * DAY_MS).refusal(old)).toContain("late_unknown");
  });

  test("gives an answer that was lost again to the same new key and no other, also after a restart and much later", async () => {
    const site = await Site.make();
    const old = site.keys.get("till-2");
    const key = newKey();
    site.wait(100 * DAY_MS);
    const first = readCertificate(decodeJoinAnswer((await site.ask(old, { newKey: key })).bytes)!.issuer);
    await site.restart();
    site.wait(100 * DAY_MS);
    const again = await site.ask(old, { newKey: key, material: new Uint8Array(32).fill(6) });
    expect(again.outcome.result).toBe("late_repeated");
    expect(readCertificate(decodeJoinAnswer(again.bytes)!.issuer).keyHash).toBe(first.keyHash);
    expect(await site.refusal(old)).toContain("late_unknown");
    await site.root.site.banKeys("till-2", [first.keyHash], "stolen");
    expect(await site.refusal(old, { newKey: key })).toBe("late_banned");
  });

  test("gives what a renewal has signed, and what never arrived, to the key that it was signed for", async () => {
    const site = await Site.make();
    const old = site.keys.get("till-2")!;
    const key = newKey();
    const askedBy = newestOf(site.root.site.issued, "till-2")!.keyHash;
    const request = makeIssuerRequest({ trustDomain: TD, node: "till-2", challenge: material }, key);
    await site.root.site.signIssuer("till-2", request, material, { askedBy });
    site.wait(200 * DAY_MS);
    expect(await site.refusal(old)).toContain("late_unknown");
    expect((await site.ask(old, { newKey: key })).outcome.result).toBe("late_repeated");
  });

  test("refuses a key that nobody has on record, and a known one under another name", async () => {
    const site = (await Site.make()).wait(100 * DAY_MS);
    expect(await site.refusal(newKey())).toBe("late_unknown: another key is the last one of till-2");
    expect(await site.refusal(site.keys.get("till-2"), { node: "till-3" })).toBe(
      "late_unknown: another key is the last one of till-3",
    );
    expect(await site.refusal(site.keys.get("till-2"), { node: "till-4" })).toBe(
      "late_unknown: no issuer of this name is on record",
    );
    // The root's node renews its own.
    expect(await site.refusal(newKey(), { node: "till-1" })).toBe("late_unknown: no issuer of this name is on record");
  });

  test("refuses what was signed for another session, or with another key than it names", async () => {
    const site = (await Site.make()).wait(100 * DAY_MS);
    const old = site.keys.get("till-2")!;
    const session = new Uint8Array(32).fill(7);
    expect(await site.refusal(old, { signedMaterial: session })).toBe("late_unknown: signed for something else");
    // A thief who has recorded a request says it in a session of his own: the new key has not signed that either.
    const recorded = site.bytes(old).slice(material.length);
    const replayed = await site.door.renew(Buffer.concat([session, recorded]), ADDRESS);
    expect(replayed.outcome.result).toBe("request_form");
    const forged = Buffer.from(site.bytes(newKey()));
    const own = Buffer.from(site.bytes(old));
    // The names of both keys have the same length, at the same place: the one that is on record is shown, the other signs.
    const at = own.indexOf(Buffer.from("3059301306072a8648ce3d", "hex"));
    own.copy(forged, at, at, at + 91);
    expect((await site.door.renew(forged, ADDRESS)).outcome.detail).toBe("signed for something else");
    expect((await site.ask(old, { newKey: old })).outcome.result).toBe("request_form");
  });

  test("refuses the key of a machine whose name another one has taken since, also once that one has ended", async () => {
    const site = (await Site.make()).wait(100 * DAY_MS);
    const next = await site.letIn("till-2");
    expect(await site.refusal(site.keys.get("till-2"))).toContain("late_unknown: another key");
    site.wait(50 * DAY_MS);
    expect(await site.refusal(site.keys.get("till-2"))).toContain("late_unknown: another key");
    expect((await site.ask(next)).outcome.result).toBe("late_renewed");
  });

  test("refuses a node that was banned before its issuer ended or after it, until that is lifted", async () => {
    const site = await Site.make();
    await site.root.site.ban("till-2", "stolen");
    site.wait(100 * DAY_MS);
    expect(await site.refusal(site.keys.get("till-2"))).toBe("late_banned");
    expect(await site.root.site.ban("till-3", "stolen on a shelf")).toMatchObject({ keyHashes: [expect.any(String)] });
    expect(await site.refusal(site.keys.get("till-3"), { node: "till-3" })).toBe("late_banned");
    await site.root.site.unban("till-3");
    expect((await site.ask(site.keys.get("till-3"), { node: "till-3" })).outcome.result).toBe("late_renewed");
  });

  test("refuses an issuer that has not ended, and one that ended too long ago", async () => {
    const site = await Site.make();
    const [old, other] = [site.keys.get("till-2"), site.keys.get("till-3")];
    const endsInMs = newestOf(site.root.site.issued, "till-2")!.notAfterMs - site.root.realMs;
    expect(await site.wait(endsInMs - LATE_EARLY_MS - 1).refusal(old)).toBe("late_not_ended");
    expect((await site.wait(1).ask(old)).outcome.result).toBe("late_renewed");
    site.wait(LATE_EARLY_MS + LATE_RENEWAL_MS);
    expect(site.ended()).toEqual(["till-3", "till-2"]);
    expect(await site.wait(60_000).refusal(other, { node: "till-3" })).toBe("late_over");
    expect(site.ended()).toEqual(["till-2"]);
  });

  test("refuses a node that the documents do not name any more, and asks of a node without the root", async () => {
    const site = (await Site.make()).wait(100 * DAY_MS);
    site.documents.delete("till-2");
    expect(await site.refusal(site.keys.get("till-2"))).toBe("node_unknown");
    const host = { ...lateHost(site.root.site, new IssuerDesk(site.root.site, () => 0), () => true), holdsRoot: false };
    site.door = new LateDoor(host, new TryLimit(() => 0));
    expect(await site.refusal(site.keys.get("till-2"))).toBe("not_the_root");
  });

  test("promises nothing that cannot be written down", async () => {
    const site = (await Site.make()).wait(100 * DAY_MS);
    const write = site.root.store.write.bind(site.root.store);
    site.root.store.write = () => {
      throw new Error("ENOSPC");
    };
    expect(await site.refusal(site.keys.get("till-2"))).toContain("not_issued: Error: ENOSPC");
    site.root.store.write = write;
    expect((await site.ask(site.keys.get("till-2"))).outcome.result).toBe("late_renewed");
  });

  test("makes an address wait that tries too often, and signs no more for one node than a renewal would", async () => {
    const site = (await Site.make()).wait(100 * DAY_MS);
    const thief = newKey();
    for (let tries = 0; tries < TRIES_PER_ADDRESS_MAX; tries++) await site.ask(thief);
    expect(await site.refusal(thief)).toBe("too_many_tries");
    const old = site.keys.get("till-2");
    expect(await site.refusal(old)).toBe("too_many_tries");
    const [key, address] = [newKey(), "10.0.0.13"];
    for (let signed = 0; signed < RENEWALS_PER_HOUR_MAX; signed++)
      expect((await site.ask(old, { newKey: key, address })).status).toBe(JOIN_STATUS.DONE);
    expect(await site.refusal(old, { newKey: key, address })).toBe("late_busy: too often");
  });

  test("signs once where two come at the same time with the same old key", async () => {
    const site = (await Site.make()).wait(100 * DAY_MS);
    const old = site.keys.get("till-2");
    const replies = await Promise.all([site.ask(old), site.ask(old)]);
    expect(replies.map(({ outcome }) => outcome.result).sort()).toEqual(["late_busy", "late_renewed"]);
  });

  test("tells bytes that are no request from a refusal, and never fails", async () => {
    const site = (await Site.make()).wait(100 * DAY_MS);
    const good = site.bytes(site.keys.get("till-2")!);
    for (let at = 0; at < good.length; at += 7) {
      const turned = Uint8Array.from(good);
      turned[at] = (turned[at] ?? 0) ^ 1;
      const { status } = await site.door.renew(turned, `10.0.${at >> 8}.${at & 255}`);
      expect(status).toBe(JOIN_STATUS.REFUSED);
    }
    expect((await site.door.renew(new Uint8Array(3), "10.1.0.1")).outcome.result).toBe("request_form");
    expect((await site.door.renew(good, "10.1.0.2")).outcome.result).toBe("late_renewed");
  });
});
