import { expect, test } from "bun:test";
import { startTimeOf } from "../../kernel/process-facts.ts";
import { findLeftWorkers, mergeWorkers, nodeMark, workerIdIn } from "./left-workers.ts";

const mark = nodeMark("/var/lib/selvedge");

test("a worker is known by the mark in its last argument", () => {
  expect(workerIdIn(["bun", "worker.ts", JSON.stringify({ workerId: 3, node: mark })], mark)).toBe(3);
  const others = [
    [],
    ["bun"],
    ["grep", mark],
    ["bun", JSON.stringify({ workerId: 3, node: nodeMark("/elsewhere") })],
    ["bun", JSON.stringify({ workerId: -1, node: mark })],
    ["bun", JSON.stringify({ workerId: "3", node: mark })],
    ["bun", JSON.stringify({ args: [JSON.stringify({ workerId: 3, node: mark })] })],
  ];
  for (const other of others) expect(workerIdIn(other, mark)).toBeUndefined();
});

test("a running process with the mark is found, of the right user only", async () => {
  const argument = JSON.stringify({ workerId: 7, node: mark });
  const child = Bun.spawn(["sh", "-c", "echo started; read line", "sh", argument], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  try {
    for await (const _ of child.stdout) break;
    const uid = process.getuid?.() ?? 0;
    const found = { pid: child.pid, startTime: startTimeOf(child.pid) ?? 0, workerId: 7, statsFd: 4 };
    expect(findLeftWorkers(mark, uid)).toEqual([found]);
    expect(findLeftWorkers(mark, uid + 1)).toEqual([]);
    expect(mergeWorkers([{ ...found, workerId: 9 }], [found])).toEqual([{ ...found, workerId: 9 }]);
    expect(mergeWorkers([], [found])).toEqual([found]);
  } finally {
    child.kill();
    await child.exited;
  }
});
