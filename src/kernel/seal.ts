/** The last restriction, which a worker puts on itself when its program runs: what starting it still needed is taken away. */

import { requireSupportedMachine } from "./machine.ts";
import { setDumpable } from "./privileges.ts";
import { installFilter, runningFilter } from "./seccomp.ts";

/**
 * From now on no thread of this process can execute a program or make a child process. With `isHidden` other processes of the
 * same user cannot look into it either, only root can. To be called before the first foreign byte is read; started through the
 * launcher (it needs no_new_privs). Throws SystemCallError; the caller must not go on then.
 */
export function sealProcess(isHidden: boolean): void {
  installFilter(runningFilter(requireSupportedMachine()));
  if (isHidden) setDumpable(false);
}
