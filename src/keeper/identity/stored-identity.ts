import { type BackupProblem, printBackup, readBackup } from "../../identity/backup.ts";
import { describeIdentity, type IdentityDescription } from "./describe-identity.ts";
import { IdentityStore, IdentityStoreError } from "./identity-store.ts";
import { machineClocks } from "./machine-clocks.ts";
import { SiteIdentity } from "./site-identity.ts";
import { rootBackup, type TakeRoot, takeRoot } from "./take-root.ts";

/** What can be done with the identity of a state directory while nobody has it in memory. */

type Environment = Readonly<Record<string, string | undefined>>;

/** The root as text. Rejects with IdentityStoreError or, for a passphrase that is too short, RangeError. */
export async function backupStored(statePath: string, env: Environment, passphrase: string): Promise<string> {
  const backup = await rootBackup(new IdentityStore(statePath, env));
  try {
    return await printBackup(backup, passphrase);
  } finally {
    backup.rootKey.fill(0);
  }
}

/** Puts the root of a backup in place; answers where a root that nobody used was put aside. Rejects with IdentityStoreError. */
export async function takeStored(
  statePath: string,
  env: Environment,
  { text, passphrase, how }: { readonly text: string; readonly passphrase: string; readonly how: TakeRoot },
): Promise<string | undefined> {
  const backup = await readBackup(text, passphrase);
  if (typeof backup === "string") throw new IdentityStoreError(BACKUP_TEXT[backup]);
  return takeRoot(new IdentityStore(statePath, env), backup, how, Math.floor(machineClocks().wallMs));
}

const BACKUP_TEXT: Readonly<Record<BackupProblem, string>> = {
  torn: "this is no backup, or not all of it",
  version: "the backup was made by a later version",
  cost: "the backup asks for more memory than is believed",
  passphrase: "the passphrase is not the right one, or the backup was changed",
  content: "the backup holds something else",
};

/** What is stored, described. Throws IdentityStoreError. */
export function describeStored(statePath: string, env: Environment): IdentityDescription {
  return describeIdentity(loadStored(statePath, env), undefined);
}

/** What is stored, in memory. Throws IdentityStoreError. */
export function loadStored(statePath: string, env: Environment): SiteIdentity {
  const issue = async () => ({ kind: "failed", reason: "nothing is issued here" }) as const;
  return SiteIdentity.load({ store: new IdentityStore(statePath, env), issue, clocks: machineClocks });
}
