import { beforeAll, describe, expect, test } from "bun:test";
import { TunnelIdentities } from "../../../test/support/tunnel-identities.ts";
import { NO_BANS, withBan } from "../../identity/bans.ts";
import { readCertificate } from "../../identity/certificate.ts";
import { performIssue } from "../../identity/issue.ts";
import { JOIN_ALPN } from "../../identity/join-protocol.ts";
import { type LateTrust, lateDoorProblem } from "./judge-late-door.ts";

const TD = "store-042.fleet.example";
const nowMs = Date.UTC(2026, 10, 22);
let site: TunnelIdentities;
let other: TunnelIdentities;
let impostor: TunnelIdentities;
let trust: LateTrust;

beforeAll(async () => {
  site = await TunnelIdentities.make(TD, ["till-1", "till-2"], nowMs);
  other = await TunnelIdentities.make("store-043.fleet.example", ["till-1"], nowMs);
  // The same names under a root of his own.
  impostor = await TunnelIdentities.make(TD, ["till-1"], nowMs);
  trust = { bundle: site.bundle, bans: NO_BANS, node: "till-1" };
});

async function chain(of: TunnelIdentities, node: string, id = `selvedge/node/${node}`): Promise<Uint8Array[]> {
  const ids = [`spiffe://${of.trustDomain}/${id}`];
  const reply = await performIssue({ kind: "svids", signer: of.issuer(node), ids, nowMs });
  if (reply.kind !== "issued") throw new Error(reply.kind);
  return [reply.issued[0]!.certificate, of.issuer(node).certificate, of.root.certificate];
}

const session = { alpn: JOIN_ALPN, protocol: "TLSv1.3", isResumed: false };
const problemOf = (presented: readonly Uint8Array[], more: Partial<LateTrust> = {}) =>
  lateDoorProblem({ ...session, chain: presented }, { ...trust, ...more });

describe("who answers a node whose issuer has ended", () => {
  test("is believed as the node that was called, under a root that is believed, whatever time it is", async () => {
    const own = await chain(site, "till-1");
    expect(problemOf(own)).toBeUndefined();
    expect(problemOf(own.slice(0, 2))).toBeUndefined();
  });

  test("is not believed as another node, as a workload, under another root or of another site", async () => {
    expect(problemOf(await chain(site, "till-2"))).toBe("node_expected");
    expect(problemOf(await chain(site, "till-1", "ns/prod/sa/web"))).toBe("leaf_kind");
    expect(problemOf(await chain(other, "till-1"))).toBe("trust_domain_unknown");
    expect(problemOf(await chain(impostor, "till-1"))).toBe("chain_name");
    const behind = [...(await chain(impostor, "till-1")).slice(0, 2), site.root.certificate];
    expect(problemOf(behind)).toBe("chain_name");
  });

  test("is not believed with a key that this node knows to be banned", async () => {
    const { keyHash } = readCertificate(site.issuer("till-1").certificate);
    const ban = { keyHash, node: "till-1", state: "banned", reason: "stolen", atMs: 0 } as const;
    expect(problemOf(await chain(site, "till-1"), { bans: withBan(NO_BANS, ban) })).toBe("key_banned");
  });

  test("is not believed in another kind of session, or without certificates that can be read", async () => {
    const facts = { ...session, chain: await chain(site, "till-1") };
    expect(lateDoorProblem({ ...facts, alpn: "h2" }, trust)).toBe("alpn");
    expect(lateDoorProblem({ ...facts, protocol: "TLSv1.2" }, trust)).toBe("protocol");
    expect(lateDoorProblem({ ...facts, isResumed: true }, trust)).toBe("resumed");
    expect(problemOf([])).toBe("chain_empty");
    expect(problemOf([new Uint8Array(9)])).toBe("der_tag");
  });
});
