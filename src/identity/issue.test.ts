import { beforeAll, describe, expect, test } from "bun:test";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { forgeSite } from "../../test/support/forge-certificate.ts";
import { NO_BANS } from "./bans.ts";
import { makeBundle, type TrustBundle } from "./bundle.ts";
import { keyHashOf, readCertificate } from "./certificate.ts";
import { performIssue } from "./issue.ts";
import type { IssuedCertificate, IssueProblem, IssueReply, IssueRequest, Signer } from "./issue-protocol.ts";
import { makeIssuerRequest } from "./issuer-request.ts";
import { BACKDATE_MS, ISSUER_LIFE_MS, ROOT_LIFE_MS, SVID_LIFE_MS } from "./lifetimes.ts";
import { nodeServerName } from "./node-names.ts";
import { placementProblem } from "./placement.ts";
import { isRefusal } from "./refusal.ts";
import { verifyChain } from "./verify.ts";

const TD = "store-042.fleet.example";
const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const WEB = `spiffe://${TD}/ns/prod/sa/web`;
const NODE = `spiffe://${TD}/selvedge/node/till-1`;
const challenge = new Uint8Array(32).fill(3);

async function issued(request: IssueRequest): Promise<readonly IssuedCertificate[]> {
  const reply = await performIssue(request);
  if (reply.kind !== "issued") throw new Error(JSON.stringify(reply));
  return reply.issued;
}

const problemOf = (reply: IssueReply): IssueProblem | string => (reply.kind === "refused" ? reply.problem : reply.kind);

let root: Signer;
let issuer: Signer;
let bundle: TrustBundle;

beforeAll(async () => {
  [root] = (await issued({ kind: "root", trustDomain: TD, nowMs: NOW_MS })) as [Signer];
  [issuer] = (await issued({ kind: "issuer", signer: root, node: "till-1", nowMs: NOW_MS })) as [Signer];
  const made = makeBundle(TD, 1, [root.certificate]);
  if (typeof made === "string") throw new Error(made);
  bundle = made;
});

const verify = (leaf: Uint8Array, by: Uint8Array, nowMs = NOW_MS) =>
  verifyChain([leaf, by], { bundles: new Map([[TD, bundle]]), bans: NO_BANS, nowMs });

describe("what is issued", () => {
  test("a root for ten years, an issuer for 45 days, SVIDs for a day, all of them believed", async () => {
    const [web, node] = await issued({ kind: "svids", signer: issuer, ids: [WEB, NODE], nowMs: NOW_MS });
    const verified = verify(web!.certificate, issuer.certificate);
    if (isRefusal(verified)) throw new Error(verified.refused);
    expect(verified.subject).toEqual({ kind: "workload", namespace: "prod", serviceAccount: "web" });
    expect(verified.issuerNode).toBe("till-1");
    expect(verified.notAfterMs).toBe(NOW_MS + SVID_LIFE_MS);
    const nodeVerified = verify(node!.certificate, issuer.certificate);
    if (isRefusal(nodeVerified)) throw new Error(nodeVerified.refused);
    expect(placementProblem(nodeVerified, () => false)).toBeUndefined();
    expect(nodeVerified.leaf.names?.list.map((name) => name.text)).toEqual([NODE, nodeServerName(TD, "till-1")]);
    const certificates = [root.certificate, issuer.certificate, web!.certificate].map(readCertificate);
    expect(certificates.map((one) => one.notBeforeMs)).toEqual([1, 1, 1].map(() => NOW_MS - BACKDATE_MS));
    expect(certificates.map((one) => one.notAfterMs - NOW_MS)).toEqual([ROOT_LIFE_MS, ISSUER_LIFE_MS, SVID_LIFE_MS]);
    console.log(
      `issued: root ${root.certificate.length} B, issuer ${issuer.certificate.length} B, SVID ${web!.certificate.length} B`,
    );
  });

  test("the key that comes along is the certificate's, and every certificate has a new one", async () => {
    const made = await issued({ kind: "svids", signer: issuer, ids: [WEB, WEB, NODE], nowMs: NOW_MS });
    const hashes = made.map(({ key }) => {
      const privateKey = createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" });
      return keyHashOf(new Uint8Array(createPublicKey(privateKey).export({ type: "spki", format: "der" })));
    });
    expect(hashes).toEqual(made.map(({ certificate }) => readCertificate(certificate).keyHash));
    expect(new Set(hashes).size).toBe(3);
    expect(new Set(made.map(({ certificate }) => readCertificate(certificate).serial)).size).toBe(3);
  });

  test("an issuer is held to its trust domain, to server names of nodes, and to no address", () => {
    const constraints = readCertificate(issuer.certificate).constraints;
    expect(constraints?.permitted.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      `uri ${TD}`,
      "dns node.selvedge.invalid",
      "email node.selvedge.invalid",
    ]);
    expect(constraints?.excluded.map(({ kind, bytes }) => `${kind} ${bytes.length}`)).toEqual(["ip 8", "ip 32"]);
  });

  test("nothing outlives its signer", async () => {
    const late = NOW_MS + ISSUER_LIFE_MS - 3_600_000;
    const [web] = await issued({ kind: "svids", signer: issuer, ids: [WEB], nowMs: late });
    expect(readCertificate(web!.certificate).notAfterMs).toBe(NOW_MS + ISSUER_LIFE_MS);
  });

  test("times from 2050 on are written as the standard wants", async () => {
    const nowMs = Date.UTC(2049, 5, 1);
    const [old] = await issued({ kind: "root", trustDomain: TD, nowMs });
    expect(readCertificate(old!.certificate).notAfterMs).toBe(nowMs + ROOT_LIFE_MS);
  });
});

describe("an issuer for another node", () => {
  test("is made for the key that the other node holds", async () => {
    const asked = await performIssue({ kind: "ask", trustDomain: TD, node: "till-2", challenge });
    if (asked.kind !== "asked") throw new Error(asked.kind);
    const { request, key } = asked;
    const [made] = await issued({ kind: "sign", signer: root, node: "till-2", challenge, request, nowMs: NOW_MS });
    expect(made!.key.length).toBe(0);
    const other: Signer = { certificate: made!.certificate, key };
    const [web] = await issued({ kind: "svids", signer: other, ids: [WEB], nowMs: NOW_MS });
    const verified = verify(web!.certificate, other.certificate);
    expect(isRefusal(verified) ? verified.refused : verified.issuerNode).toBe("till-2");
  });

  test("is not made for another node, challenge, site, or without the key", async () => {
    const asked = await performIssue({ kind: "ask", trustDomain: TD, node: "till-2", challenge });
    if (asked.kind !== "asked") throw new Error(asked.kind);
    const sign = {
      kind: "sign",
      signer: root,
      node: "till-2",
      challenge,
      request: asked.request,
      nowMs: NOW_MS,
    } as const;
    const foreign = makeIssuerRequest(
      { trustDomain: "store-043.fleet.example", node: "till-2", challenge },
      createPrivateKey({ key: Buffer.from(asked.key), format: "der", type: "pkcs8" }),
    );
    const torn = asked.request.subarray(0, -1);
    const changed = Uint8Array.from(asked.request);
    changed[60] = changed[60]! ^ 1;
    for (const wrong of [
      { node: "till-3" },
      { challenge: new Uint8Array(32) },
      { request: foreign },
      { request: torn },
      { request: changed },
      { request: new Uint8Array() },
    ])
      expect(problemOf(await performIssue({ ...sign, ...wrong }))).toBe("proof_of_key");
  });
});

describe("what is not issued", () => {
  const svids = (ids: readonly string[], changed: Partial<IssueRequest & { kind: "svids" }> = {}) =>
    performIssue({ kind: "svids", signer: issuer, ids, nowMs: NOW_MS, ...changed }).then(problemOf);

  test("an ID of another domain, of another node, of no kind, or none at all", async () => {
    expect(await svids(["spiffe://store-043.fleet.example/ns/prod/sa/web"])).toBe("id_of_another_domain");
    expect(await svids([`spiffe://${TD}/selvedge/node/till-2`])).toBe("id_of_another_node");
    expect(await svids([`spiffe://${TD}`])).toBe("id");
    expect(await svids([`spiffe://${TD}/service/web`])).toBe("id");
    expect(await svids([WEB, "web"])).toBe("id");
  });

  test("anything by a signer that is none, whose key is another's, or whose time is over", async () => {
    const [web] = await issued({ kind: "svids", signer: issuer, ids: [WEB], nowMs: NOW_MS });
    expect(await svids([WEB], { signer: web! })).toBe("signer");
    expect(await svids([WEB], { signer: root })).toBe("signer");
    expect(await svids([WEB], { signer: { ...issuer, certificate: new Uint8Array(9) } })).toBe("signer");
    expect(await svids([WEB], { signer: { ...issuer, key: root.key } })).toBe("signer_key");
    expect(await svids([WEB], { signer: { ...issuer, key: new Uint8Array(9) } })).toBe("signer_key");
    expect(await svids([WEB], { nowMs: NOW_MS + ISSUER_LIFE_MS + 1000 })).toBe("signer_time");
    expect(await svids([WEB], { nowMs: 0 })).toBe("signer_time");
  });

  test("an issuer by an issuer, or for a name that no node can have", async () => {
    const ask = (signer: Signer, node: string) =>
      performIssue({ kind: "issuer", signer, node, nowMs: NOW_MS }).then(problemOf);
    expect(await ask(issuer, "till-1")).toBe("signer");
    for (const node of ["", "Till-1", "till/1", "-till", "a".repeat(64), "till 1"])
      expect(await ask(root, node)).toBe("node_name");
  });

  test("a root or a question for no trust domain", async () => {
    expect(problemOf(await performIssue({ kind: "root", trustDomain: "Store", nowMs: NOW_MS }))).toBe("trust_domain");
    const ask = { kind: "ask", trustDomain: "a/b", node: "till-1", challenge } as const;
    expect(problemOf(await performIssue(ask))).toBe("trust_domain");
    const short = { ...ask, trustDomain: TD, challenge: new Uint8Array(31) };
    expect(problemOf(await performIssue(short))).toBe("request_form");
  });
});

test("what it costs to judge and to make certificates", async () => {
  const site = forgeSite();
  const made = makeBundle(site.trustDomain, 1, [site.root]);
  if (typeof made === "string") throw new Error(made);
  const chain = [site.makeLeaf(), site.issuer];
  const trust = { bundles: new Map([[site.trustDomain, made]]), bans: NO_BANS, nowMs: site.nowMs };
  const rounds = 300;
  const judgedAt = performance.now();
  for (let round = 0; round < rounds; round++) verifyChain(chain, trust);
  const judgedUs = ((performance.now() - judgedAt) / rounds) * 1000;
  const readAt = performance.now();
  for (let round = 0; round < rounds; round++) readCertificate(chain[0]!);
  const readUs = ((performance.now() - readAt) / rounds) * 1000;
  const ids = Array.from({ length: 20 }, (_, index) => `${WEB}-${index}`);
  const issuedAt = performance.now();
  await issued({ kind: "svids", signer: issuer, ids, nowMs: NOW_MS });
  const issuedMs = (performance.now() - issuedAt) / ids.length;
  console.log(
    `chain judged in ${judgedUs.toFixed(0)} µs, certificate read in ${readUs.toFixed(1)} µs, SVID with key made in ${issuedMs.toFixed(2)} ms`,
  );
  // Generous: a machine under load must not fail it, a quadratic reader must.
  expect(judgedUs).toBeLessThan(20_000);
});
