/**
 * A worker program that has turned against its host: tries everything it should not be able to, from the main thread, the thread
 * pool, a Worker and by system calls, and reports over the channel what came of it, one JSON line per attempt.
 */

import { dlopen, ptr, FFIType as T } from "bun:ffi";
import * as fs from "node:fs";
import { errno } from "../../src/kernel/libc.ts";
import { sealProcess } from "../../src/kernel/seal.ts";
import { openRegion } from "../../src/kernel/shared-memory.ts";
import { SockDiag } from "../../src/kernel/sock-diag.ts";
import { sockDiagSelfTest } from "../../src/kernel/sock-diag-self-test.ts";
import { adoptSocket } from "../../src/kernel/socket-fd.ts";

interface Argument {
  readonly channelFd: number;
  readonly statsFd: number;
  readonly statsBytes: number;
  readonly isHidden: boolean;
  readonly secret: string;
  readonly directory: string;
  readonly keeperPid: number;
  readonly tcpPort: number;
}

const argument = JSON.parse(process.argv[2]!) as Argument;
const { secret, directory, keeperPid } = argument;
const { symbols: C } = dlopen("libc.so.6", {
  syscall: { args: [T.i64, T.i64, T.i64, T.i64, T.i64, T.i64, T.i64], returns: T.i64_fast },
  open: { args: [T.ptr, T.i32, T.i32], returns: T.i32 },
});
const text = (value: string) => Buffer.from(`${value}\0`);
const isArm = process.arch === "arm64";
/** By number: negative is failure. */
function call(x64: number, arm64: number, ...args: number[]): () => void {
  return () => {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
    const result = Number(C.syscall(isArm ? arm64 : x64, a, b, c, d, e, 0));
    if (result < 0) throw new Error(`errno ${errno()}`);
  };
}

const secretText = text(secret);
const program = text("/bin/true");
const argv = new BigUint64Array([BigInt(ptr(program)), 0n]);
const scratch = new Uint8Array(new ArrayBuffer(256));
const AT_FDCWD = -100;
const SIGCHLD = 17;

function openByFfi(path: string): () => void {
  return () => {
    if (C.open(ptr(text(path)), 0, 0) < 0) throw new Error(`errno ${errno()}`);
  };
}

/** Every one of them must fail. */
const attempts: Readonly<Record<string, () => unknown>> = {
  "main: read a file": () => fs.readFileSync(secret),
  "main: list the directory": () => fs.readdirSync(directory),
  "main: list the root": () => fs.readdirSync("/"),
  "main: create a file": () => fs.writeFileSync(`${directory}/new`, "x"),
  "main: create a directory": () => fs.mkdirSync(`${directory}/sub`),
  "main: create a link": () => fs.symlinkSync("/", `${directory}/link`),
  "main: remove a file": () => fs.unlinkSync(secret),
  "main: rename a file": () => fs.renameSync(secret, `${directory}/renamed`),
  "main: truncate a file": () => fs.truncateSync(secret, 0),
  "main: change a mode": () => fs.chmodSync(secret, 0o777),
  "main: change times": () => fs.utimesSync(secret, 1, 1),
  "main: read through /proc/self/root": () => fs.readFileSync(`/proc/self/root${secret}`),
  "main: read through /proc/self/cwd": () => fs.readFileSync(`/proc/self/cwd${secret}`),
  "main: read /etc/passwd": () => fs.readFileSync("/etc/passwd"),
  "main: read the keeper's memory": () => fs.openSync(`/proc/${keeperPid}/mem`, "r"),
  "main: read the keeper's environment": () => fs.readFileSync(`/proc/${keeperPid}/environ`),
  "main: list the keeper's descriptors": () => fs.readdirSync(`/proc/${keeperPid}/fd`),
  "main: signal the keeper": () => process.kill(keeperPid, 0),
  "main: start a program": () => Bun.spawnSync(["/bin/true"]),
  "main: become root": () => process.setuid?.(0),
  "pool: fs.promises.readFile": () => fs.promises.readFile(secret),
  "pool: Bun.file": () => Bun.file(secret).text(),
  "pool: Bun.write": () => Bun.write(`${directory}/new`, "x"),
  "pool: fs.promises.readdir": () => fs.promises.readdir(directory),
  "pool: start a program": async () => {
    const child = Bun.spawn(["/bin/true"], { stdio: ["ignore", "ignore", "ignore"] });
    if ((await child.exited) !== 0) throw new Error("failed");
  },
  "ffi: open": openByFfi(secret),
  "ffi: open /etc/shadow": openByFfi("/etc/shadow"),
  "ffi: openat": call(257, 56, AT_FDCWD, ptr(secretText), 0),
  "ffi: openat2": call(437, 437, AT_FDCWD, ptr(secretText), ptr(new BigUint64Array(3)), 24),
  "ffi: execve": call(59, 221, ptr(program), ptr(argv), ptr(argv) + 8),
  "ffi: execveat": call(322, 281, AT_FDCWD, ptr(program), ptr(argv), ptr(argv) + 8, 0),
  "ffi: clone a process": call(56, 220, SIGCHLD),
  "ffi: clone3 a process": call(435, 435, ptr(scratch), 64),
  "ffi: ptrace the keeper": call(101, 117, 0x4206, keeperPid),
  "ffi: process_vm_readv of the keeper": call(310, 270, keeperPid, ptr(scratch), 1, ptr(scratch), 1),
  "ffi: pidfd_getfd": call(438, 438, 0, 0, 0),
  "ffi: kill the keeper": call(62, 129, keeperPid, 0),
  "ffi: setresuid": call(117, 147, 0, 0, 0),
  "ffi: setresgid": call(119, 149, 0, 0, 0),
  "ffi: unshare a user namespace": call(272, 97, 0x10000000),
  "ffi: mount": call(165, 40, ptr(program), ptr(secretText), 0, 0),
  "ffi: memfd_create": call(319, 279, ptr(program), 0),
  "ffi: io_uring_setup": call(425, 425, 1, ptr(scratch)),
  "ffi: userfaultfd": call(323, 282, 1),
  "ffi: perf_event_open": call(298, 241, ptr(scratch), 0, -1, -1, 0),
  "ffi: bpf": call(321, 280, 0, ptr(scratch), 72),
  "ffi: keyctl": call(250, 219, 0, -3, 0),
  "ffi: fchmodat": call(268, 53, AT_FDCWD, ptr(secretText), 0o777),
  "ffi: packet socket": call(41, 198, 17, 3, 0),
  "ffi: uevent netlink socket": call(41, 198, 16, 3, 15),
  "ffi: type into the terminal": call(16, 29, 0, 0x5412, ptr(program)),
  "worker: read a file": () => inWorker(`require("node:fs").readFileSync(${JSON.stringify(secret)})`),
  "worker: Bun.file": () => inWorker(`await Bun.file(${JSON.stringify(secret)}).text()`),
  "worker: start a program": () => inWorker(`Bun.spawnSync(["/bin/true"])`),
  "worker: ffi open": () =>
    inWorker(`const { dlopen, ptr } = require("bun:ffi");
      const { symbols } = dlopen("libc.so.6", { open: { args: ["ptr", "i32", "i32"], returns: "i32" } });
      if (symbols.open(ptr(Buffer.from(${JSON.stringify(`${secret}\0`)})), 0, 0) < 0) throw new Error("failed");`),
};

/** Every one of them must succeed: else the attempts may have failed for another reason. */
const needs: Readonly<Record<string, () => unknown>> = {
  "connect by TCP": async () => {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port: argument.tcpPort, socket: { data() {} } });
    socket.end();
  },
  "listen by TCP": () => Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }).stop(true),
  "resolve a name": () => Bun.dns.lookup("localhost"),
  "ask who calls": async () => {
    const diag = new SockDiag();
    await sockDiagSelfTest(diag);
    diag.close();
  },
  "run a Worker": () => inWorker("1 + 1"),
  "use the thread pool": () => new Promise((resolve) => fs.stat("/", resolve)),
  "keep room for memory": () => new Uint8Array(64 * 1024 * 1024).fill(1).length,
};

function inWorker(code: string): Promise<void> {
  const source = `try { ${code}; postMessage("done"); } catch (error) { postMessage("failed: " + error); }`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "application/javascript" })));
  return new Promise<void>((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<string>) => {
      worker.terminate();
      if (event.data === "done") resolve();
      else reject(new Error(event.data));
    };
    worker.onerror = (event) => reject(new Error(`the worker did not run: ${event.message}`));
  });
}

async function outcome(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
    return "succeeded";
  } catch (error) {
    return `failed: ${String(error).slice(0, 120)}`;
  }
}

const region = openRegion(argument.statsFd, argument.statsBytes);
region.bytes[0] = 42;
sealProcess(argument.isHidden);
const channel = await adoptSocket(argument.channelFd, { data() {}, close() {}, error() {} }, null);
const say = (value: unknown) => channel.write(`${JSON.stringify(value)}\n`);
for (const [name, attempt] of Object.entries(attempts)) say({ attempt: name, outcome: await outcome(attempt) });
for (const [name, need] of Object.entries(needs)) say({ need: name, outcome: await outcome(need) });
const listenLow = () => Bun.listen({ hostname: "127.0.0.77", port: 81, socket: { data() {} } }).stop(true);
say({ lowPort: await outcome(listenLow) });
say({ uid: process.getuid?.(), environment: process.env, descriptors: fs.readdirSync("/proc/self/fd").length });
// Stays: whether it outlives its keeper is asked next.
setInterval(() => region.bytes[1]!++, 10);
