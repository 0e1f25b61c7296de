/**
 * System call numbers of both supported architectures, and which of them a worker is denied.
 * x86-64 from arch/x86/entry/syscalls/syscall_64.tbl, arm64 from include/uapi/asm-generic/unistd.h.
 */

import type { Machine } from "./machine.ts";

/** Numbers per machine; undefined where the machine has no such call. */
export interface SyscallNumber {
  readonly x64: number | undefined;
  readonly arm64: number | undefined;
}

/** Calls made by name in this layer, because the C library has no or only a process-wide function for them. */
export const SYSCALL = {
  setresuid: { x64: 117, arm64: 147 },
  setresgid: { x64: 119, arm64: 149 },
  setgroups: { x64: 116, arm64: 159 },
  capset: { x64: 126, arm64: 91 },
  prlimit64: { x64: 302, arm64: 261 },
  seccomp: { x64: 317, arm64: 277 },
  close_range: { x64: 436, arm64: 436 },
  landlock_create_ruleset: { x64: 444, arm64: 444 },
  landlock_add_rule: { x64: 445, arm64: 445 },
  landlock_restrict_self: { x64: 446, arm64: 446 },
  socket: { x64: 41, arm64: 198 },
  ioctl: { x64: 16, arm64: 29 },
  execveat: { x64: 322, arm64: 281 },
  kill: { x64: 62, arm64: 129 },
  tgkill: { x64: 234, arm64: 131 },
  clone: { x64: 56, arm64: 220 },
  clone3: { x64: 435, arm64: 435 },
} as const satisfies Record<string, SyscallNumber>;

/** Denied from the start of a worker on: [name, x86-64, arm64]. Grouped by what they would give an intruder. */
export const DENIED_FROM_START: readonly (readonly [string, number | undefined, number | undefined])[] = [
  // Other processes' memory and descriptors.
  ["ptrace", 101, 117],
  ["process_vm_readv", 310, 270],
  ["process_vm_writev", 311, 271],
  ["process_madvise", 440, 440],
  ["pidfd_getfd", 438, 438],
  ["kcmp", 312, 272],
  // Signals by other ways than kill and tgkill, which reach this process only.
  ["tkill", 200, 130],
  ["rt_sigqueueinfo", 129, 138],
  ["rt_tgsigqueueinfo", 297, 240],
  ["pidfd_send_signal", 424, 424],
  // The view of the file system.
  ["mount", 165, 40],
  ["umount2", 166, 39],
  ["pivot_root", 155, 41],
  ["chroot", 161, 51],
  ["move_mount", 429, 429],
  ["open_tree", 428, 428],
  ["open_tree_attr", 467, 467],
  ["fsopen", 430, 430],
  ["fsconfig", 431, 431],
  ["fsmount", 432, 432],
  ["fspick", 433, 433],
  ["mount_setattr", 442, 442],
  ["setns", 308, 268],
  ["unshare", 272, 97],
  ["name_to_handle_at", 303, 264],
  ["open_by_handle_at", 304, 265],
  ["swapon", 167, 224],
  ["swapoff", 168, 225],
  ["quotactl", 179, 60],
  ["quotactl_fd", 443, 443],
  // What Landlock leaves open: owners, modes, times and attributes of files of the same uid.
  ["chmod", 90, undefined],
  ["fchmod", 91, 52],
  ["fchmodat", 268, 53],
  ["fchmodat2", 452, 452],
  ["chown", 92, undefined],
  ["fchown", 93, 55],
  ["lchown", 94, undefined],
  ["fchownat", 260, 54],
  ["setxattr", 188, 5],
  ["lsetxattr", 189, 6],
  ["fsetxattr", 190, 7],
  ["removexattr", 197, 14],
  ["lremovexattr", 198, 15],
  ["fremovexattr", 199, 16],
  ["setxattrat", 463, 463],
  ["removexattrat", 466, 466],
  ["file_setattr", 469, 469],
  ["utime", 132, undefined],
  ["utimes", 235, undefined],
  ["futimesat", 261, undefined],
  ["utimensat", 280, 88],
  ["mknod", 133, undefined],
  ["mknodat", 259, 33],
  // Large and rarely used parts of the kernel, where its holes are.
  ["bpf", 321, 280],
  ["keyctl", 250, 219],
  ["add_key", 248, 217],
  ["request_key", 249, 218],
  ["userfaultfd", 323, 282],
  ["perf_event_open", 298, 241],
  ["io_uring_setup", 425, 425],
  ["io_uring_enter", 426, 426],
  ["io_uring_register", 427, 427],
  ["fanotify_init", 300, 262],
  ["fanotify_mark", 301, 263],
  ["inotify_init", 253, undefined],
  ["inotify_init1", 294, 26],
  ["modify_ldt", 154, undefined],
  ["uselib", 134, undefined],
  ["lookup_dcookie", 212, 18],
  ["migrate_pages", 256, 238],
  ["move_pages", 279, 239],
  // Memory shared with other processes beyond what was handed over.
  ["memfd_create", 319, 279],
  ["memfd_secret", 447, 447],
  ["shmget", 29, 194],
  ["shmat", 30, 196],
  ["msgget", 68, 186],
  ["semget", 64, 190],
  ["mq_open", 240, 180],
  // The machine itself.
  ["kexec_load", 246, 104],
  ["kexec_file_load", 320, 294],
  ["init_module", 175, 105],
  ["finit_module", 313, 273],
  ["delete_module", 176, 106],
  ["iopl", 172, undefined],
  ["ioperm", 173, undefined],
  ["reboot", 169, 142],
  ["acct", 163, 89],
  ["syslog", 103, 116],
  ["vhangup", 153, 58],
  ["sethostname", 170, 161],
  ["setdomainname", 171, 162],
  ["settimeofday", 164, 170],
  ["clock_settime", 227, 112],
  ["clock_adjtime", 305, 266],
  ["adjtimex", 159, 171],
];

/** Denied once the worker program runs (it must still be started by execve): no other program, no child process. */
export const DENIED_WHEN_RUNNING: readonly (readonly [string, number | undefined, number | undefined])[] = [
  ["execve", 59, 221],
  ["execveat", 322, 281],
  ["fork", 57, undefined],
  ["vfork", 58, undefined],
];

/** The number on this machine of an entry of the tables above. */
export function numberOn(
  machine: Machine,
  entry: readonly [string, number | undefined, number | undefined],
): number | undefined {
  return machine === "x64" ? entry[1] : entry[2];
}
