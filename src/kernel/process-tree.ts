/**
 * Which registered run a socket belongs to: the keeper looks among the descendants of `selvedge run` processes, and nowhere
 * else, for one that has the socket open. Everybody with the same user id can get into such a tree, so it is convenience and
 * no boundary.
 */

import { readdirSync, readlinkSync } from "node:fs";
import { exeOf, readProcFile, startTimeOf, statOf, userIdsOf } from "./process-facts.ts";

/** Processes looked at per question; a run with more has callers that are not recognised. */
export const TREE_PROCESSES_MAX = 512;

/** Descriptors looked at per process. */
export const TREE_DESCRIPTORS_MAX = 4096;

/** Processes of the machine looked at where the kernel does not list children. */
export const MACHINE_PROCESSES_MAX = 8192;

/** A registered process. */
export interface TreeRoot {
  readonly pid: number;
  /** As `startTimeOf` told when it was registered. */
  readonly startTime: number;
}

/** Who has the socket. */
export interface TreeOwner<Root extends TreeRoot> {
  readonly root: Root;
  readonly pid: number;
  readonly startTime: number;
  /** Null where it cannot be told, or where several processes with different programs have it. */
  readonly exe: string | null;
}

interface Member {
  readonly pid: number;
  readonly startTime: number;
  /** The one it was found beneath; null for the root. */
  readonly parent: Member | null;
}

/**
 * The root among whose descendants (itself included) a process of user `uid` has the socket with this inode open. Null where
 * there is none, where several roots have one, or where any process on the way from root to holder was not the same before
 * and after looking: then the pids may have been somebody else's.
 */
export function ownerAmong<Root extends TreeRoot>(
  roots: readonly Root[],
  inode: number,
  uid: number,
): TreeOwner<Root> | null {
  let owner: TreeOwner<Root> | null = null;
  const budget = { processes: TREE_PROCESSES_MAX };
  for (const root of roots) {
    const holders = holdersBeneath(root, inode, uid, budget);
    const [first] = holders;
    if (first === undefined) continue;
    if (owner !== null) return null;
    owner = { root, pid: first.pid, startTime: first.startTime, exe: commonExe(holders) };
    if (!holders.every(isStillThere)) return null;
  }
  return owner;
}

/** The processes beneath `root` that have the socket, itself included. */
function holdersBeneath(root: TreeRoot, inode: number, uid: number, budget: { processes: number }): Member[] {
  if (startTimeOf(root.pid) !== root.startTime) return [];
  const holders: Member[] = [];
  const link = `socket:[${inode}]`;
  const stack: Member[] = [{ pid: root.pid, startTime: root.startTime, parent: null }];
  for (let member = stack.pop(); member !== undefined && budget.processes > 0; member = stack.pop()) {
    budget.processes--;
    if (holds(member.pid, link) && userIdsOf(member.pid).includes(uid)) holders.push(member);
    for (const pid of childrenOf(member.pid)) {
      const startTime = startTimeOf(pid);
      if (startTime !== null) stack.push({ pid, startTime, parent: member });
    }
  }
  return holders;
}

function isStillThere(holder: Member): boolean {
  for (let member: Member | null = holder; member !== null; member = member.parent) {
    if (startTimeOf(member.pid) !== member.startTime) return false;
  }
  return true;
}

function commonExe(holders: readonly Member[]): string | null {
  const programs = new Set(holders.map((holder) => exeOf(holder.pid)));
  const [only] = programs;
  return programs.size === 1 && only !== undefined ? only : null;
}

function holds(pid: number, link: string): boolean {
  const directory = `/proc/${pid}/fd`;
  let looked = 0;
  for (const name of namesIn(directory)) {
    if (++looked > TREE_DESCRIPTORS_MAX) return false;
    try {
      if (readlinkSync(`${directory}/${name}`) === link) return true;
    } catch {
      // Closed since the directory was read.
    }
  }
  return false;
}

/** Children of all threads of a process. */
function childrenOf(pid: number): readonly number[] {
  const children: number[] = [];
  for (const thread of namesIn(`/proc/${pid}/task`)) {
    const text = readProcFile(`/proc/${pid}/task/${thread}/children`);
    if (text === null) return childrenByScan(pid);
    for (const word of text.split(" ")) if (word !== "") children.push(Number(word));
  }
  return children;
}

/** For kernels without CONFIG_PROC_CHILDREN, and for a thread that ended while we looked. */
function childrenByScan(parentPid: number): readonly number[] {
  const children: number[] = [];
  let looked = 0;
  for (const name of namesIn("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    if (++looked > MACHINE_PROCESSES_MAX) break;
    if (statOf(pid)?.parentPid === parentPid) children.push(pid);
  }
  return children;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
