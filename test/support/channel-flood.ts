/** A worker that is somebody else's by now: writes what it is told to its keeper, as often as it is told. */
import { adoptSocket } from "../../src/kernel/socket-fd.ts";
import { encodeToKeeper, type ToKeeperFrame } from "../../src/wire/channel/to-keeper-frame.ts";

/** `{n}` in a text becomes the number of the frame, `{long}` as many letters as a text may have. */
export interface Flood {
  readonly frame: ToKeeperFrame;
  readonly count: number;
}

const { frame, count } = JSON.parse(process.argv[2]!) as Flood;
const text = JSON.stringify(frame);
let waiting: Uint8Array = new Uint8Array(0);
const channel = await adoptSocket<undefined>(
  3,
  { data() {}, drain: () => pump(), close: () => process.exit(0) },
  undefined,
);
let sent = 0;

function pump(): void {
  while (true) {
    if (waiting.length > 0) waiting = waiting.subarray(Math.max(0, channel.write(waiting)));
    if (waiting.length > 0) return;
    if (sent === count) break;
    const filled = text.replaceAll("{n}", String(sent)).replaceAll("{long}", "x".repeat(900));
    waiting = encodeToKeeper(JSON.parse(filled) as ToKeeperFrame);
    sent++;
  }
  channel.end();
}
pump();
