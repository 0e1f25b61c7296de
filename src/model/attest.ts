/**
 * Which workload owns a local socket, decided from what the kernel said about its owner. Pure: whoever asks has gathered
 * the facts. The same decision serves the caller of a connection and the listener that is about to be called.
 */
import type { IdentityStrength } from "./request-facts.ts";
import type { CallerSelector } from "./snapshot.ts";

/** What is known of a socket's owner. A fact that could not be established is `undefined`, and then never matches. */
export interface OwnerFacts {
  readonly uid: number;
  /** Path in the cgroup v2 tree, only where every ancestor is root's and none is delegated to a user. */
  readonly cgroupPath: string | undefined;
  /** Executable of the process that holds the socket; known only below a registered run. */
  readonly exe: string | undefined;
  /** The registered run whose descendant holds the socket. */
  readonly run: RunFacts | undefined;
}

/** What was said when a run was registered. */
export interface RunFacts {
  /** Key of the WorkloadRecord. */
  readonly workload: string;
  /** Who registered it. Root's processes count as this workload only when root said so. */
  readonly registeredByUid: number;
}

/** The part of a WorkloadRecord that recognising needs. */
export interface AttestableWorkload {
  readonly key: string;
  readonly principal: string;
  readonly selectors: readonly (readonly CallerSelector[])[];
}

export interface Attested {
  /** Key of the WorkloadRecord, `""` = no identity. */
  readonly workload: string;
  readonly strength: IdentityStrength;
}

export const NO_IDENTITY: Attested = Object.freeze({ workload: "", strength: "none" });

/**
 * The workload of the most specific entry that holds. Entries that are equally specific and belong to different principals
 * give no identity: guessing would be an escalation for one of them. Selectors go before a registered run, since a run is
 * only a convenience.
 */
export function attest(owner: OwnerFacts, workloads: Iterable<AttestableWorkload>): Attested {
  let best: AttestableWorkload | undefined;
  let bestRank = -1;
  let isAmbiguous = false;
  for (const workload of workloads) {
    const rank = bestEntryRank(workload.selectors, owner);
    if (rank < 0 || rank < bestRank) continue;
    if (rank > bestRank || best === undefined) {
      best = workload;
      bestRank = rank;
      isAmbiguous = false;
      continue;
    }
    if (workload.principal !== best.principal) isAmbiguous = true;
    // Versions of one service share a principal; which one calls makes no difference, but the answer must be stable.
    else if (workload.key < best.key) best = workload;
  }
  if (isAmbiguous) return NO_IDENTITY;
  if (best !== undefined) return { workload: best.key, strength: strengthOfRank(bestRank) };
  return attestRun(owner, workloads);
}

function attestRun(owner: OwnerFacts, workloads: Iterable<AttestableWorkload>): Attested {
  const run = owner.run;
  if (run === undefined || (owner.uid === 0 && run.registeredByUid !== 0)) return NO_IDENTITY;
  for (const workload of workloads) {
    if (workload.key === run.workload) return { workload: run.workload, strength: "tree" };
  }
  return NO_IDENTITY;
}

/**
 * True where `owner` satisfies one of a workload's entries, or was registered as this workload: the check of a listening
 * socket, where the workload is known and only its owner is in doubt. A workload without entries has nothing to check.
 */
export function isOwnedBy(workload: AttestableWorkload, owner: OwnerFacts): boolean {
  if (workload.selectors.length === 0 && owner.run === undefined) return true;
  if (bestEntryRank(workload.selectors, owner) >= 0) return true;
  return attestRun(owner, [workload]) !== NO_IDENTITY;
}

/** True where an entry can only be judged by the keeper: it needs a cgroup's path or /proc. */
export function needsKeeper(entry: readonly CallerSelector[]): boolean {
  return entry.some((selector) => selector.type !== "uid");
}

// Ranks order entries from general to specific: strength first, then how many selectors hold, then how deep the cgroup is.
const RANK_STRENGTH = 1_000_000;
const RANK_SELECTOR = 10_000;
const RANK_DEPTH_MAX = RANK_SELECTOR - 1;

function bestEntryRank(entries: readonly (readonly CallerSelector[])[], owner: OwnerFacts): number {
  let best = -1;
  for (const entry of entries) best = Math.max(best, entryRank(entry, owner));
  return best;
}

/** -1 where the entry does not hold. */
function entryRank(entry: readonly CallerSelector[], owner: OwnerFacts): number {
  if (entry.length === 0) return -1;
  let rank = 0;
  let namesUid = false;
  let namesGroup = false;
  for (const selector of entry) {
    if (!holds(selector, owner)) return -1;
    rank += RANK_SELECTOR;
    if (selector.type === "uid") namesUid = true;
    if (selector.type === "cgroup" || selector.type === "systemd") {
      if (!namesGroup) rank += RANK_STRENGTH;
      namesGroup = true;
      rank += groupDepth(selector, owner);
    }
  }
  if (!namesUid && !namesGroup) return -1;
  if (owner.uid === 0 && !namesUid) return -1;
  return rank;
}

function strengthOfRank(rank: number): IdentityStrength {
  return rank >= RANK_STRENGTH ? "cgroup" : "uid";
}

function holds(selector: CallerSelector, owner: OwnerFacts): boolean {
  switch (selector.type) {
    case "uid":
      return selector.uid === owner.uid;
    case "path":
      return owner.exe !== undefined && owner.exe === selector.path;
    case "cgroup":
      return owner.cgroupPath !== undefined && isWithin(owner.cgroupPath, selector.path);
    case "systemd":
      return owner.cgroupPath !== undefined && unitPath(owner.cgroupPath, selector.unit) !== undefined;
  }
}

function groupDepth(selector: CallerSelector, owner: OwnerFacts): number {
  let path: string | undefined;
  if (selector.type === "cgroup") path = selector.path;
  else if (selector.type === "systemd") path = unitPath(owner.cgroupPath ?? "", selector.unit);
  return path === undefined ? 0 : Math.min(RANK_DEPTH_MAX, path.split("/").length - 1);
}

/** True for the path itself and what lies below it; the root is never a scope. */
function isWithin(path: string, scope: string): boolean {
  if (scope.length < 2 || !scope.startsWith("/") || scope.endsWith("/")) return false;
  return path === scope || path.startsWith(`${scope}/`);
}

/** The cgroup of `unit` on the way to `path`. The innermost unit of a path owns it: a nested one is another service. */
function unitPath(path: string, unit: string): string | undefined {
  const parts = path.split("/");
  for (let i = parts.length - 1; i > 0; i--) {
    const part = parts[i] as string;
    if (part === unit) return parts.slice(0, i + 1).join("/");
    if (part.endsWith(".service") || part.endsWith(".scope")) return undefined;
  }
  return undefined;
}
