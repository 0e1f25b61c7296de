/** A machine that was let in was off for longer than its issuer lives: what goes on, and what its operator is told. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { NO_BANS } from "../../../src/identity/bans.ts";
import { makeBundle } from "../../../src/identity/bundle.ts";
import { makeTrustMessage } from "../../../src/identity/trust-message.ts";
import { IdentityStore } from "../../../src/keeper/identity/identity-store.ts";
import { joinSite } from "../../../src/keeper/identity/join-site.ts";
import { utcTime } from "../../support/der-build.ts";
import { forgeSite } from "../../support/forge-certificate.ts";
import { startOrigin } from "../../support/mesh-load.ts";
import { shopOnNodes } from "../../support/shop-on-nodes.ts";
import { SiteOfNodes } from "../../support/site-of-nodes.ts";

setDefaultTimeout(60_000);
const DAY_MS = 86_400_000;

/** What joining left in a state directory, of which the issuer has ended by now. */
function joinedLongAgo(state: string, trustDomain: string, node: string): void {
  const nowMs = Math.floor(Date.now() / 1000) * 1000;
  const site = forgeSite({ trustDomain, node, nowMs });
  const certificate = site.makeIssuer({ notBefore: utcTime(nowMs - 15 * DAY_MS), notAfter: utcTime(nowMs - 60_000) });
  const bundle = makeBundle(trustDomain, 1, [site.root]);
  if (typeof bundle === "string") throw new Error(bundle);
  const pkcs8 = ({ privateKey }: { privateKey: typeof site.rootKey.privateKey }) =>
    Uint8Array.from(privateKey.export({ type: "pkcs8", format: "der" }));
  mkdirSync(state, { mode: 0o700 });
  joinSite(new IdentityStore(state, {}), {
    trustDomain,
    node,
    root: site.root,
    trustMessage: makeTrustMessage(bundle, NO_BANS, bundle.roots[0]!.keyHash, pkcs8(site.rootKey)),
    issuer: { certificate, key: pkcs8(site.issuerKey) },
    nowMs: nowMs - DAY_MS,
  });
}

test("calls on the node go on, and status says that it has to be let in again, and how", async () => {
  await using origin = await startOrigin("orders");
  await using site = new SiteOfNodes();
  const mesh = site.node(2);
  joinedLongAgo(mesh.state, site.trustDomain, "till-2");
  mesh.write(site.documents(2, shopOnNodes("node: till-2", origin.port)));
  await mesh.start("--node", "till-2");
  await mesh.event("identity", 0, ({ what }) => what === "failed");
  expect((await mesh.get("orders.prod")).status).toBe(200);
  const status = await mesh.status();
  expect(status.degraded).toEqual(["identity"]);
  expect(status).toMatchObject({ identity: { state: "over", svids: { count: 0 } } });
  const { stdout } = await mesh.cli("status");
  expect(stdout).toContain("selvedge node invite till-2 --replace");
  const issuer = /^issuer +expired +(\S+)/m.exec(stdout)?.[1] ?? "";
  for (const what of ["calls between nodes", "new certificates on this node"])
    expect(stdout).toMatch(new RegExp(`^${what} +${issuer}$`, "m"));
  expect(stdout).toMatch(/^calls on this node +never$/m);
});
