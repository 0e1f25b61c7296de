/** Memory while twenty readers stall in the middle of a gigabyte each, and while bulk flows to twenty that read. */
import { join } from "node:path";
import { ownBytesOf, pssBytesOf, treeOf } from "../lib/cpu.ts";
import type { PieceContext, PieceReport } from "../lib/piece.ts";
import { CORE_OF_OTHERS, GENERATOR_UID, wrapCommand } from "../lib/processes.ts";
import { startSelvedge } from "../lib/subjects.ts";
import { HOST } from "../lib/wrk.ts";

const READERS = 20;
/** Each reader takes this much before it stops. */
const STALL_AFTER_BYTES = 16 * 2 ** 20;
/** Time for whatever still fills up behind a stalled reader, and for a worker to notice that it is quiet and give back what it does not use. */
const SETTLE_MS = 5_000;

const mib = (bytes: number) => bytes / 2 ** 20;

function startReaders(context: PieceContext, port: number, stallAfterBytes: number | undefined) {
  const argument = JSON.stringify({ port, host: HOST, path: "/1g", readers: READERS, stallAfterBytes });
  const command = [
    context.scratch.bun,
    "--config=/dev/null",
    join(context.scratch.generators, "bulk-reader-program.ts"),
    argument,
  ];
  return Bun.spawn(wrapCommand(command, { core: CORE_OF_OTHERS, uid: GENERATOR_UID }), {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, HOME: "/nonexistent", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
  });
}

async function highestWhile(pid: number, isOver: () => boolean): Promise<number> {
  let highest = 0;
  while (!isOver()) {
    highest = Math.max(highest, pssBytesOf(pid));
    await Bun.sleep(100);
  }
  return highest;
}

/** Without code, of which a process that works again maps some: that is behind no reader. */
function ownBytesOfAll(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + ownBytesOf(pid), 0);
}

/** Bulk first, then stalled readers, each against the idle weight before it. */
export async function stall(context: PieceContext): Promise<PieceReport> {
  const subject = await startSelvedge(context.scratch, { label: "stall" });
  try {
    await Bun.sleep(SETTLE_MS);
    const idle = pssBytesOf(subject.pid);
    const ownIdle = ownBytesOfAll(subject.pid);
    context.note("stall: bulk to readers that read");
    const bulk = startReaders(context, subject.httpPort, undefined);
    let isOver = false;
    void bulk.exited.then(() => {
      isOver = true;
    });
    const flowing = (await highestWhile(subject.pid, () => isOver)) - idle;
    const read = Number((await new Response(bulk.stdout).text()).trim());
    const before = pssBytesOf(subject.pid);
    context.note("stall: readers that stop reading");
    const stalled = startReaders(context, subject.httpPort, STALL_AFTER_BYTES);
    const { value } = await stalled.stdout.getReader().read();
    const isStalled = new TextDecoder().decode(value).trim() === "stalled";
    await Bun.sleep(SETTLE_MS);
    const perReader = mib(Math.max(ownBytesOfAll(subject.pid) - ownIdle, 0)) / READERS;
    stalled.stdin.end();
    await stalled.exited;
    return {
      rows: [
        ["state", "MiB"],
        ["idle", mib(idle).toFixed(1)],
        [`over idle while ${READERS} readers take 1 GiB each`, mib(flowing).toFixed(1)],
        ["over idle after it", mib(before - idle).toFixed(1)],
        [`per reader, ${READERS} stalled in the middle of 1 GiB`, perReader.toFixed(2)],
      ],
      figures: [
        {
          gate: "bulk",
          value: mib(flowing),
          text: `${mib(flowing).toFixed(1)} MiB`,
          void: read < READERS * 2 ** 30 ? `only ${read} bytes arrived` : undefined,
        },
        {
          gate: "stalledReader",
          value: perReader,
          text: `${perReader.toFixed(2)} MiB`,
          void: isStalled ? undefined : "readers lost their connections",
        },
      ],
      raw: { idle, ownIdle, flowing, before, perReader, read },
    };
  } finally {
    await subject.stop();
  }
}
