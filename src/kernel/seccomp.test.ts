import { expect, test } from "bun:test";
import { ERRNO } from "./libc.ts";
import { type BpfInstruction, encodeProgram, runningFilter, startFilter } from "./seccomp.ts";
import { DENIED_FROM_START, DENIED_WHEN_RUNNING, numberOn, SYSCALL } from "./syscall-numbers.ts";

const MACHINES = ["x64", "arm64"] as const;
const AUDIT = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
const PID = 4321;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const denied = (errno: number) => 0x00050000 + errno;

/** Runs a program as the kernel does, on struct seccomp_data {nr, arch, ip, args[6]}. */
function run(program: readonly BpfInstruction[], number: number, audit: number, args: readonly number[] = []): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, audit, true);
  for (const [index, value] of args.entries()) data.setBigUint64(16 + index * 8, BigInt(value), true);
  let loaded = 0;
  for (let at = 0; at < program.length; at++) {
    const [code, jt, jf, k] = program[at]!;
    if (code === 0x20) loaded = data.getUint32(k, true);
    else if (code === 0x06) return k >>> 0;
    else if (code === 0x15) at += loaded === k >>> 0 ? jt : jf;
    else if (code === 0x35) at += loaded >= k >>> 0 ? jt : jf;
    else if (code === 0x45) at += (loaded & k) !== 0 ? jt : jf;
    else throw new Error(`code ${code}`);
  }
  throw new Error("ran over the end");
}

for (const machine of MACHINES) {
  const audit = AUDIT[machine];
  test(`on ${machine} every listed call is denied and every other one passes`, () => {
    const filters = [
      {
        program: startFilter(machine, PID),
        list: DENIED_FROM_START,
        exempt: ["socket", "ioctl", "kill", "tgkill"] as const,
      },
      { program: runningFilter(machine), list: DENIED_WHEN_RUNNING, exempt: ["clone", "clone3"] as const },
    ];
    for (const { program, list, exempt } of filters) {
      const numbers = new Set(list.map((entry) => numberOn(machine, entry)));
      for (const entry of list) {
        const number = numberOn(machine, entry);
        if (number !== undefined) expect(run(program, number, audit)).toBe(denied(ERRNO.EPERM));
      }
      const judged: number[] = exempt.map((name) => SYSCALL[name][machine]);
      for (let number = 0; number < 600; number++) {
        if (!numbers.has(number) && !judged.includes(number)) expect(run(program, number, audit)).toBe(ALLOW);
      }
    }
  });

  test(`on ${machine} sockets are of the four families, and netlink of two protocols`, () => {
    const program = startFilter(machine, PID);
    const socket = (...args: number[]) => run(program, SYSCALL.socket[machine], audit, args);
    for (const family of [1, 2, 10]) expect(socket(family, 1, 0)).toBe(ALLOW);
    for (const protocol of [0, 4]) expect(socket(16, 3, protocol)).toBe(ALLOW);
    for (const protocol of [1, 9, 12, 15, 16]) expect(socket(16, 3, protocol)).toBe(denied(ERRNO.EPERM));
    for (const family of [0, 3, 9, 17, 31, 38, 40, 44]) expect(socket(family, 1, 0)).toBe(denied(ERRNO.EPERM));
  });

  test(`on ${machine} terminals cannot be typed into, and a running worker makes threads but no processes`, () => {
    const ioctl = (request: number) => run(startFilter(machine, PID), SYSCALL.ioctl[machine], audit, [0, request]);
    expect(ioctl(0x5412)).toBe(denied(ERRNO.EPERM));
    expect(ioctl(0x541c)).toBe(denied(ERRNO.EPERM));
    expect(ioctl(0x5401)).toBe(ALLOW);
    const clone = (flags: number) => run(runningFilter(machine), SYSCALL.clone[machine], audit, [flags]);
    expect(clone(0x3d0f00)).toBe(ALLOW);
    expect(clone(17)).toBe(denied(ERRNO.EPERM));
    expect(run(runningFilter(machine), SYSCALL.clone3[machine], audit)).toBe(denied(ERRNO.ENOSYS));
  });

  test(`on ${machine} signals reach this process and no other, no group and not everybody`, () => {
    for (const call of ["kill", "tgkill"] as const) {
      const signal = (pid: number) => run(startFilter(machine, PID), SYSCALL[call][machine], audit, [pid]);
      expect(signal(PID)).toBe(ALLOW);
      for (const pid of [1, 0, 0xffff_ffff, PID + 1]) expect(signal(pid)).toBe(denied(ERRNO.EPERM));
    }
  });

  test(`on ${machine} calls of other architectures kill the process`, () => {
    for (const program of [startFilter(machine, PID), runningFilter(machine)]) {
      expect(run(program, 1, 0x40000003)).toBe(KILL);
      if (machine === "x64") expect(run(program, 0x40000000 + 59, audit)).toBe(KILL);
    }
  });
}

test("a program is encoded as the kernel's 8-byte instructions", () => {
  expect([...encodeProgram([[0x15, 1, 2, 0xc000003e]])]).toEqual([0x15, 0, 1, 2, 0x3e, 0, 0, 0xc0]);
});
