import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { DAY_MS, HOUR_MS } from "../../../test/support/identity-box.ts";
import { ownSync, Parties, type Party, renewalOf } from "../../../test/support/keeper-party.ts";
import { printBans, withBan } from "../../identity/bans.ts";
import { makeTrustMessage } from "../../identity/trust-message.ts";
import { PEER_STATUS } from "../../wire/channel/frames.ts";
import { decodeSync, encodeSync, PEER_KIND, PEER_REFUSAL, type Sync } from "./peer-message.ts";
import { signSync } from "./signed-sync.ts";

setDefaultTimeout(20_000);

const parties = new Parties();
afterEach(() => parties[Symbol.asyncDispose]());
const party = (node: string) => parties.party(node);
const joined = (root: Party, node: string) => parties.joined(root, node);
const site = () => parties.site();

const bansOf = (of: Party): string => printBans(of.box.site.trust().bans);

describe("a word of the root", () => {
  test("is handed on by a node that is not the root's, and acknowledged once it is in force", async () => {
    const [root, second, third] = await site();
    await root.meet(second);
    await root.box.site.ban("till-3", "lost");
    await root.service.changed();
    expect(await root.service.acknowledged(["till-2", "till-3"], 1, 20)).toEqual(["till-2"]);
    const fourth = await joined(root, "till-4");
    root.part(second);
    // It joined after the ban, and heard of it then; another one did not.
    expect(bansOf(fourth)).toBe(bansOf(root));
    await second.meet(third);
    expect(bansOf(third)).toBe(bansOf(root));
    expect(third.told).toContain("trust_adopted till-2");
  });

  test("is believed from nobody who only says so: not a ban, not its lifting, not a root", async () => {
    const [root, second, third] = await site();
    const { bundle, bans } = third.box.site.trust();
    const thief = await party("till-9").on();
    const { keyHash } = root.box.site.issuerCertificate()!;
    const ban = { keyHash, node: "till-1", state: "banned", reason: "spite", atMs: 0 } as const;
    const key = await thief.box.site.root!.sign(async (signer) => Uint8Array.from(signer.key));
    const ownRoot = thief.box.site.root!.keyHash;
    const messages = [
      makeTrustMessage(bundle, withBan(bans, ban), ownRoot, key),
      makeTrustMessage(bundle, withBan(bans, ban), bundle.roots[0]!.keyHash, key),
      makeTrustMessage(thief.box.site.trust().bundle, bans, ownRoot, key),
      new Uint8Array(100),
    ];
    for (const trust of messages) {
      const reply = await third.hears(second, { trust });
      expect(reply.status).toBe(PEER_STATUS.OK);
    }
    expect(third.box.site.trust()).toEqual({ bundle, bans });
    expect(third.told.map((line) => line.split(" ")[0])).toEqual(messages.map(() => "trust_refused"));
  });
});

describe("a ban on one node alone", () => {
  test("goes to nobody else, is no acknowledgement, and gives way to the root's next word about the key", async () => {
    const [root, second, third] = await site();
    await Promise.all([root.meet(second), second.meet(third)]);
    const { keyHash } = third.box.site.issuerCertificate()!;
    second.box.site.banHere("till-3", [keyHash], "odd");
    expect(second.box.site.siteTrust.isBanned(keyHash)).toBe(true);
    await second.service.changed();
    expect(root.box.site.siteTrust.isBanned(keyHash)).toBe(false);
    expect(await root.service.acknowledged(["till-2"], 1, 5)).toEqual([]);
    await root.box.site.banKeys("till-9", ["ab".repeat(32)], "stolen");
    await root.service.changed();
    // The root's word came through, is handed on as it was said, and the own ban stays.
    expect(await root.service.acknowledged(["till-2"], 1, 5)).toEqual(["till-2"]);
    expect(second.box.site.trustMessage()).toEqual(root.box.site.trustMessage());
    expect(second.box.site.siteTrust.isBanned(keyHash)).toBe(true);
    await root.box.site.banKeys("till-3", [keyHash], "too");
    await root.box.site.unban("till-3");
    await root.service.changed();
    expect(second.box.site.siteTrust.isBanned(keyHash)).toBe(false);
  });

  test("is lifted there, but not where the root has said it too", async () => {
    const [root, second] = await site();
    const keys = ["ab".repeat(32), "cd".repeat(32)];
    second.box.site.banHere("till-9", keys, "odd");
    await root.box.site.banKeys("till-9", keys.slice(1), "stolen");
    await root.meet(second);
    expect(second.box.site.unbanHere("till-9")).toEqual(keys.slice(0, 1));
    expect(keys.map((key) => second.box.site.siteTrust.isBanned(key))).toEqual([false, true]);
    expect(second.box.site.unbanHere("till-9")).toEqual([]);
  });
});

describe("an issuer", () => {
  test("is renewed at the next meeting once half its life is over, also after weeks without the root's node", async () => {
    const [root, second] = await site();
    await root.meet(second);
    const before = second.box.site.issuerCertificate()?.serial;
    root.part(second);
    await second.box.pass(40 * DAY_MS, 6 * HOUR_MS);
    expect(second.box.site.issuerCertificate()?.serial).toBe(before);
    expect(second.box.isBelieved()).toBe(true);
    root.box.realMs = second.box.realMs;
    root.box.site.clock.read();
    await root.meet(second);
    await second.box.renewal.settled();
    expect(second.box.site.issuerCertificate()?.serial).not.toBe(before);
    await second.box.pass(20 * DAY_MS, 6 * HOUR_MS);
    expect(second.box.isBelieved()).toBe(true);
  });

  test("is signed for the node that the tunnel proves and for no other, once for each challenge", async () => {
    const [root, second] = await site();
    const begun = await root.asked("till-2", PEER_KIND.RENEW_BEGIN);
    const renewal = await renewalOf(second, begun.bytes);
    await root.asked("till-3", PEER_KIND.RENEW_BEGIN);
    expect((await root.asked("till-3", PEER_KIND.RENEW, renewal)).status).toBe(PEER_REFUSAL.REFUSED);
    expect((await root.asked("till-2", PEER_KIND.RENEW, renewal)).status).toBe(PEER_STATUS.OK);
    expect((await root.asked("till-2", PEER_KIND.RENEW, renewal)).status).toBe(PEER_REFUSAL.REFUSED);
    expect((await second.asked("till-3", PEER_KIND.RENEW_BEGIN)).status).toBe(PEER_REFUSAL.NOT_ROOT);
  });

  test("is not signed on the word of a worker alone: the issuer that the node has must vouch for it", async () => {
    const [root, second, third] = await site();
    const thief = await party("till-2").on();
    for (const by of [third, thief, root]) {
      // As a worker would that somebody has taken over: it names the node as it likes.
      const begun = await root.asked("till-2", PEER_KIND.RENEW_BEGIN);
      const reply = await root.asked("till-2", PEER_KIND.RENEW, await renewalOf(second, begun.bytes, by));
      expect(reply.status).toBe(PEER_REFUSAL.REFUSED);
    }
    expect(root.told.map((line) => line.replace(/^issuer_refused till-2 /, ""))).toEqual([
      "its issuer is of till-3",
      "its issuer is of no root here",
      "its issuer is of till-1",
    ]);
    const begun = await root.asked("till-2", PEER_KIND.RENEW_BEGIN);
    const renewal = await renewalOf(second, begun.bytes);
    renewal[renewal.length - 1]! ^= 1;
    expect((await root.asked("till-2", PEER_KIND.RENEW, renewal)).status).toBe(PEER_REFUSAL.REFUSED);
  });

  test("that is signed while its node is banned is banned with it and handed to nobody", async () => {
    const [root, second] = await site();
    const begun = await root.asked("till-2", PEER_KIND.RENEW_BEGIN);
    const signing = root.asked("till-2", PEER_KIND.RENEW, await renewalOf(second, begun.bytes));
    await root.box.site.ban("till-2", "stolen");
    const reply = await signing;
    const keys = root.box.site.issuedIssuers().filter(({ node }) => node === "till-2");
    expect(keys.every(({ keyHash }) => root.box.site.siteTrust.isBanned(keyHash))).toBe(true);
    expect(reply.status).toBe(PEER_REFUSAL.BANNED);
  });

  test("and everything else is kept from a node whose keys are banned", async () => {
    const [root, second] = await site();
    await root.box.site.ban("till-2", "stolen");
    for (const kind of Object.values(PEER_KIND)) {
      expect((await root.asked("till-2", kind, encodeSync(ownSync(second)))).status).toBe(PEER_REFUSAL.BANNED);
    }
  });
});

describe("a message", () => {
  test("that is none of these is told so, and changes nothing", async () => {
    const [root, second] = await site();
    const good = await signSync(second.box.site, "till-1", ownSync(second));
    for (const bytes of [
      new Uint8Array(),
      new Uint8Array(50),
      good.subarray(0, good.length - 1),
      Uint8Array.of(...good, 1),
    ]) {
      expect((await root.asked("till-2", PEER_KIND.SYNC, bytes)).status).toBe(PEER_REFUSAL.MALFORMED);
    }
    await root.asked("till-2", PEER_KIND.RENEW_BEGIN);
    expect((await root.asked("till-2", PEER_KIND.RENEW, new Uint8Array(9))).status).toBe(PEER_REFUSAL.MALFORMED);
    expect((await root.asked("till-2", 77)).status).toBe(PEER_REFUSAL.UNKNOWN_KIND);
  });

  test("about the time raises the floor where the root's node says it, within the life of its issuer", async () => {
    const [root, second] = await site();
    const { clock } = second.box.site;
    const { floorMs } = clock;
    await second.hears(root, { floorMs: floorMs + 400 * DAY_MS });
    expect(clock.floorMs).toBe(floorMs);
    await second.hears(root, { floorMs: floorMs + 2 * DAY_MS });
    expect(clock.floorMs).toBe(floorMs + 2 * DAY_MS);
  });

  test("with every bit turned once is refused or means what it says, and never fails", () => {
    const issuers = [{ node: "till-2", keyHash: "ab".repeat(32), notAfterMs: 7 }];
    const sync: Sync = {
      trust: new Uint8Array(9),
      bansTaken: 3,
      bundleSequence: 2,
      floorMs: 5,
      holdsRoot: true,
      issuers,
    };
    const bytes = encodeSync(sync);
    expect(decodeSync(bytes)).toEqual(sync);
    for (let at = 0; at < bytes.length * 8; at++) {
      const turned = bytes.slice();
      turned[at >> 3]! ^= 1 << (at & 7);
      const read = decodeSync(turned);
      if (read !== undefined) expect(Buffer.from(encodeSync(read)).equals(turned)).toBe(true);
    }
  });
});
