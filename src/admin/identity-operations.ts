import type { CertificateRow, IdentityDescription } from "../keeper/identity/describe-identity.ts";
import type { LiveIdentity } from "../keeper/identity/live-identity.ts";
import type { Keeper } from "../keeper/keeper.ts";
import type { AdminCall } from "./admin-server.ts";
import { AdminError } from "./protocol.ts";
import { textOf } from "./request-fields.ts";

/** What `status` tells of the identity; small where there are no other nodes, since nothing of it is loaded then. */
export function identityStatus(keeper: Keeper): object {
  const { live, trouble, isWanted } = keeper.identity;
  if (live === undefined) {
    const state = trouble !== undefined ? "failed" : isWanted ? "starting" : "unused";
    return { state, ...(trouble === undefined ? {} : { trouble }) };
  }
  const { certificates, banned, ...rest } = live.describe();
  const svids = certificates.filter(({ kind }) => kind === "svid");
  return {
    state: live.isOver ? "over" : live.isReady ? "ready" : "starting",
    ...rest,
    bannedKeys: banned.length,
    certificates: certificates.filter(({ kind }) => kind !== "svid"),
    svids: { count: svids.length, valid: svids.filter(isValid).length, firstEnd: firstEnd(svids) },
  };
}

/** Certificates, what stops when, what is wrong. */
export async function listIdentity(keeper: Keeper): Promise<IdentityDescription> {
  const { live } = keeper.identity;
  if (live !== undefined) return live.describe();
  return told(() => keeper.identity.describeStored());
}

/** One certificate with its chain as PEM. */
export async function showIdentity(keeper: Keeper, { request }: AdminCall): Promise<unknown> {
  const name = textOf(request, "name");
  const { certificates } = await listIdentity(keeper);
  const row = certificates.find((one) => one.name === name);
  if (row === undefined) {
    const known = certificates.map((one) => one.name).join(", ");
    throw new AdminError("not_found", `there is no certificate ${name}; there are: ${known}`);
  }
  return { ...row, chain: (await keeper.identity.chainOf(name)).map((der) => der.toBase64()) };
}

/** Makes anew what is asked for: SVIDs, the issuer, or the root. */
export async function rotateIdentity(keeper: Keeper, { request }: AdminCall): Promise<unknown> {
  const what = request["what"];
  const isCompromised = request["isCompromised"] === true;
  if (what !== "svids" && what !== "issuer" && what !== "root")
    throw new AdminError("bad_request", "what is svids, issuer or root");
  if (isCompromised && what !== "root") throw new AdminError("bad_request", "only a root is said to be compromised");
  const live = liveOf(keeper);
  const problem = await told(() => live.rotate(what, isCompromised));
  if (problem !== undefined) throw new AdminError("refused", problem);
  return live.describe();
}

/** The root as text, encrypted under the passphrase. */
export async function backupIdentity(keeper: Keeper, { request }: AdminCall): Promise<unknown> {
  const passphrase = textOf(request, "passphrase");
  return { backup: await told(() => keeper.identity.backup(passphrase)) };
}

/** The root out of a backup. */
export async function restoreIdentity(keeper: Keeper, { request }: AdminCall): Promise<unknown> {
  const how = request["how"];
  if (how !== "restore" && how !== "promote") throw new AdminError("bad_request", "how is restore or promote");
  const backup = request["backup"];
  if (typeof backup !== "string") throw new AdminError("bad_request", "backup is missing");
  const passphrase = textOf(request, "passphrase");
  const aside = await told(() => keeper.identity.takeRoot(backup, passphrase, how));
  return { ...(aside === undefined ? {} : { aside }) };
}

function liveOf(keeper: Keeper): LiveIdentity {
  const { live, trouble } = keeper.identity;
  if (live !== undefined) return live;
  throw new AdminError("refused", trouble ?? "this node reaches no other (Site.spec.tunnel is not set)");
}

/** What an identity cannot do is the operator's to know. */
async function told<Result>(act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof AdminError) throw error;
    throw new AdminError("refused", error instanceof Error ? error.message : String(error));
  }
}

const isValid = (row: CertificateRow): boolean => row.state === "valid";

function firstEnd(rows: readonly CertificateRow[]): string | null {
  const ends = rows.map(({ notAfter }) => notAfter).sort();
  return ends[0] ?? null;
}
