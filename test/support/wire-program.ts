/**
 * A bad line between machines, in a process of its own: passes frames on between interfaces, late, and some of them never. In place
 * of `tc netem`, which not every kernel has; and loss is drawn from a seed, so a run can be repeated. Argument: `Wire`. Prints
 * `passing` when it does; ends with its standard input.
 */

import { writeSync } from "node:fs";
import { FRAME_BYTES_MAX, OFFLOAD_HEAD_BYTES, PacketSocket, waitReadable } from "./packet-socket.ts";
import { seededRandom } from "./seeded-random.ts";

export interface Wire {
  /** What comes in at one goes out at all others. */
  readonly interfaces: readonly string[];
  /** One way. */
  readonly delayMs: number;
  /** Up to so much more for each frame by itself, so that frames overtake each other. Default: 0. */
  readonly jitterMs?: number;
  /** Share of frames that are lost, 0 to 1. */
  readonly loss: number;
  readonly seed: number;
}

interface Late {
  readonly dueMs: number;
  readonly from: PacketSocket;
  readonly frame: Uint8Array<ArrayBuffer>;
}

const wire = JSON.parse(process.argv[2] ?? "{}") as Wire;
const random = seededRandom(wire.seed);
const sockets = wire.interfaces.map((name) => new PacketSocket(name, { withOffloadHead: true, onlyIncoming: true }));
const buffer = new Uint8Array(FRAME_BYTES_MAX + OFFLOAD_HEAD_BYTES);
/** By when they are due, first ones first. */
const late: Late[] = [];

function take(from: PacketSocket): void {
  for (let length = from.receive(buffer); length > 0; length = from.receive(buffer)) {
    if (random() < wire.loss) continue;
    const dueMs = performance.now() + wire.delayMs + random() * (wire.jitterMs ?? 0);
    let at = late.length;
    while (at > 0 && (late[at - 1] as Late).dueMs > dueMs) at--;
    late.splice(at, 0, { dueMs, from, frame: buffer.slice(0, length) });
  }
}

function deliver(): void {
  let due = 0;
  for (const { dueMs, from, frame } of late) {
    if (dueMs > performance.now()) break;
    for (const to of sockets) if (to !== from) to.send(frame);
    due++;
  }
  late.splice(0, due);
}

writeSync(1, "passing\n");
const fds = [0, ...sockets.map((socket) => socket.fd)];
for (;;) {
  const first = late[0];
  const [hasEnded, ...readable] = waitReadable(
    fds,
    first === undefined ? -1 : Math.max(0, first.dueMs - performance.now()),
  );
  if (hasEnded === true) break;
  sockets.forEach((socket, index) => {
    if (readable[index] === true) take(socket);
  });
  deliver();
}
process.exit(0);
