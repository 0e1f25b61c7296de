import { expect, test } from "bun:test";
import { forgeSite } from "../../../test/support/forge-certificate.ts";
import { NO_BANS, printBans, withBan } from "../../identity/bans.ts";
import { makeBundle, printBundle } from "../../identity/bundle.ts";
import { CLOCK_JUMP_MS } from "../../identity/clock.ts";
import { isRefusal } from "../../identity/refusal.ts";
import { verifyChain } from "../../identity/verify.ts";
import { TunnelTrust } from "./trust.ts";

const site = forgeSite({ nowMs: 1_800_000_000_000 });
const made = makeBundle(site.trustDomain, 1, [site.root]);
if (typeof made === "string") throw new Error(made);
const bundle = Buffer.from(printBundle(made));
const frame = { version: 1, nowMs: site.nowMs, bundle, bans: Buffer.from(printBans(NO_BANS)) };

interface Clocked {
  readonly trust: TunnelTrust;
  atMs: number;
  wallMs: number;
}

function trustAt(): Clocked {
  const trust = new TunnelTrust(
    () => clock.atMs,
    () => clock.wallMs,
  );
  const clock: Clocked = { trust, atMs: 500, wallMs: site.nowMs };
  return clock;
}

const judge = (trust: TunnelTrust) => {
  const answer = verifyChain([site.makeLeaf(), site.issuer], trust.trust);
  return isRefusal(answer) ? answer.refused : "believed";
};

test("nobody is believed before both a bundle and the trust domain of the documents are known, in either order", () => {
  const { trust } = trustAt();
  expect(judge(trust)).toBe("trust_domain_unknown");
  trust.take(frame);
  expect([judge(trust), trust.roots.length]).toEqual(["trust_domain_unknown", 0]);
  trust.follow(site.trustDomain);
  expect([judge(trust), trust.roots.length]).toEqual(["believed", 1]);
  trust.follow("site-b.example");
  expect([judge(trust), trust.problem]).toEqual(["trust_domain_unknown", "ca_trust_domain"]);
});

test("the time is the keeper's, and goes on with the monotonic clock alone", () => {
  const clock = trustAt();
  expect(clock.trust.nowMs()).toBeNaN();
  clock.trust.take(frame);
  clock.atMs += 1234;
  expect(clock.trust.nowMs()).toBe(site.nowMs + 1234);
  clock.trust.follow(site.trustDomain);
  clock.atMs += 2 * 86_400_000;
  expect(judge(clock.trust)).toBe("expired");
});

test("a bundle or a list of bans that cannot be read is trust in nobody, and says so", () => {
  const { trust } = trustAt();
  trust.follow(site.trustDomain);
  for (const wrong of [{ bundle: Buffer.from("{}") }, { bans: Buffer.from("[]") }]) {
    trust.take(frame);
    expect(judge(trust)).toBe("believed");
    trust.take({ ...frame, ...wrong });
    expect([judge(trust), trust.problem]).not.toContain("");
    expect(judge(trust)).toBe("trust_domain_unknown");
  }
});

test("roots that change are told from bans that do, because only they concern the listener", () => {
  const { trust } = trustAt();
  trust.follow(site.trustDomain);
  trust.take(frame);
  const before = trust.rootsEpoch;
  const ban = { keyHash: "a".repeat(64), node: "till-1", state: "banned", reason: "stolen", atMs: 1 } as const;
  trust.take({ ...frame, bans: Buffer.from(printBans(withBan(NO_BANS, ban))) });
  expect(trust.rootsEpoch).toBe(before);
  trust.take({ ...frame, bundle: Buffer.from(printBundle({ ...made, sequence: 2 })) });
  expect(trust.rootsEpoch).toBe(before + 1);
});

test("the machine's clock is doubted where it is further off than certificates forgive, and not before there is a time", () => {
  const clock = trustAt();
  clock.wallMs = 0;
  expect(clock.trust.isWallDoubted).toBe(false);
  clock.trust.take(frame);
  expect(clock.trust.isWallDoubted).toBe(true);
  for (const [offMs, isDoubted] of [
    [CLOCK_JUMP_MS, false],
    [-CLOCK_JUMP_MS, false],
    [CLOCK_JUMP_MS + 1, true],
    [-CLOCK_JUMP_MS - 1, true],
  ] as const) {
    clock.wallMs = site.nowMs + offMs;
    expect([offMs, clock.trust.isWallDoubted]).toEqual([offMs, isDoubted]);
  }
});
