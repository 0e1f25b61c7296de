import type { IssueRequest } from "../../identity/issue-protocol.ts";
import type { IssueOutcome } from "../ca/issue-child.ts";
import { CLOCK_FILE, ISSUED_FILE, ISSUER_FILE, ROOT_FILE, SITE_FILE } from "./identity-files.ts";
import { type IdentityStore, IdentityStoreError } from "./identity-store.ts";
import { EARLIEST_MS } from "./site-clock.ts";
import { firstTrust } from "./site-trust.ts";

/** Makes certificates somewhere else; never rejects. */
export type Issue = (request: IssueRequest) => Promise<IssueOutcome>;

/**
 * A new site with a root of its own, on disk. Whole or not at all: the file `site` comes last. Rejects with IdentityStoreError,
 * also where there is more than a founding leaves that did not end: a root that others depend on must not be written over.
 */
export async function foundSite(
  store: IdentityStore,
  issue: Issue,
  { trustDomain, node, nowMs: wallMs }: { readonly trustDomain: string; readonly node: string; readonly nowMs: number },
): Promise<void> {
  refuseRemains(store);
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

function refuseRemains(store: IdentityStore): void {
  const issued = store.read(ISSUED_FILE);
  const hasIssued =
    issued.state === "rotten" ||
    (issued.state === "good" && (issued.value.isShared || issued.value.issuers.length > 0));
  if (store.read(ISSUER_FILE).state === "absent" && !hasIssued) return;
  throw new IdentityStoreError(
    `${store.folder} holds an identity without its file site: a join or a restore that did not end, or a file that was lost; ` +
      "do it again, or move the folder away",
  );
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
