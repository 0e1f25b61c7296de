/** One process at a time for a directory: an exclusive lock on a file in it, given up by the kernel when its holder ends. */

import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { ERRNO, errno, memoryCalls, SystemCallError } from "./libc.ts";

const LOCK_EX_NB = 2 | 4;

/** A lock that is held; `release` may be called twice. */
export interface FileLock {
  readonly held: true;
  release(): void;
}

/** Somebody else holds it; `pid` is what the holder wrote, 0 where that cannot be read. */
export interface FileLockHolder {
  readonly held: false;
  readonly pid: number;
}

/**
 * Takes the lock on `path` (created 0600 where absent) or tells at once who has it. The file stays when the lock is released:
 * removing it would let two processes hold locks on two files of one name. Throws node's error where the file cannot be
 * opened, SystemCallError where the file system has no locks.
 */
export function takeFileLock(path: string): FileLock | FileLockHolder {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  if (memoryCalls().flock(fd, LOCK_EX_NB) !== 0) {
    const code = errno();
    closeSync(fd);
    if (code === ERRNO.EAGAIN) return { held: false, pid: writtenPid(path) };
    throw new SystemCallError(`flock(${path})`, code);
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`, 0);
  return new HeldLock(fd);
}

class HeldLock implements FileLock {
  readonly held = true;
  #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  release(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function writtenPid(path: string): number {
  try {
    const pid = Number.parseInt(readFileSync(path, "latin1").slice(0, 12), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : 0;
  } catch {
    return 0;
  }
}
