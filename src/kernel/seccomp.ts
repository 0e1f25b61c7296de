/**
 * System call filters (seccomp(2), SECCOMP_SET_MODE_FILTER): programs of classic BPF that answer EPERM for what a worker never
 * needs. Bound to every thread at once; inherited over execve; never taken off again.
 *
 * The kernel (5.11 and later) remembers which calls such a program always allows, so the length of the list costs nothing per call.
 */

import { ptr } from "bun:ffi";
import { checked, ERRNO, systemCall } from "./libc.ts";
import { type Machine, requireSupportedMachine } from "./machine.ts";
import { DENIED_FROM_START, DENIED_WHEN_RUNNING, numberOn, SYSCALL } from "./syscall-numbers.ts";

/** One BPF instruction: code, jump if true, jump if false, constant. */
export type BpfInstruction = readonly [code: number, jt: number, jf: number, k: number];

/** Longest program the kernel takes (BPF_MAXINSNS). */
export const BPF_INSTRUCTIONS_MAX = 4096;

const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_OR_EQUAL = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const FAIL = 0x00050000;

const OFFSET_NUMBER = 0;
const OFFSET_MACHINE = 4;
const OFFSET_ARGUMENT_0 = 16;
const OFFSET_ARGUMENT_1 = 24;
const OFFSET_ARGUMENT_2 = 32;

const AUDIT_MACHINE: Readonly<Record<Machine, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };
/** System calls of the x32 ABI share the machine value with x86-64 and have other numbers: they would pass the list unseen. */
const X32_BIT = 0x40000000;

const SET_MODE_FILTER = 1;
const FLAG_TSYNC = 1;
const CLONE_THREAD = 0x00010000;
/** unix, IPv4, IPv6; netlink only for socket diagnostics (4) and routes (0, which name resolution asks for addresses). */
const SOCKET_FAMILIES = [1, 2, 10] as const;
const AF_NETLINK = 16;
const NETLINK_PROTOCOLS = [0, 4] as const;
/** Put bytes into a terminal as if typed. */
const TERMINAL_INJECTIONS = [0x5412, 0x541c] as const;

/**
 * The filter that holds from the launcher on, for the process `pid` (which execve keeps): signals reach only itself. A call of a
 * foreign architecture or of the x32 ABI kills the process.
 */
export function startFilter(machine: Machine, pid: number): readonly BpfInstruction[] {
  return [
    ...preamble(machine),
    ...DENIED_FROM_START.flatMap((entry) => denial(numberOn(machine, entry))),
    ...terminalRule(machine),
    ...signalRule(SYSCALL.kill[machine], pid),
    ...signalRule(SYSCALL.tgkill[machine], pid),
    ...socketRule(machine),
    [RETURN, 0, 0, ALLOW],
  ];
}

/** The filter added when the worker program runs: no execve, and of new tasks only threads. */
export function runningFilter(machine: Machine): readonly BpfInstruction[] {
  return [
    ...preamble(machine),
    ...DENIED_WHEN_RUNNING.flatMap((entry) => denial(numberOn(machine, entry))),
    // clone3 takes its flags in memory, where a filter cannot look; C libraries fall back to clone when it is missing.
    [JUMP_EQUAL, 0, 1, SYSCALL.clone3[machine]],
    [RETURN, 0, 0, FAIL | ERRNO.ENOSYS],
    [JUMP_EQUAL, 0, 3, SYSCALL.clone[machine]],
    [LOAD_WORD, 0, 0, OFFSET_ARGUMENT_0],
    [JUMP_ANY_BIT, 1, 0, CLONE_THREAD],
    [RETURN, 0, 0, FAIL | ERRNO.EPERM],
    [RETURN, 0, 0, ALLOW],
  ];
}

/** Installs a filter for all threads of this process. Needs no_new_privs. Throws SystemCallError, or Error where a thread resists. */
export function installFilter(program: readonly BpfInstruction[]): void {
  if (program.length > BPF_INSTRUCTIONS_MAX) throw new RangeError(`${program.length} BPF instructions`);
  const code = encodeProgram(program);
  const header = new BigUint64Array([BigInt(program.length), BigInt(ptr(code))]);
  const number = SYSCALL.seccomp[requireSupportedMachine()];
  const thread = checked("seccomp", systemCall(number, SET_MODE_FILTER, FLAG_TSYNC, ptr(header)));
  if (thread !== 0) throw new Error(`seccomp: thread ${thread} could not be bound`);
}

/** The program as the kernel's `struct sock_filter[]`. */
export function encodeProgram(program: readonly BpfInstruction[]): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(program.length * 8));
  const view = new DataView(bytes.buffer);
  for (const [index, [code, jt, jf, k]] of program.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k >>> 0, true);
  }
  return bytes;
}

function preamble(machine: Machine): BpfInstruction[] {
  const head: BpfInstruction[] = [
    [LOAD_WORD, 0, 0, OFFSET_MACHINE],
    [JUMP_EQUAL, 1, 0, AUDIT_MACHINE[machine]],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD_WORD, 0, 0, OFFSET_NUMBER],
  ];
  if (machine === "x64") head.push([JUMP_GREATER_OR_EQUAL, 0, 1, X32_BIT], [RETURN, 0, 0, KILL_PROCESS]);
  return head;
}

/** Fails where the loaded word is `number`. */
function denial(number: number | undefined): BpfInstruction[] {
  if (number === undefined) return [];
  return [
    [JUMP_EQUAL, 0, 1, number],
    [RETURN, 0, 0, FAIL | ERRNO.EPERM],
  ];
}

function terminalRule(machine: Machine): BpfInstruction[] {
  const body: BpfInstruction[] = [
    [LOAD_WORD, 0, 0, OFFSET_ARGUMENT_1],
    ...TERMINAL_INJECTIONS.flatMap(denial),
    [RETURN, 0, 0, ALLOW],
  ];
  return [[JUMP_EQUAL, 0, body.length, SYSCALL.ioctl[machine]], ...body];
}

/** kill and tgkill both take the process first. */
function signalRule(number: number, pid: number): BpfInstruction[] {
  const body: BpfInstruction[] = [
    [LOAD_WORD, 0, 0, OFFSET_ARGUMENT_0],
    ...permission(pid),
    [RETURN, 0, 0, FAIL | ERRNO.EPERM],
  ];
  return [[JUMP_EQUAL, 0, body.length, number], ...body];
}

function socketRule(machine: Machine): BpfInstruction[] {
  const netlink: BpfInstruction[] = [[LOAD_WORD, 0, 0, OFFSET_ARGUMENT_2], ...NETLINK_PROTOCOLS.flatMap(permission)];
  const body: BpfInstruction[] = [
    [LOAD_WORD, 0, 0, OFFSET_ARGUMENT_0],
    ...SOCKET_FAMILIES.flatMap(permission),
    [JUMP_EQUAL, 0, netlink.length, AF_NETLINK],
    ...netlink,
    [RETURN, 0, 0, FAIL | ERRNO.EPERM],
  ];
  return [[JUMP_EQUAL, 0, body.length, SYSCALL.socket[machine]], ...body];
}

/** Allows where the loaded word is `value`. */
function permission(value: number): BpfInstruction[] {
  return [
    [JUMP_EQUAL, 0, 1, value],
    [RETURN, 0, 0, ALLOW],
  ];
}
