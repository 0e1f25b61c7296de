import { afterEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { DAY_MS, HOUR_MS, IdentityBox, letIn } from "../../../test/support/identity-box.ts";

const boxes: IdentityBox[] = [];
afterEach(async () => {
  for (const box of boxes.splice(0)) {
    await box.off();
    box.remove();
  }
});

/** A root's node a year later, and a node whose issuer has ended meanwhile but whose clock stood still; it is not on yet. */
async function yearLater(): Promise<readonly [IdentityBox, IdentityBox]> {
  const [root, box] = [new IdentityBox("till-1"), new IdentityBox("till-2")];
  boxes.push(root, box);
  await root.on();
  await letIn(root, box);
  await box.on();
  await box.off();
  await root.off();
  root.realMs += 366 * DAY_MS;
  await root.on();
  return [root, box];
}

/** As the door and whoever calls there do, without the way between. */
function renewsLate(root: IdentityBox, box: IdentityBox): void {
  box.renewal.renewIssuer = async () => {
    const challenge = new Uint8Array(randomBytes(32));
    const asked = await box.site.askIssuer(challenge);
    if ("refused" in asked) return asked.refused;
    const signed = await root.site.signIssuer(box.node, asked.request, challenge, { askedBy: "ab", isLate: true });
    if ("refused" in signed) return signed.refused;
    const problem = box.site.installIssuer(signed.certificate, true);
    if (problem === undefined) box.site.changed("clock");
    return problem;
  };
}

test("a box that wakes in 1970 goes by the time of the issuer that it got late, and everybody believes it", async () => {
  const [root, box] = await yearLater();
  box.wallAheadMs = -box.realMs;
  await box.on();
  expect(box.isBelieved(root.realMs, root.site)).toBe(false);
  renewsLate(root, box);
  box.renewal.isLate = () => !box.isBelieved(root.realMs, root.site);
  await box.renewal.hurry();
  await box.renewal.settled();
  expect(box.site.nowMs()).toBe(root.site.nowMs());
  expect(box.isBelieved(root.realMs, root.site)).toBe(true);
  // It was switched off once more, and has forgotten nothing of that.
  await box.off();
  await box.on();
  expect(box.site.nowMs()).toBeGreaterThanOrEqual(root.site.nowMs() - HOUR_MS);
});

test("a box whose clock is set while it runs follows it once it has an issuer of that time", async () => {
  const [root, box] = await yearLater();
  await box.on();
  box.wallAheadMs = root.realMs - box.realMs;
  box.renewal.tick();
  await box.renewal.settled();
  expect([...box.renewal.troubles.keys()]).toEqual(["clock"]);
  renewsLate(root, box);
  box.renewal.isLate = () => (box.site.clock.pendingMs ?? 0) > (box.site.issuerCertificate()?.notAfterMs ?? 0);
  await box.pass(2 * HOUR_MS, HOUR_MS / 4);
  expect(box.told).toContainEqual(expect.stringContaining("clock_followed"));
  expect(box.isBelieved(root.realMs + 2 * HOUR_MS, root.site)).toBe(true);
  expect([...box.renewal.troubles.keys()]).toEqual([]);
  expect(root.site.issuedIssuers().filter(({ node }) => node === "till-2")).toHaveLength(1);
});

test("an issuer of another time is taken late alone, and never one of another key or that nobody signed", async () => {
  const [root, box] = await yearLater();
  box.wallAheadMs = -box.realMs;
  await box.on();
  const challenge = new Uint8Array(randomBytes(32));
  const asked = await box.site.askIssuer(challenge);
  if ("refused" in asked) throw new Error(asked.refused);
  const signed = await root.site.signIssuer("till-2", asked.request, challenge);
  if ("refused" in signed) throw new Error(signed.refused);
  expect(box.site.installIssuer(signed.certificate)).toBe("it is not valid now");
  expect(box.site.installIssuer(root.site.issuerCertificate()!.der, true)).toBe("it is for node till-1");
  const stranger = new IdentityBox("till-1");
  boxes.push(stranger);
  await stranger.on();
  const forged = await stranger.site.signIssuer("till-2", asked.request, challenge);
  if ("refused" in forged) throw new Error(forged.refused);
  expect(box.site.installIssuer(forged.certificate, true)).toBe("no root of this site signed it");
  expect(box.site.installIssuer(signed.certificate, true)).toBeUndefined();
});
