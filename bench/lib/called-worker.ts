/** Which process of a pair has the connections that nodes dial. */
import { readFileSync } from "node:fs";
import { treeOf } from "./cpu.ts";
import type { PairSubject } from "./pairs.ts";

/** Pid of the called node's one worker. Throws where there is none. */
export function calledWorker(pair: PairSubject): number {
  const isWorker = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("worker.ts");
  const [worker] = treeOf(pair.alsoPid ?? pair.pid).filter(isWorker);
  if (worker === undefined) throw new Error("the called node has no worker");
  return worker;
}
