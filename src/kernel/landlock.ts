/**
 * Landlock (landlock(7)): the calling thread, and whatever it executes, may open only the paths it is given here. It binds only
 * the calling thread, so it is for a launcher that then calls execve.
 *
 * What it leaves open, and who closes it: modes, owners and times of files (`seccomp.ts`), connecting to unix sockets by path
 * (the worker's upstreams; file permissions decide), TCP and UDP (the worker's job), stat and readlink.
 */

import { ptr } from "bun:ffi";
import { constants, fstatSync } from "node:fs";
import { cString } from "./c-string.ts";
import { checked, ERRNO, errno, processCalls, SystemCallError, systemCall } from "./libc.ts";
import { requireSupportedMachine } from "./machine.ts";
import { SYSCALL } from "./syscall-numbers.ts";

/** What a rule allows beneath a directory, or on one file. execute implies read; device is reading and writing. */
export type PathAccess = "read" | "execute" | "device";

/** One allowed path. A path that does not exist is skipped: nothing can be opened there, now or later. */
export interface PathRule {
  readonly path: string;
  readonly access: PathAccess;
}

const CREATE_RULESET_VERSION = 1;
const RULE_PATH_BENEATH = 1;
const O_PATH_CLOEXEC = 0o10000000 | 0o2000000;

const EXECUTE = 1 << 0;
const WRITE_FILE = 1 << 1;
const READ_FILE = 1 << 2;
const READ_DIR = 1 << 3;

const SCOPE_ABSTRACT_UNIX_SOCKET_AND_SIGNAL = 0x3;

/** The Landlock ABI of this kernel, 0 where it has none or it is switched off. Opens nothing. */
export function landlockAbi(): number {
  const number = SYSCALL.landlock_create_ruleset[requireSupportedMachine()];
  const version = systemCall(number, 0, 0, CREATE_RULESET_VERSION);
  return version > 0 ? version : 0;
}

/** Every file access right that ABI knows and we do (linux/landlock.h): what is not handled would be allowed. */
export function handledAccess(abi: number): number {
  if (abi < 1) return 0;
  const bits = abi === 1 ? 13 : abi === 2 ? 14 : abi < 5 ? 15 : 16;
  return 2 ** bits - 1;
}

/**
 * Makes a ruleset of the rules, to be put on later: paths are opened now, with the rights of now. The caller closes it; execve
 * does so too. Throws SystemCallError.
 */
export function makeRuleset(abi: number, rules: readonly PathRule[]): number {
  const machine = requireSupportedMachine();
  const attributes = new BigUint64Array([
    BigInt(handledAccess(abi)),
    0n,
    BigInt(SCOPE_ABSTRACT_UNIX_SOCKET_AND_SIGNAL),
  ]);
  const bytes = abi < 4 ? 8 : abi < 6 ? 16 : 24;
  const ruleset = checked(
    "landlock_create_ruleset",
    systemCall(SYSCALL.landlock_create_ruleset[machine], ptr(attributes), bytes, 0),
  );
  for (const rule of rules) addRule(SYSCALL.landlock_add_rule[machine], ruleset, rule);
  return ruleset;
}

/**
 * Restricts the calling thread to the rules: all other opening, creating, renaming and removing fails with EACCES. Where the ABI
 * knows it (6), signals to and abstract unix sockets of processes outside fail too. Needs no_new_privs. Throws SystemCallError.
 */
export function restrictTo(ruleset: number): void {
  const number = SYSCALL.landlock_restrict_self[requireSupportedMachine()];
  checked("landlock_restrict_self", systemCall(number, ruleset, 0));
}

function addRule(number: number, ruleset: number, rule: PathRule): void {
  const calls = processCalls();
  const fd = calls.open(ptr(cString(rule.path)), O_PATH_CLOEXEC, 0);
  if (fd < 0) {
    const code = errno();
    if (code === ERRNO.ENOENT) return;
    throw new SystemCallError(`open(${rule.path})`, code);
  }
  try {
    const attributes = new Uint8Array(new ArrayBuffer(16));
    const view = new DataView(attributes.buffer);
    view.setBigUint64(0, BigInt(accessBits(rule.access, isDirectory(fd))), true);
    view.setInt32(8, fd, true);
    checked(`landlock_add_rule(${rule.path})`, systemCall(number, ruleset, RULE_PATH_BENEATH, ptr(attributes), 0));
  } finally {
    calls.close(fd);
  }
}

function accessBits(access: PathAccess, isDirectory: boolean): number {
  const read = READ_FILE | (isDirectory ? READ_DIR : 0);
  if (access === "read") return read;
  return access === "execute" ? read | EXECUTE : READ_FILE | WRITE_FILE;
}

function isDirectory(fd: number): boolean {
  return (fstatSync(fd).mode & constants.S_IFMT) === constants.S_IFDIR;
}
