import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { type LineProcess, startLines } from "../../test/support/line-process.ts";
import { exeOf, parseStat, startTimeOf, statOf, userIdsOf } from "./process-facts.ts";
import { ownerAmong, type TreeRoot } from "./process-tree.ts";

const PROGRAM = join(import.meta.dir, "../../test/support/socket-user.ts");
const uid = process.getuid!();
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function listen(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  cleanups.push(() => listener.stop(true));
  return listener.port;
}

function start(command: readonly string[]): LineProcess {
  const child = startLines(command);
  cleanups.push(() => child.end());
  return child;
}

function rootOf(pid: number): TreeRoot {
  const startTime = startTimeOf(pid);
  if (startTime === null) throw new Error(`process ${pid} is gone`);
  return { pid, startTime };
}

async function connect(child: LineProcess): Promise<{ pid: number; inode: number }> {
  child.say(`connect 127.0.0.1 ${listen()}`);
  return JSON.parse(await child.line()) as { pid: number; inode: number };
}

test("facts about ourselves are right, and about nobody null", () => {
  expect(exeOf(process.pid)).toBe(process.execPath);
  expect(statOf(process.pid)?.parentPid).toBe(process.ppid);
  expect(userIdsOf(process.pid)).toContain(uid);
  expect(startTimeOf(0x3fffff)).toBeNull();
  expect(exeOf(0x3fffff)).toBeNull();
});

test("a program name with spaces and brackets does not shift the fields of stat", () => {
  const rest = Array.from({ length: 40 }, (_, index) => index + 100);
  expect(parseStat(`12 (a) b (c)) S 7 ${rest.join(" ")}`)).toEqual({ parentPid: 7, startTime: 117, state: "S" });
  expect(parseStat("12 (a) S 7")).toBeNull();
  expect(parseStat("")).toBeNull();
});

test("a socket of the registered process itself and of its grandchild is found, with the program that holds it", async () => {
  const direct = start([process.execPath, PROGRAM]);
  const own = await connect(direct);
  expect(ownerAmong([rootOf(direct.pid)], own.inode, uid)).toMatchObject({ pid: direct.pid, exe: process.execPath });

  // `true` behind it keeps the shell from becoming the program.
  const nested = start(["sh", "-c", 'sh -c "$0 $1; true"; true', process.execPath, PROGRAM]);
  const inner = await connect(nested);
  expect(inner.pid).not.toBe(nested.pid);
  expect(ownerAmong([rootOf(nested.pid)], inner.inode, uid)).toMatchObject({
    root: { pid: nested.pid },
    pid: inner.pid,
    exe: process.execPath,
  });
});

test("a socket of somebody else's, of another user or of nobody is not found", async () => {
  const mine = start([process.execPath, PROGRAM]);
  const other = start([process.execPath, PROGRAM]);
  const socket = await connect(other);
  expect(ownerAmong([rootOf(mine.pid)], socket.inode, uid)).toBeNull();
  expect(ownerAmong([rootOf(other.pid)], socket.inode, uid + 1)).toBeNull();
  expect(ownerAmong([rootOf(other.pid)], 0, uid)).toBeNull();
  expect(ownerAmong([], socket.inode, uid)).toBeNull();
});

test("a registered pid that has become another process's is nobody", async () => {
  const child = start([process.execPath, PROGRAM]);
  const socket = await connect(child);
  const root = rootOf(child.pid);
  expect(ownerAmong([{ pid: root.pid, startTime: root.startTime - 1 }], socket.inode, uid)).toBeNull();
});

test("a socket held within two registered trees belongs to neither", async () => {
  const child = start([process.execPath, PROGRAM]);
  const socket = await connect(child);
  child.say("hand-over");
  const { child: heir } = JSON.parse(await child.line()) as { child: number };
  cleanups.push(() => void process.kill(heir, "SIGKILL"));
  expect(ownerAmong([rootOf(heir), rootOf(child.pid)], socket.inode, uid)).toBeNull();
  // Within one tree it is that tree's, but which program speaks cannot be told.
  expect(ownerAmong([rootOf(child.pid)], socket.inode, uid)).toMatchObject({ root: { pid: child.pid }, exe: null });
});
