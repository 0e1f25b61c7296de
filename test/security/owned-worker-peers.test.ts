/**
 * Whoever owns a worker says to its keeper, in the name of any node, whatever he likes; and so does a stolen node in its own name.
 * Here the keeper's side: what it believes, what it signs, and what that costs it.
 */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { ISSUED_FILE } from "../../src/keeper/identity/identity-files.ts";
import { IdentityStoreError } from "../../src/keeper/identity/identity-store.ts";
import { ISSUERS_OF_NODE_MAX } from "../../src/keeper/nodes/issuer-desk.ts";
import { encodeSync, PEER_KIND, PEER_REFUSAL } from "../../src/keeper/nodes/peer-message.ts";
import { PEER_BURST } from "../../src/keeper/nodes/peer-rates.ts";
import { CLAIM_QUIET_MS } from "../../src/keeper/nodes/peer-service.ts";
import { signSync } from "../../src/keeper/nodes/signed-sync.ts";
import { PEER_STATUS } from "../../src/wire/channel/frames.ts";
import { DAY_MS } from "../support/identity-box.ts";
import { ownSync, Parties, renewalOf } from "../support/keeper-party.ts";

setDefaultTimeout(20_000);

const parties = new Parties();
afterEach(() => parties[Symbol.asyncDispose]());

test("a worker cannot move the clock: neither in the name of the root's node nor with what another one has signed", async () => {
  const [root, second, third] = await parties.site();
  const { clock } = second.box.site;
  const { floorMs } = clock;
  const late = { ...ownSync(root), floorMs: floorMs + 30 * DAY_MS };
  const forgeries = [
    encodeSync(late),
    await signSync(third.box.site, "till-2", late),
    await signSync(second.box.site, "till-2", late),
    // What the root's node said to somebody else.
    await signSync(root.box.site, "till-3", late),
  ];
  for (const bytes of forgeries) {
    await second.asked("till-1", PEER_KIND.SYNC, bytes);
    expect(clock.floorMs).toBe(floorMs);
  }
  const turned = await signSync(root.box.site, "till-2", late);
  turned[40]! ^= 1;
  await second.asked("till-1", PEER_KIND.SYNC, turned);
  expect(clock.floorMs).toBe(floorMs);
});

test("a stolen node moves nobody's clock, least of all that of the node that signs issuers", async () => {
  const [root, second, third] = await parties.site();
  const floors = [root, third].map(({ box }) => box.site.clock.floorMs);
  for (const days of [1, 20, 44]) {
    const floorMs = second.box.site.clock.floorMs + days * DAY_MS;
    for (const hearer of [root, third]) {
      expect((await hearer.hears(second, { floorMs, holdsRoot: true })).status).toBe(PEER_STATUS.OK);
    }
  }
  expect([root, third].map(({ box }) => box.site.clock.floorMs)).toEqual(floors);
});

test("a worker says in nobody's name that a ban is in force, which bundle is known, or which keys there are", async () => {
  const [root, , third] = await parties.site();
  await root.box.site.banKeys("till-9", ["ab".repeat(32)], "stolen");
  await root.service.refreshTaken();
  const issuers = [{ node: "till-2", keyHash: "cd".repeat(32), notAfterMs: 9e12 }];
  const lie = { ...ownSync(root), bansTaken: 1, bundleSequence: 9, holdsRoot: true, issuers };
  for (const by of ["till-1", "till-2", "till-3"]) {
    for (const bytes of [encodeSync(lie), await signSync(third.box.site, "till-1", lie)].slice(
      0,
      by === "till-3" ? 1 : 2,
    )) {
      await root.asked(by, PEER_KIND.SYNC, bytes);
      await third.asked(by, PEER_KIND.SYNC, bytes);
    }
  }
  expect(await root.service.acknowledged(["till-2", "till-3"], 1, 5)).toEqual([]);
  expect([root.box.site.confirmedSequence("till-2"), third.box.site.confirmedSequence("till-1")]).toEqual([0, 0]);
  expect(third.told.filter((line) => line.startsWith("issuers"))).toEqual([]);
  expect(third.contacts.all.filter(({ holdsRoot }) => holdsRoot)).toEqual([]);
});

test("names without end cost no memory, and keep no real node out once the worker is gone", async () => {
  const [root, second] = await parties.site();
  for (let n = 0; n < 2_000; n++) await root.asked(`made-up-${n}`, PEER_KIND.RENEW_BEGIN);
  expect(root.contacts.all.length).toBeLessThanOrEqual(256);
  root.contacts.forget(1);
  await root.meet(second);
  expect(root.contacts.connected()).toEqual(["till-2"]);
  expect(root.box.site.confirmedSequence("till-2")).toBe(1);
});

test("a node that asks without end is told to wait, and the others are not", async () => {
  const [root, second, third] = await parties.site();
  const word = await signSync(second.box.site, "till-1", ownSync(second));
  let answered = 0;
  for (let n = 0; n < PEER_BURST * 3; n++) {
    if ((await root.asked("till-2", PEER_KIND.SYNC, word)).status === PEER_STATUS.OK) answered++;
  }
  expect(answered).toBe(PEER_BURST);
  expect((await root.asked("till-2", PEER_KIND.RENEW_BEGIN)).status).toBe(PEER_REFUSAL.BUSY);
  expect((await root.hears(third)).status).toBe(PEER_STATUS.OK);
});

test("a node that only says it holds the root makes nobody try again and again, and is asked after the one that does", async () => {
  const [root, second, third] = await parties.site();
  for (let n = 0; n < 50; n++) await third.hears(second, { holdsRoot: true });
  expect(third.hurried).toBe(1);
  third.box.realMs += CLAIM_QUIET_MS;
  await third.hears(second, { holdsRoot: true });
  expect(third.hurried).toBe(2);
  await third.meet(second);
  await third.meet(root);
  third.contacts.find("till-2")!.holdsRoot = true;
  // The other one would only keep it waiting.
  second.asked = () => new Promise(() => undefined);
  expect(await third.service.renewIssuer()).toBeUndefined();
});

test("a ban holds on a node whose disk is full, ends nothing else there, and is not acknowledged", async () => {
  const [root, second, third] = await parties.site();
  await root.meet(second);
  const { store } = second.box.site;
  const write = store.writeTrust.bind(store);
  store.writeTrust = () => {
    throw new IdentityStoreError("ENOSPC");
  };
  await root.box.site.ban("till-3", "stolen");
  const { keyHash } = third.box.site.issuerCertificate()!;
  await root.service.changed();
  expect(second.box.site.siteTrust.isBanned(keyHash)).toBe(true);
  expect(await root.service.acknowledged(["till-2"], 1, 5)).toEqual([]);
  store.writeTrust = write;
  await root.service.changed();
  await second.service.changed();
  expect(await root.service.acknowledged(["till-2"], 1, 5)).toEqual(["till-2"]);
});

test("a root out of an old backup says again what it hears of its own former bans, with what it has said since", async () => {
  const [root, second, third] = await parties.site();
  const [early, late] = ["ab".repeat(32), "cd".repeat(32)];
  const old = root.box.site.trustMessage();
  await root.box.site.banKeys("till-8", ["01".repeat(32)], "one");
  await root.box.site.banKeys("till-8", [early], "before the backup was lost");
  await second.hears(root);
  // The backup is from before both; the one ban since then has a lower number than what the others know.
  const { siteTrust } = root.box.site;
  await root.box.site.root!.sign(async ({ key }) => {
    siteTrust.say(siteTrust.bundle, new Map(), { keyHash: root.box.site.root!.keyHash, key });
  });
  expect(siteTrust.isBanned(early)).toBe(false);
  // No ban is in it again; signatures differ by a few bytes.
  expect(Math.abs(root.box.site.trustMessage().length - old.length)).toBeLessThan(10);
  await root.box.site.banKeys("till-9", [late], "since");
  await root.meet(second);
  await root.meet(third);
  for (const { box } of [root, second, third]) {
    expect([early, late].map((key) => box.site.siteTrust.isBanned(key))).toEqual([true, true]);
  }
});

test("a root that does not know what it signed learns it from whoever it meets, and can ban that", async () => {
  const [root, second, third] = await parties.site();
  await root.box.off();
  root.box.store.remove(ISSUED_FILE);
  await root.on();
  expect(await root.box.site.ban("till-2", "stolen")).toEqual({ refused: "no issuer of node till-2 is known" });
  await root.meet(second);
  const { keyHash } = second.box.site.issuerCertificate()!;
  expect(await root.box.site.ban("till-2", "stolen")).toEqual({ keyHashes: [keyHash] });
  // Nobody has another one banned by showing it.
  const theirs = third.box.site.issuerCertificate()!.keyHash;
  const word = await signSync(third.box.site, "till-1", ownSync(third));
  await root.asked("till-9", PEER_KIND.SYNC, word);
  expect(root.box.site.issuedIssuers().some((issued) => issued.keyHash === theirs)).toBe(false);
});

test("a thief who asks for issuers for days has so many of them, all of which one ban names", async () => {
  const [root, second, third] = await parties.site();
  let signed = 0;
  for (let tries = 0; tries < 150; tries++) {
    // An hour later, so that no bound in time is in the way.
    if (tries % 10 === 0) for (const { box } of [root, second]) box.realMs += 3_600_000;
    const begun = await root.asked("till-2", PEER_KIND.RENEW_BEGIN);
    const reply = await root.asked("till-2", PEER_KIND.RENEW, await renewalOf(second, begun.bytes));
    if (reply.status === PEER_STATUS.OK) signed++;
  }
  expect(signed).toBe(ISSUERS_OF_NODE_MAX - 1);
  const outcome = await root.box.site.ban("till-2", "stolen");
  expect("keyHashes" in outcome && outcome.keyHashes).toHaveLength(ISSUERS_OF_NODE_MAX);
  const begun = await root.asked("till-3", PEER_KIND.RENEW_BEGIN);
  expect((await root.asked("till-3", PEER_KIND.RENEW, await renewalOf(third, begun.bytes))).status).toBe(
    PEER_STATUS.OK,
  );
});

test("words of the root that were true once lift no ban and bring no root back", async () => {
  const [root, , third] = await parties.site();
  const words = [root.box.site.trustMessage()];
  const keyHash = "ab".repeat(32);
  const say = async (act: () => Promise<unknown>): Promise<void> => {
    await act();
    words.push(root.box.site.trustMessage());
  };
  const { site } = root.box;
  await say(() => site.banKeys("till-9", [keyHash], "one"));
  await say(() => site.unban("till-9"));
  await say(() => site.banKeys("till-9", [keyHash], "two"));
  const [first] = site.siteTrust.bundle.roots;
  await say(() => site.sayRoots([first!.der]));
  await third.hears(root);
  const now = { bundle: third.box.site.trust().bundle.sequence, message: third.box.site.trustMessage() };
  for (const trust of [...words, ...words.reverse()]) {
    await third.asked("till-1", PEER_KIND.SYNC, await signSync(site, "till-3", { ...ownSync(root), trust }));
    expect(third.box.site.siteTrust.isBanned(keyHash)).toBe(true);
    expect(third.box.site.trust().bundle.sequence).toBe(now.bundle);
  }
  expect(third.box.site.trustMessage()).toEqual(now.message);
});
