import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseBundle } from "../../src/identity/bundle.ts";
import { readCertificate } from "../../src/identity/certificate.ts";
import { performIssue } from "../../src/identity/issue.ts";
import type { IssuedCertificate, IssueRequest } from "../../src/identity/issue-protocol.ts";
import {
  CLOCK_FILE,
  ISSUED_FILE,
  ROOT_FILE,
  SITE_FILE,
  type StoredIssued,
} from "../../src/keeper/identity/identity-files.ts";
import { IdentityStore } from "../../src/keeper/identity/identity-store.ts";
import { withIssued } from "../../src/keeper/identity/issued-issuers.ts";
import { joinSite } from "../../src/keeper/identity/join-site.ts";
import { firstTrust } from "../../src/keeper/identity/site-trust.ts";
import { ROOT_NODE_FILE } from "../../src/keeper/nodes/root-node-file.ts";
import { writeSealed } from "../../src/keeper/state/sealed-json.ts";

/** State directories as they would be if a site had been founded, and a node let in, at some time in the past. */
export interface LongAgo {
  readonly trustDomain: string;
  /** When the root was made, and a day later the issuer of the other node, ms since 1970. */
  readonly foundedMs: number;
  readonly root: { readonly node: string; readonly state: string };
  readonly other: { readonly node: string; readonly state: string };
}

/** Writes both; nobody runs on them yet. Answers the SHA-256 of the other node's issuer key. */
export async function foundLongAgo({ trustDomain, foundedMs, root, other }: LongAgo): Promise<string> {
  const made = await issued({ kind: "root", trustDomain, nowMs: foundedMs });
  for (const { state } of [root, other]) mkdirSync(state, { mode: 0o700 });
  const store = new IdentityStore(root.state, {});
  const trust = firstTrust(trustDomain, made.certificate, made.key);
  const bundle = parseBundle(trust.bundle, trustDomain);
  if (typeof bundle === "string") throw new Error(bundle);
  const challenge = new Uint8Array(32);
  const letInMs = foundedMs + 86_400_000;
  const asked = await performIssue({ kind: "ask", trustDomain, node: other.node, challenge });
  if (asked.kind !== "asked") throw new Error(asked.kind);
  const signer = { certificate: made.certificate, key: Uint8Array.from(made.key) };
  const signing = {
    kind: "sign",
    signer,
    node: other.node,
    challenge,
    request: asked.request,
    nowMs: letInMs,
  } as const;
  const { certificate } = await issued(signing);
  store.write(ROOT_FILE, {
    signers: [store.sealSigner("root-key", made)],
    phase: "steady",
    sinceMs: foundedMs,
    isCompromised: false,
  });
  const nobody: StoredIssued = { completeSinceMs: foundedMs, isShared: false, issuers: [] };
  const issuer = readCertificate(certificate);
  store.write(ISSUED_FILE, withIssued(nobody, issuer, bundle, { ownNode: root.node, nowMs: letInMs }));
  store.write(CLOCK_FILE, { floorMs: letInMs });
  store.writeTrust(trust);
  store.write(SITE_FILE, { trustDomain, node: root.node, origin: "own" });
  joinSite(new IdentityStore(other.state, {}), {
    trustDomain,
    node: other.node,
    root: made.certificate,
    trustMessage: trust.message,
    issuer: { certificate, key: Uint8Array.from(asked.key) },
    nowMs: letInMs,
  });
  writeSealed(join(other.state, ROOT_NODE_FILE), { name: root.node, issuers: [] });
  return issuer.keyHash;
}

async function issued(request: IssueRequest): Promise<IssuedCertificate> {
  const reply = await performIssue(request);
  if (reply.kind !== "issued") throw new Error(reply.kind);
  return reply.issued[0]!;
}
