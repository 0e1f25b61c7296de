import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { testWith } from "../test/support/needs.ts";
import { LANES_MAX, ownNetwork, runInLanes } from "./lanes.ts";
import { SUITES } from "./suites.ts";

interface Job {
  readonly name: string;
  readonly isAlone?: boolean;
}

/** Runs jobs, each of which ends when it is let go; notes how many ran at most, and beside whom those did that are alone. */
class Runner {
  running: Job[] = [];
  most = 0;
  readonly order: string[] = [];
  readonly beside: number[] = [];

  readonly run = async (job: Job): Promise<string> => {
    this.running.push(job);
    this.order.push(job.name);
    this.most = Math.max(this.most, this.running.length);
    // As many turns as its name is long, so that they do not end in the order in which they began.
    for (const _ of job.name) {
      await Promise.resolve();
      if (job.isAlone === true) this.beside.push(this.running.length);
    }
    this.running = this.running.filter((one) => one !== job);
    return job.name.toUpperCase();
  };
}

const isAlone = (job: Job): boolean => job.isAlone === true;

describe("lanes", () => {
  test("run two at once, begun in order, and answer in order however they end", async () => {
    const runner = new Runner();
    const names = ["a long one", "b", "c", "another long one", "e"];
    const jobs = names.map((name) => ({ name }));
    expect(await runInLanes(jobs, 2, isAlone, runner.run)).toEqual(names.map((name) => name.toUpperCase()));
    expect(runner.order).toEqual(names);
    expect(runner.most).toBe(2);
  });

  test("let nothing run beside a job that is alone", async () => {
    const runner = new Runner();
    const jobs = [{ name: "aa", isAlone: true }, { name: "b" }, { name: "cccc" }, { name: "dd", isAlone: true }];
    expect(await runInLanes(jobs, 2, isAlone, runner.run)).toEqual(["AA", "B", "CCCC", "DD"]);
    expect(new Set(runner.beside)).toEqual(new Set([1]));
    expect(runner.most).toBe(2);
  });

  test("reject when one job does, once what runs has ended", async () => {
    const ended: string[] = [];
    const run = async (name: string): Promise<void> => {
      await Bun.sleep(0);
      if (name === "bad") throw new Error("bad");
      await Bun.sleep(5);
      ended.push(name);
    };
    await expect(runInLanes(["slow", "bad"], 2, () => false, run)).rejects.toThrow("bad");
    expect(ended).toEqual(["slow"]);
  });

  testWith({ root: true, programs: ["unshare", "ip"] })(
    "keep files from meeting: a port that is taken outside is free inside, and the loopback works",
    async () => {
      using outside = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
      const program = `
        const place = { hostname: "127.0.0.1", port: ${outside.port} };
        Bun.listen({ ...place, socket: { open: (socket) => socket.end("inside"), data() {} } });
        const data = (_, bytes) => { console.log(String(bytes)); process.exit(0); };
        await Bun.connect({ ...place, socket: { data } });`;
      const enter = ownNetwork() ?? [];
      const child = Bun.spawn([...enter, process.execPath, "-e", program], { stdout: "pipe", stderr: "ignore" });
      expect([await child.stdout.text(), await child.exited]).toEqual(["inside\n", 0]);
    },
  );
});

test("every file that is to run alone exists", () => {
  for (const suite of SUITES) {
    const files = suite.folders.flatMap((folder) =>
      readdirSync(join(import.meta.dir, "..", folder), { recursive: true, encoding: "utf8" }).map((path) =>
        join(folder, path),
      ),
    );
    for (const path of suite.alone)
      expect([path, files.filter((file) => file.endsWith(path)).length]).toEqual([path, 1]);
  }
  expect(LANES_MAX).toBe(2);
});
