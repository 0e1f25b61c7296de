/**
 * Declarations of the C library functions this package calls, and errno. The only place that opens the library.
 *
 * Groups are opened on first use: opening one costs 0.05 to 0.25 ms and up to 56 KiB for its call stubs, and most
 * processes need one group. All structures built for these calls assume a 64-bit little-endian machine, which `machine.ts` checks.
 */

import { dlopen, read, FFIType as T } from "bun:ffi";
import { requireSupportedMachine } from "./machine.ts";

const LIBRARY_NAMES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"] as const;

// Lengths as u32 where ours are small: a u64 argument costs 0.1 to 0.7 µs of conversion per call, and both machines
// zero-extend a 32-bit register.
const SOCKET_CALLS = {
  socket: { args: [T.i32, T.i32, T.i32], returns: T.i32 },
  connect: { args: [T.i32, T.ptr, T.u32], returns: T.i32 },
  send: { args: [T.i32, T.ptr, T.u32, T.i32], returns: T.i32 },
  recv: { args: [T.i32, T.ptr, T.u32, T.i32], returns: T.i32 },
  recvmmsg: { args: [T.i32, T.ptr, T.u32, T.i32, T.ptr], returns: T.i32 },
  getsockopt: { args: [T.i32, T.i32, T.i32, T.ptr, T.ptr], returns: T.i32 },
  setsockopt: { args: [T.i32, T.i32, T.i32, T.ptr, T.u32], returns: T.i32 },
  shutdown: { args: [T.i32, T.i32], returns: T.i32 },
  socketpair: { args: [T.i32, T.i32, T.i32, T.ptr], returns: T.i32 },
  dup: { args: [T.i32], returns: T.i32 },
  close: { args: [T.i32], returns: T.i32 },
} as const;

const MEMORY_CALLS = {
  memfd_create: { args: [T.ptr, T.u32], returns: T.i32 },
  ftruncate: { args: [T.i32, T.i64], returns: T.i32 },
  mmap: { args: [T.ptr, T.u64, T.i32, T.i32, T.i32, T.i64], returns: T.ptr },
  munmap: { args: [T.ptr, T.u64], returns: T.i32 },
  fcntl: { args: [T.i32, T.i32, T.i64], returns: T.i32 },
  flock: { args: [T.i32, T.i32], returns: T.i32 },
} as const;

const PROCESS_CALLS = {
  // Every argument as a 64-bit word, as syscall(2) itself takes them. On failure -1 and errno.
  syscall: { args: [T.i64, T.i64, T.i64, T.i64, T.i64, T.i64, T.i64], returns: T.i64_fast },
  prctl: { args: [T.i32, T.u64, T.u64, T.u64, T.u64], returns: T.i32 },
  setsid: { args: [], returns: T.i32 },
  open: { args: [T.ptr, T.i32, T.i32], returns: T.i32 },
  close: { args: [T.i32], returns: T.i32 },
  dup2: { args: [T.i32, T.i32], returns: T.i32 },
  fcntl: { args: [T.i32, T.i32, T.i64], returns: T.i32 },
  execve: { args: [T.ptr, T.ptr, T.ptr], returns: T.i32 },
} as const;

const PROGRAM_CALLS = {
  getauxval: { args: [T.u64], returns: T.u64 },
  madvise: { args: [T.ptr, T.u64, T.i32], returns: T.i32 },
} as const;

const ERRNO_CALLS = { __errno_location: { args: [], returns: T.ptr } } as const;

function openSocketCalls(name: string) {
  return dlopen(name, SOCKET_CALLS).symbols;
}
function openMemoryCalls(name: string) {
  return dlopen(name, MEMORY_CALLS).symbols;
}
function openProcessCalls(name: string) {
  return dlopen(name, PROCESS_CALLS).symbols;
}
function openProgram(name: string) {
  return dlopen(name, PROGRAM_CALLS);
}
function openErrnoCalls(name: string) {
  return dlopen(name, ERRNO_CALLS).symbols;
}

/** Opens a group in the first C library found, once. Throws where the machine or its C library is not supported. */
function once<Group>(open: (name: string) => Group): () => Group {
  let group: Group | undefined;
  return () => {
    group ??= openFirst(open);
    return group;
  };
}

function openFirst<Group>(open: (name: string) => Group): Group {
  requireSupportedMachine();
  let failure: unknown;
  for (const name of LIBRARY_NAMES) {
    try {
      return open(name);
    } catch (error) {
      failure ??= error;
    }
  }
  throw new Error("cannot open the C library", { cause: failure });
}

/** Socket functions; each answers -1 with `errno` set on failure. */
export const socketCalls = once(openSocketCalls);

/** Memory and descriptor functions; each answers -1 with `errno` set on failure. */
export const memoryCalls = once(openMemoryCalls);

/** Process functions and `syscall`, which bind only the calling thread; each answers -1 with `errno` set on failure. */
export const processCalls = once(openProcessCalls);

/** What a process asks about its own program; opened anew each time, because it is rarely asked. The caller closes it. */
export const openProgramCalls = (): ReturnType<typeof openProgram> => openFirst(openProgram);

const errnoCalls = once(openErrnoCalls);

/** This thread's errno. Meaningful only directly after a call that answered -1: the runtime makes system calls too. */
export function errno(): number {
  const location = errnoCalls().__errno_location();
  return location === null ? 0 : read.i32(location, 0);
}

/** An error that names the failed call and its errno. */
export class SystemCallError extends Error {
  readonly call: string;
  readonly errno: number;

  constructor(call: string, code: number) {
    super(`${call} failed: errno ${code}${ERRNO_NAMES[code] === undefined ? "" : ` (${ERRNO_NAMES[code]})`}`);
    this.name = "SystemCallError";
    this.call = call;
    this.errno = code;
  }
}

/** Answers `result`, or throws a SystemCallError where it is negative. To be called directly on the call's answer. */
export function checked(call: string, result: number): number {
  if (result < 0) throw new SystemCallError(call, errno());
  return result;
}

/**
 * One system call by number, with up to five arguments. Answers as syscall(2): -1 and errno on failure. Binds only the
 * calling thread where the C library's function of the same name would bind all.
 */
export function systemCall(number: number, a = 0, b = 0, c = 0, d = 0, e = 0): number {
  return Number(processCalls().syscall(number, a, b, c, d, e, 0));
}

/** The numbers that callers tell apart; equal on all supported machines. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  EINVAL: 22,
  ENOSYS: 38,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
} as const;

const ERRNO_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(ERRNO).map(([name, code]) => [code, name]),
);
