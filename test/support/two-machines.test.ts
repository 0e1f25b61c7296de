import { describe, expect } from "bun:test";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programAs } from "./as-user.ts";
import { type LineProcess, startLines } from "./line-process.ts";
import { testWith } from "./needs.ts";
import { Lab, MACHINES_NEEDS } from "./two-machines.ts";
import { Visitor } from "./visitor.ts";

const labTest = testWith(MACHINES_NEEDS);

/** A server on a machine that answers with what it is asked for. */
async function serve(lab: Lab, name: string): Promise<LineProcess & { readonly port: number } & AsyncDisposable> {
  const program = join(import.meta.dir, "mesh-origin-program.ts");
  const argument = { name: "echo", hostname: "0.0.0.0" };
  const child = startLines([...lab.machine(name).enter, ...programAs(undefined, program, argument)]);
  const port = Number(await child.line());
  return { ...child, port, [Symbol.asyncDispose]: () => child.end() };
}

const token = (value: string) => ({ headers: { "x-token": value }, timeoutMs: 1_000 });

/** Processes in a namespace that is not ours. */
function strangers(namespaces: readonly string[]): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return namespaces.includes(readlinkSync(`/proc/${pid}/ns/net`));
    } catch {
      return false;
    }
  });
}

describe("machines in namespaces", () => {
  labTest("reach each other and nobody else, and are gone with the test", async () => {
    const namespaces: string[] = [];
    {
      await using lab = await Lab.make(["a", "b", "c"]);
      await using server = await serve(lab, "b");
      await using near = await Visitor.start(lab.machine("a").enter);
      await using far = await Visitor.start();
      const url = `http://${lab.machine("b").address}:${server.port}/`;
      expect((await near.get(url, token("t1"))).body).toBe("echo t1 ");
      expect(await far.get(url, { timeoutMs: 300 }).catch((error: Error) => error.message)).toBeString();
      namespaces.push(...lab.machines.list.map(({ pid }) => readlinkSync(`/proc/${pid}/ns/net`)));
    }
    expect(namespaces).toHaveLength(3);
    expect(strangers(namespaces)).toEqual([]);
  });

  labTest("are cut off and come back, silently or with the cable out", async () => {
    await using lab = await Lab.make();
    await using server = await serve(lab, "till-2");
    await using visitor = await Visitor.start(lab.machine("till-1").enter);
    const url = `http://${lab.machine("till-2").address}:${server.port}/`;
    const ask = () =>
      visitor.get(url, { timeoutMs: 400 }).then(
        ({ status }) => status,
        () => 0,
      );
    expect(await ask()).toBe(200);
    await lab.cut("till-2");
    expect(await ask()).toBe(0);
    await lab.mend("till-2");
    expect((await visitor.get(url)).status).toBe(200);
    await lab.unplug("till-1");
    expect(await ask()).toBe(0);
    await lab.plug("till-1");
    expect((await visitor.get(url)).status).toBe(200);
    await lab.move("till-2", "10.89.7.99");
    expect(await ask()).toBe(0);
    expect((await visitor.get(`http://10.89.7.99:${server.port}/`)).status).toBe(200);
  });

  labTest("are parted from each other while both hear a third", async () => {
    await using lab = await Lab.make(["a", "b", "c"]);
    await using server = await serve(lab, "b");
    const url = `http://${lab.machine("b").address}:${server.port}/`;
    await using near = await Visitor.start(lab.machine("a").enter);
    await using far = await Visitor.start(lab.machine("c").enter);
    expect((await near.get(url)).status).toBe(200);
    for (const [one, other] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      await lab.part(one, other);
      expect(await near.get(url, { timeoutMs: 300 }).catch(() => "lost")).toBe("lost");
      expect((await far.get(url)).status).toBe(200);
      await lab.join(one, other);
      expect((await near.get(url)).status).toBe(200);
    }
  });

  labTest("hear each other late, and not always, over a bad line", async () => {
    await using lab = await Lab.make();
    await using server = await serve(lab, "till-2");
    await using visitor = await Visitor.start(lab.machine("till-1").enter);
    const url = `http://${lab.machine("till-2").address}:${server.port}/`;
    const timed = async () => {
      const startMs = performance.now();
      expect((await visitor.get(url)).status).toBe(200);
      return performance.now() - startMs;
    };
    await timed();
    const goodMs = await timed();
    {
      await using _ = await lab.badLine({ delayMs: 50, loss: 0, seed: 1 });
      const lateMs = await timed();
      expect(lateMs).toBeGreaterThan(100);
      expect(lateMs).toBeLessThan(400);
    }
    {
      await using _ = await lab.badLine({ delayMs: 1, loss: 0.1, seed: 7 });
      const taken = await Promise.all(Array.from({ length: 20 }, timed));
      // What was lost is sent again after 200 ms at the earliest.
      expect(taken.some((ms) => ms > 150)).toBe(true);
    }
    expect(goodMs).toBeLessThan(100);
    expect(await timed()).toBeLessThan(100);
  });

  labTest(
    "say in the clear what nobody encrypted, and a recording shows it, also over the cut between two frames",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "selvedge-capture-"));
      try {
        await using lab = await Lab.make();
        await using server = await serve(lab, "till-2");
        await using visitor = await Visitor.start(lab.machine("till-1").enter);
        await using recorder = await lab.record("till-1", join(folder, "line.pcap"));
        const url = `http://${lab.machine("till-2").address}:${server.port}/orders/42`;
        const long = `${"a".repeat(1440)}${"secret-".repeat(400)}`;
        await visitor.get(url, { method: "POST", body: long, headers: { "x-token": "told-in-the-clear" } });
        const capture = await recorder.stop();
        const words = ["/orders/42", "X-Token", "told-in-the-clear", "echo told", "never said"];
        expect(capture.readable(words)).toEqual(words.slice(0, -1));
        expect(capture.streams.some(({ bytes }) => bytes.includes(long))).toBe(true);
        expect(capture.frames.every((frame) => !frame.includes(long))).toBe(true);
        expect(capture.serverNames()).toEqual([]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});
