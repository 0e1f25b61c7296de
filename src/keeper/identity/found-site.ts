import type { IssueRequest } from "../../identity/issue-protocol.ts";
import type { IssueOutcome } from "../ca/issue-child.ts";
import { CLOCK_FILE, ISSUED_FILE, ROOT_FILE, SITE_FILE } from "./identity-files.ts";
import { type IdentityStore, IdentityStoreError } from "./identity-store.ts";
import { EARLIEST_MS } from "./site-clock.ts";
import { firstTrust } from "./site-trust.ts";

/** Makes certificates somewhere else; never rejects. */
export type Issue = (request: IssueRequest) => Promise<IssueOutcome>;

/** A new site with a root of its own, on disk. Whole or not at all: the file `site` comes last. Rejects with IdentityStoreError. */
export async function foundSite(
  store: IdentityStore,
  issue: Issue,
  { trustDomain, node, nowMs: wallMs }: { readonly trustDomain: string; readonly node: string; readonly nowMs: number },
): Promise<void> {
  const nowMs = Math.max(EARLIEST_MS, Math.floor(wallMs));
  const outcome = await issue({ kind: "root", trustDomain, nowMs });
  const root = outcome.kind === "issued" ? outcome.issued[0] : undefined;
  if (root === undefined) throw new IdentityStoreError(`no root was made: ${issueProblem(outcome)}`);
  const trust = firstTrust(trustDomain, root.certificate, root.key);
  const signer = store.sealSigner("root-key", root);
  store.write(ROOT_FILE, { signers: [signer], phase: "steady", sinceMs: nowMs, isCompromised: false });
  store.write(ISSUED_FILE, { completeSinceMs: nowMs, isShared: false, issuers: [] });
  // The one time that a wall clock is believed: everything of this site begins now.
  store.write(CLOCK_FILE, { floorMs: nowMs });
  store.writeTrust(trust);
  store.write(SITE_FILE, { trustDomain, node, origin: "own" });
}

/** Why nothing was issued, in words. */
export function issueProblem(outcome: IssueOutcome): string {
  switch (outcome.kind) {
    case "failed":
      return outcome.reason;
    case "refused":
      return outcome.problem;
    default:
      return "the answer was another one";
  }
}
