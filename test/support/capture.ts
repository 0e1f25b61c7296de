/** Frames that were recorded, as questions: what could somebody have read who listened? IPv4 and TCP, as far as tests need. */

import { readFileSync } from "node:fs";

/** One direction of a TCP connection, put together from its segments; bytes that never came are zeros. */
export interface Stream {
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
}

interface Segment {
  readonly sequence: number;
  readonly bytes: Buffer;
}

const PCAP_HEAD_BYTES = 24;
const FRAME_HEAD_BYTES = 16;
const ETHERNET_HEAD_BYTES = 14;
const ETHERTYPE_IPV4 = 0x0800;
const PROTOCOL_TCP = 6;
const SYN = 2;
const TLS_HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME_EXTENSION = 0;

/** What was on a line for a while. */
export class Capture {
  readonly frames: readonly Buffer[];
  readonly streams: readonly Stream[];

  constructor(frames: readonly Buffer[]) {
    this.frames = frames;
    this.streams = streamsOf(frames);
  }

  static read(file: string): Capture {
    const bytes = readFileSync(file);
    const frames: Buffer[] = [];
    for (let at = PCAP_HEAD_BYTES; at < bytes.length; ) {
      const length = bytes.readUInt32LE(at + 8);
      frames.push(bytes.subarray(at + FRAME_HEAD_BYTES, at + FRAME_HEAD_BYTES + length));
      at += FRAME_HEAD_BYTES + length;
    }
    return new Capture(frames);
  }

  /** Bytes on the line, heads of all layers included. */
  get bytes(): number {
    return this.frames.reduce((sum, frame) => sum + frame.length, 0);
  }

  /** Those of the words that stand somewhere in a frame or, over the cuts between frames, in a stream; capitals or not. */
  readable(words: readonly string[]): string[] {
    const texts = [...this.frames, ...this.streams.map((stream) => stream.bytes)].map((bytes) =>
      bytes.toString("latin1").toLowerCase(),
    );
    return words.filter((word) => texts.some((text) => text.includes(word.toLowerCase())));
  }

  /** The names that TLS clients asked for in the clear, one for each handshake. */
  serverNames(): string[] {
    return this.streams.flatMap(({ bytes }) => serverNameOf(bytes) ?? []);
  }
}

function streamsOf(frames: readonly Buffer[]): Stream[] {
  const segments = new Map<string, Segment[]>();
  for (const frame of frames) {
    if (frame.length < ETHERNET_HEAD_BYTES + 40 || frame.readUInt16BE(12) !== ETHERTYPE_IPV4) continue;
    const packet = frame.subarray(ETHERNET_HEAD_BYTES);
    if (packet[9] !== PROTOCOL_TCP) continue;
    const tcp = packet.subarray(((packet[0] ?? 0) & 15) * 4, packet.readUInt16BE(2));
    const end = (host: number, port: number) =>
      `${[...packet.subarray(host, host + 4)].join(".")}:${tcp.readUInt16BE(port)}`;
    const key = `${end(12, 0)} ${end(16, 2)}`;
    const list = segments.get(key) ?? [];
    segments.set(key, list);
    const isFirst = ((tcp[13] ?? 0) & SYN) !== 0;
    const sequence = (tcp.readUInt32BE(4) + (isFirst ? 1 : 0)) >>> 0;
    list.push({ sequence, bytes: tcp.subarray(((tcp[12] ?? 0) >> 4) * 4) });
  }
  return [...segments].map(([key, list]) => {
    const [from = "", to = ""] = key.split(" ");
    return { from, to, bytes: join(list) };
  });
}

/** Segments at their places; the first that was seen is the start. */
function join(segments: readonly Segment[]): Buffer {
  const start = segments[0]?.sequence ?? 0;
  const placed = segments
    .map(({ sequence, bytes }) => ({ at: (sequence - start) | 0, bytes }))
    .filter(({ at }) => at >= 0);
  const whole = Buffer.alloc(Math.max(0, ...placed.map(({ at, bytes }) => at + bytes.length)));
  for (const { at, bytes } of placed) bytes.copy(whole, at);
  return whole;
}

/** The server name of a stream that begins with a ClientHello (RFC 8446 4.1.2); undefined where there is none. */
function serverNameOf(bytes: Buffer): string | undefined {
  if (bytes[0] !== TLS_HANDSHAKE || bytes[5] !== CLIENT_HELLO) return undefined;
  // Record head 5, message head 4, version 2, random 32.
  let at = 43;
  at += 1 + bytes.readUInt8(at);
  at += 2 + bytes.readUInt16BE(at);
  at += 1 + bytes.readUInt8(at);
  const end = at + 2 + bytes.readUInt16BE(at);
  for (at += 2; at + 4 <= end; ) {
    const [type, length] = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 2)];
    // List length 2, kind 1, name length 2.
    if (type === SERVER_NAME_EXTENSION) return bytes.toString("latin1", at + 9, at + 4 + length);
    at += 4 + length;
  }
  return undefined;
}
