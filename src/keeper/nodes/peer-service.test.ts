import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { DAY_MS, HOUR_MS, IdentityBox, TD } from "../../../test/support/identity-box.ts";
import { printBans, withBan } from "../../identity/bans.ts";
import { makeTrustMessage } from "../../identity/trust-message.ts";
import { PEER_STATUS, TO_WORKER } from "../../wire/channel/frames.ts";
import { joinSite } from "../identity/join-site.ts";
import { NodeContacts } from "./node-contacts.ts";
import { PeerCalls, type PeerWorker } from "./peer-calls.ts";
import { decodeSync, encodeRenewal, encodeSync, PEER_KIND, PEER_REFUSAL, type Sync } from "./peer-message.ts";
import { PeerService } from "./peer-service.ts";
import { proveRenewal } from "./renewal-proof.ts";

setDefaultTimeout(20_000);

/** A node as its peers see it: an identity, and tunnels that are plain calls here. */
class Party {
  readonly box: IdentityBox;
  readonly contacts = new NodeContacts();
  readonly calls = new PeerCalls();
  readonly told: string[] = [];
  service!: PeerService;
  readonly #ways = new Map<string, Party>();

  constructor(node: string) {
    this.box = new IdentityBox(node);
  }

  async on(): Promise<this> {
    await this.box.on();
    const { site, renewal } = this.box;
    this.service = new PeerService(
      {
        identity: site,
        whenTaken: async () => true,
        workerTo: (node) => (this.#ways.has(node) ? this.#worker(node) : undefined),
        rootInReach: () => void renewal.hurry(),
        issuersTold: () => undefined,
        rootProven: (node) => void this.told.push(`root_proven ${node}`),
        told: (what, node, detail) => void this.told.push(`${what} ${node} ${detail}`.trim()),
      },
      this.contacts,
      this.calls,
      () => this.box.clocks().monotonicMs,
    );
    renewal.renewIssuer = () => this.service.renewIssuer();
    return this;
  }

  /** A tunnel in each direction, and what follows from it. */
  async meet(other: Party): Promise<void> {
    this.#way(other);
    other.#way(this);
    await Promise.all([this.service.sync(other.box.node), other.service.sync(this.box.node)]);
    await Promise.all([this.box.renewal.settled(), other.box.renewal.settled()]);
  }

  part(other: Party): void {
    for (const [one, two] of [
      [this, other],
      [other, this],
    ] as const) {
      one.#ways.delete(two.box.node);
      one.contacts.find(two.box.node)?.dialed.clear();
    }
  }

  /** What this node answers to another one that its tunnel has proven. */
  asked(by: string, kind: number, bytes: Uint8Array = new Uint8Array()) {
    return this.service.answer(by, "10.0.0.9", kind, bytes);
  }

  #way(other: Party): void {
    const { node } = other.box;
    this.#ways.set(node, other);
    const seen = { node, direction: "dialer", isUp: true, address: "10.0.0.9:15008", reason: "" } as const;
    this.contacts.tunnel(1, seen, this.box.realMs);
  }

  #worker(node: string): PeerWorker {
    return {
      id: 1,
      send: (frame) => {
        if (frame.type !== TO_WORKER.PEER_SEND) return true;
        const { requestId, kind, bytes } = frame;
        const asked = this.#ways.get(node)?.asked(this.box.node, kind, bytes);
        void asked?.then((reply) => this.calls.replied(1, requestId, reply.status, reply.bytes));
        return asked !== undefined;
      },
    };
  }
}

const parties: Party[] = [];
afterEach(async () => {
  for (const party of parties.splice(0)) {
    party.calls.close();
    await party.box.off();
    party.box.remove();
  }
});

function party(node: string): Party {
  const made = new Party(node);
  parties.push(made);
  return made;
}

async function joined(root: Party, node: string): Promise<Party> {
  const made = party(node);
  const { box } = made;
  const challenge = new Uint8Array(32).fill(1);
  const asked = await box.issue({ kind: "ask", trustDomain: TD, node, challenge });
  if (asked.kind !== "asked") throw new Error(asked.kind);
  const signed = await root.box.site.signIssuer(node, asked.request, challenge);
  if ("refused" in signed) throw new Error(signed.refused);
  joinSite(box.store, {
    trustDomain: TD,
    node,
    root: root.box.site.siteTrust.bundle.roots[0]!.der,
    trustMessage: root.box.site.trustMessage(),
    issuer: { certificate: signed.certificate, key: asked.key },
    nowMs: box.realMs,
  });
  return made.on();
}

async function site(): Promise<readonly [Party, Party, Party]> {
  const root = await party("till-1").on();
  return [root, await joined(root, "till-2"), await joined(root, "till-3")];
}

function ownSync(of: Party): Sync {
  const { site } = of.box;
  const numbers = { bansTaken: 0, bundleSequence: site.trust().bundle.sequence, floorMs: site.clock.floorMs };
  return { trust: site.trustMessage(), holdsRoot: false, issuers: [], ...numbers };
}

const bansOf = (of: Party): string => printBans(of.box.site.trust().bans);

/** What a node sends to renew its issuer. @param by whose issuer's key vouches. */
async function renewalOf(of: Party, challenge: Uint8Array, by = of): Promise<Uint8Array> {
  const asked = await of.box.site.askIssuer(challenge);
  if ("refused" in asked) throw new Error(asked.refused);
  const { request } = asked;
  const claim = { trustDomain: TD, node: of.box.node, challenge, request };
  const proof = await by.box.site.issuer.sign(async (signer) => proveRenewal(claim, signer));
  return encodeRenewal({ challenge, request, issuer: by.box.site.issuerCertificate()!.der, proof });
}

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
      const reply = await third.asked("till-2", PEER_KIND.SYNC, encodeSync({ ...ownSync(second), trust }));
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
    const good = encodeSync(ownSync(second));
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

  test("about the time raises the floor within the life of the teller's issuer, and not beyond", async () => {
    const [root, second] = await site();
    const floorMs = root.box.site.clock.floorMs;
    const tell = (toldMs: number) =>
      root.asked("till-2", PEER_KIND.SYNC, encodeSync({ ...ownSync(second), floorMs: toldMs }));
    await tell(floorMs + 400 * DAY_MS);
    expect(root.box.site.clock.floorMs).toBe(floorMs);
    await tell(floorMs + 2 * DAY_MS);
    expect(root.box.site.clock.floorMs).toBe(Math.floor(floorMs + 2 * DAY_MS));
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
