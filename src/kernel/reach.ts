/** Whether another user could get at a file, judged by owners and modes alone (no access lists: then the answer is no too often). */

import { realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { UserIds } from "./privileges.ts";

/** Bits of one class of a file mode. */
export const MAY = { EXECUTE: 1, WRITE: 2, READ: 4 } as const;

/** What decides. */
export interface Owned {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Whether `user` (not root) has all `bits` on it: as owner, else by group, else as anybody; the first that fits decides. */
export function mayAccess(file: Owned, user: UserIds, bits: number): boolean {
  if (file.uid === user.uid) return ((file.mode >> 6) & bits) === bits;
  const isInGroup = file.gid === user.gid || (user.groups ?? []).includes(file.gid);
  return ((file.mode >> (isInGroup ? 3 : 0)) & bits) === bits;
}

/** Whether `user` may go through all directories above `path` and has `bits` on it. False where it does not exist. */
export function isReachable(path: string, user: UserIds, bits: number): boolean {
  if (user.uid === 0) return true;
  try {
    const real = realpathSync(path);
    if (!mayAccess(statSync(real), user, bits)) return false;
    for (let at = dirname(real); ; at = dirname(at)) {
      if (!mayAccess(statSync(at), user, MAY.EXECUTE)) return false;
      if (at === "/") return true;
    }
  } catch {
    return false;
  }
}
