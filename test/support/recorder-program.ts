/**
 * Writes down every frame of an interface, both ways, as a pcap file. Argument: `Recording`. Prints `recording` when it does; ends
 * with its standard input, after what was on the link then, and prints how many frames it had and how many it missed.
 */

import { openSync, writeSync } from "node:fs";
import { FRAME_BYTES_MAX, PacketSocket, waitReadable } from "./packet-socket.ts";

export interface Recording {
  readonly interface: string;
  readonly file: string;
}

export interface Recorded {
  readonly frames: number;
  /** Not in the file; a proof of absence needs 0. */
  readonly missed: number;
}

const PCAP_MAGIC = 0xa1b2c3d4;
const LINK_TYPE_ETHERNET = 1;

const { interface: name, file } = JSON.parse(process.argv[2] ?? "{}") as Recording;
const socket = new PacketSocket(name);
const out = openSync(file, "w");
const buffer = new Uint8Array(FRAME_BYTES_MAX);
let frames = 0;

function words(...values: readonly number[]): Uint8Array {
  // Little-endian, as every machine that this runs on is.
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function takeAll(): void {
  for (let length = socket.receive(buffer); length > 0; length = socket.receive(buffer)) {
    const nowMs = performance.timeOrigin + performance.now();
    const micros = Math.floor((nowMs % 1000) * 1000);
    writeSync(out, words(Math.floor(nowMs / 1000), micros, length, length));
    writeSync(out, buffer, 0, length);
    frames++;
  }
}

// Version 2.4, as two 16-bit numbers in one word.
writeSync(out, words(PCAP_MAGIC, 0x0004_0002, 0, 0, FRAME_BYTES_MAX, LINK_TYPE_ETHERNET));
writeSync(1, "recording\n");
for (;;) {
  const [hasEnded, isReadable] = waitReadable([0, socket.fd], -1);
  if (isReadable === true) takeAll();
  if (hasEnded === true) break;
}
takeAll();
writeSync(1, `${JSON.stringify({ frames, missed: socket.dropped() } satisfies Recorded)}\n`);
process.exit(0);
