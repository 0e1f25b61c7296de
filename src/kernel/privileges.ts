/**
 * Giving up what a process may do: user, groups, capabilities, limits. All of it binds only the calling thread (raw system
 * calls), so it is for a launcher that then calls execve; nothing here can be taken back.
 */

import { ptr } from "bun:ffi";
import { checked, ERRNO, errno, processCalls, SystemCallError, systemCall } from "./libc.ts";
import { requireSupportedMachine } from "./machine.ts";
import { SYSCALL } from "./syscall-numbers.ts";

/** Whom to become. `groups` are the supplementary ones, none where absent. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
}

const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const AMBIENT_RAISE = 2;
const AMBIENT_CLEAR_ALL = 4;

const CAPABILITY_VERSION_3 = 0x20080522;
const CAP_NET_BIND_SERVICE = 10;
/** Highest bit a capability set has room for. */
const CAPABILITY_LAST = 63;

const RLIMIT_CORE = 4;
const RLIMIT_NOFILE = 7;
const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

/** No execve will ever give this thread more than it has (set-user-id files, file capabilities). Throws SystemCallError. */
export function setNoNewPrivileges(): void {
  checked("prctl(PR_SET_NO_NEW_PRIVS)", processCalls().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/** Whether other processes of the same user may look into this one, and whether it may dump core. All threads. */
export function setDumpable(isDumpable: boolean): void {
  checked("prctl(PR_SET_DUMPABLE)", processCalls().prctl(PR_SET_DUMPABLE, isDumpable ? 1 : 0, 0, 0, 0));
}

/**
 * Becomes `user` (null: stays who it is) and drops every capability from every set, but keeps CAP_NET_BIND_SERVICE over execve
 * where `keepsBindLowPorts` and it is there to keep. Throws where any of it fails, and where root could still be regained.
 * Answers whether low ports can be bound afterwards.
 */
export function dropPrivileges(user: UserIds | null, keepsBindLowPorts: boolean): boolean {
  const machine = requireSupportedMachine();
  const { prctl } = processCalls();
  if (user !== null) {
    const groups = Uint32Array.from(user.groups ?? []);
    const list = groups.length === 0 ? 0 : ptr(groups);
    checked("setgroups", systemCall(SYSCALL.setgroups[machine], groups.length, list));
    checked("setresgid", systemCall(SYSCALL.setresgid[machine], user.gid, user.gid, user.gid));
  }
  dropBoundingSet(keepsBindLowPorts);
  if (user !== null) {
    checked("prctl(PR_SET_KEEPCAPS)", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    checked("setresuid", systemCall(SYSCALL.setresuid[machine], user.uid, user.uid, user.uid));
    checked("prctl(PR_SET_KEEPCAPS)", prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
  }
  const canBind = keepsBindLowPorts && setCapabilities([CAP_NET_BIND_SERVICE]);
  if (!canBind) setCapabilities([]);
  checked("prctl(PR_CAP_AMBIENT)", prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL, 0, 0, 0));
  if (canBind) checked("prctl(PR_CAP_AMBIENT)", prctl(PR_CAP_AMBIENT, AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0));
  if (user !== null && user.uid !== 0) requireRootGone(machine);
  return canBind;
}

/** No core files, which would hold keys; and as many descriptors as the hard limit allows. Throws SystemCallError. */
export function setLimits(): void {
  const number = SYSCALL.prlimit64[requireSupportedMachine()];
  const core = new BigUint64Array([0n, 0n]);
  checked("prlimit64(RLIMIT_CORE)", systemCall(number, 0, RLIMIT_CORE, ptr(core), 0));
  const files = new BigUint64Array(2);
  checked("prlimit64(RLIMIT_NOFILE)", systemCall(number, 0, RLIMIT_NOFILE, 0, ptr(files)));
  if (files[1] === RLIM_INFINITY) return;
  files[0] = files[1]!;
  checked("prlimit64(RLIMIT_NOFILE)", systemCall(number, 0, RLIMIT_NOFILE, ptr(files), 0));
}

/** Descriptors that this process may have open at once; Infinity where nothing limits them. Throws SystemCallError. */
export function descriptorLimit(): number {
  const files = new BigUint64Array(2);
  const number = SYSCALL.prlimit64[requireSupportedMachine()];
  checked("prlimit64(RLIMIT_NOFILE)", systemCall(number, 0, RLIMIT_NOFILE, 0, ptr(files)));
  return files[0] === RLIM_INFINITY ? Number.POSITIVE_INFINITY : Number(files[0]);
}

/** Without CAP_SETPCAP the bounding set stays, and is of no use to a thread that has no capabilities and no_new_privs. */
function dropBoundingSet(keepsBindLowPorts: boolean): void {
  const { prctl } = processCalls();
  for (let capability = 0; capability <= CAPABILITY_LAST; capability++) {
    if (keepsBindLowPorts && capability === CAP_NET_BIND_SERVICE) continue;
    const present = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (present < 0) return;
    if (present === 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) === 0) continue;
    const code = errno();
    if (code === ERRNO.EPERM) return;
    throw new SystemCallError("prctl(PR_CAPBSET_DROP)", code);
  }
}

/** Sets effective, permitted and inheritable to exactly these. False where they are not ours to keep. */
function setCapabilities(capabilities: readonly number[]): boolean {
  const header = new Uint32Array([CAPABILITY_VERSION_3, 0]);
  const data = new Uint32Array(6);
  for (const capability of capabilities) {
    for (const set of [0, 1, 2]) data[(capability >> 5) * 3 + set]! |= 1 << (capability & 31);
  }
  const number = SYSCALL.capset[requireSupportedMachine()];
  if (systemCall(number, ptr(header), ptr(data)) === 0) return true;
  const code = errno();
  if (code === ERRNO.EPERM && capabilities.length > 0) return false;
  throw new SystemCallError("capset", code);
}

function requireRootGone(machine: "x64" | "arm64"): void {
  if (systemCall(SYSCALL.setresuid[machine], 0, 0, 0) === 0) throw new Error("root could be regained after setresuid");
}
