import { TO_WORKER } from "../../wire/channel/frames.ts";
import { encodeToWorker } from "../../wire/channel/to-worker-frame.ts";
import { findRecords, scanRecords } from "./generation-scan.ts";
import { applyOverlay, needleOf, type Overlay } from "./overlay.ts";

/** What the workers serve, or are about to: a verified file under a number, with what lies over it. */
export interface Served {
  /** The number that workers know it by; a file may be served under several, one after another. */
  readonly generation: number;
  /** Name in `generations/`. */
  readonly file: string;
  /** Where the file lies now. */
  readonly path: string;
  readonly records: number;
  readonly digest: string;
  readonly overlay: Overlay;
}

/** Bytes of lines in one frame. Reason: a worker takes up a frame in well under a millisecond. */
export const LINES_BYTES_MAX = 32 * 1024;

/** The frames that bring a worker to `served`, whatever it has. Reads the file as it goes: made when asked for, never held. */
export function* fullFrames(served: Served): Generator<Uint8Array, void, void> {
  const { generation, records } = served;
  yield encodeToWorker({ type: TO_WORKER.SNAPSHOT_BEGIN, generation, mode: "full", base: 0, records });
  yield* lineFrames(servedLines(served));
  yield encodeToWorker({ type: TO_WORKER.SNAPSHOT_END, generation });
}

/** The frames that bring a worker from generation `base` to `generation`. `lines` without newlines. */
export function* deltaFrames(
  generation: number,
  base: number,
  lines: readonly Uint8Array[],
): Generator<Uint8Array, void, void> {
  const records = lines.length;
  yield encodeToWorker({ type: TO_WORKER.SNAPSHOT_BEGIN, generation, mode: "delta", base, records });
  yield* lineFrames(lines);
  yield encodeToWorker({ type: TO_WORKER.SNAPSHOT_END, generation });
}

/** The record lines as workers see them; views that are valid until the next one is asked for. */
export function* servedLines(served: Served): Generator<Buffer, void, void> {
  for (const line of scanRecords(served.path, served.records)) yield applyOverlay(line, served.overlay);
}

/**
 * The lines that differ when `drained` is put in or taken out of the overlay of `before`: what a worker must be told. Only
 * lines that mention the workload are parsed, so that it stays cheap with 10,000 services.
 */
export function changedByDrain(before: Served, after: Overlay, drained: string): Buffer[] {
  const changed: Buffer[] = [];
  for (const line of findRecords(before.path, needleOf(drained))) {
    const now = applyOverlay(line, after);
    if (!now.equals(applyOverlay(line, before.overlay))) changed.push(now);
  }
  return changed;
}

function* lineFrames(lines: Iterable<Uint8Array>): Generator<Uint8Array, void, void> {
  const batch = Buffer.allocUnsafe(LINES_BYTES_MAX);
  let used = 0;
  for (const line of lines) {
    for (const part of [line, NEWLINE]) {
      for (let at = 0; at < part.length; ) {
        if (used === batch.length) {
          yield linesFrame(batch);
          used = 0;
        }
        const take = Math.min(part.length - at, batch.length - used);
        batch.set(part.subarray(at, at + take), used);
        at += take;
        used += take;
      }
    }
  }
  if (used > 0) yield linesFrame(batch.subarray(0, used));
}

const NEWLINE = Uint8Array.of(10);

function linesFrame(bytes: Uint8Array): Uint8Array {
  return encodeToWorker({ type: TO_WORKER.SNAPSHOT_LINES, bytes });
}
