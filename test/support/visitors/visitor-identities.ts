/** Certificates for nodes that exist only as callers of a measurement, made with the root of the pair's first node. */
import { performIssue } from "../../../src/identity/issue.ts";
import type { IssuedCertificate, IssueRequest } from "../../../src/identity/issue-protocol.ts";
import { ROOT_FILE, SITE_FILE } from "../../../src/keeper/identity/identity-files.ts";
import { IdentityStore } from "../../../src/keeper/identity/identity-store.ts";
import { nodeId, printSpiffeId } from "../../../src/model/spiffe-id.ts";
import type { HeldKeys } from "../../../src/proxy/tunnel/keys.ts";

/** Who may dial the nodes of a site. */
export interface VisitorIdentities {
  readonly trustDomain: string;
  readonly root: Uint8Array;
  /** One for each name, in order. */
  readonly nodes: readonly HeldKeys[];
}

/** Reads the root in a state directory and lets it certify these nodes. Throws where there is none. */
export async function visitorIdentities(
  statePath: string,
  names: readonly string[],
  nowMs = Date.now(),
): Promise<VisitorIdentities> {
  const store = new IdentityStore(statePath, {});
  const [site, root] = [store.read(SITE_FILE), store.read(ROOT_FILE)];
  const stored = root.state === "good" ? root.value.signers[0] : undefined;
  if (site.state !== "good" || stored === undefined) throw new Error(`no root in ${statePath}`);
  const { trustDomain } = site.value;
  const nodes: HeldKeys[] = [];
  for (const node of names) {
    const issuer = await store.withSigner("root-key", stored, (opened) => {
      // The issuing code wipes the key it was given.
      const signer = { certificate: opened.certificate, key: Uint8Array.from(opened.key) };
      return issued({ kind: "issuer", signer, node, nowMs });
    });
    const chain = [issuer.certificate, stored.certificate];
    const leaf = await issued({
      kind: "svids",
      signer: issuer,
      ids: [printSpiffeId(nodeId(trustDomain, node))],
      nowMs,
    });
    nodes.push({ chain: [leaf.certificate, ...chain], key: leaf.key, notAfterMs: Number.POSITIVE_INFINITY });
  }
  return { trustDomain, root: stored.certificate, nodes };
}

async function issued(request: IssueRequest): Promise<IssuedCertificate> {
  const reply = await performIssue(request);
  const first = reply.kind === "issued" ? reply.issued[0] : undefined;
  if (first === undefined) throw new Error(`no certificate: ${JSON.stringify(reply)}`);
  return first;
}
