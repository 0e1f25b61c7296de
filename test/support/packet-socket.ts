/** Frames as they are on a link, by AF_PACKET (packet(7)). Blocking calls: for programs that do nothing else. */

import { dlopen, ptr, FFIType as T } from "bun:ffi";
import { checked } from "../../src/kernel/libc.ts";

const { symbols: C } = dlopen("libc.so.6", {
  socket: { args: [T.i32, T.i32, T.i32], returns: T.i32 },
  bind: { args: [T.i32, T.ptr, T.u32], returns: T.i32 },
  setsockopt: { args: [T.i32, T.i32, T.i32, T.ptr, T.u32], returns: T.i32 },
  getsockopt: { args: [T.i32, T.i32, T.i32, T.ptr, T.ptr], returns: T.i32 },
  recv: { args: [T.i32, T.ptr, T.u64, T.i32], returns: T.i64_fast },
  send: { args: [T.i32, T.ptr, T.u64, T.i32], returns: T.i64_fast },
  if_nametoindex: { args: [T.ptr], returns: T.u32 },
  poll: { args: [T.ptr, T.u64, T.i32], returns: T.i32 },
});

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL_NETWORK_ORDER = 0x0300;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
const RECEIVE_BUFFER_BYTES = 32 << 20;

/** The longest that a link hands over: a segment before the network card would cut it, with its heads. */
export const FRAME_BYTES_MAX = 66_000;

/** Length of the head that says what is left to do on a frame (virtio): checksum, cutting into segments. */
export const OFFLOAD_HEAD_BYTES = 10;

export interface PacketOptions {
  /** Frames come with `OFFLOAD_HEAD_BYTES` in front and are sent so: then they can be passed on as they are. */
  readonly withOffloadHead?: boolean;
  /** Only what comes in at the interface, not what goes out. */
  readonly onlyIncoming?: boolean;
}

/** All frames of one interface. The process ends it. */
export class PacketSocket {
  readonly fd: number;

  /** Throws without CAP_NET_RAW, or where there is no such interface. */
  constructor(interfaceName: string, options: PacketOptions = {}) {
    this.fd = checked("socket", C.socket(AF_PACKET, SOCK_RAW, 0));
    const on = Int32Array.of(1);
    const set = (level: number, name: number, value: Int32Array) =>
      checked("setsockopt", C.setsockopt(this.fd, level, name, ptr(value), 4));
    set(SOL_SOCKET, SO_RCVBUFFORCE, Int32Array.of(RECEIVE_BUFFER_BYTES));
    if (options.withOffloadHead === true) set(SOL_PACKET, PACKET_VNET_HDR, on);
    if (options.onlyIncoming === true) set(SOL_PACKET, PACKET_IGNORE_OUTGOING, on);
    const address = new DataView(new ArrayBuffer(20));
    address.setUint16(0, AF_PACKET, true);
    address.setUint16(2, ETH_P_ALL_NETWORK_ORDER, true);
    const index = C.if_nametoindex(ptr(Buffer.from(`${interfaceName}\0`)));
    if (index === 0) throw new Error(`no interface ${interfaceName}`);
    address.setUint32(4, index, true);
    checked("bind", C.bind(this.fd, ptr(address.buffer), 20));
  }

  /** The next frame into `into`; its length, or 0 where none waits. */
  receive(into: Uint8Array<ArrayBuffer>): number {
    const length = Number(C.recv(this.fd, ptr(into), into.length, MSG_DONTWAIT));
    return Math.max(0, length);
  }

  /** Puts a frame on the link. One that the link does not take is lost, as on any link. */
  send(frame: Uint8Array<ArrayBuffer>): void {
    C.send(this.fd, ptr(frame), frame.length, MSG_DONTWAIT);
  }

  /** Frames that were lost for want of room since the last time this was asked. */
  dropped(): number {
    const counts = new Uint32Array(2);
    checked("getsockopt", C.getsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, ptr(counts), ptr(Int32Array.of(8))));
    return counts[1] as number;
  }
}

/** Waits until one of the descriptors has something to read or has ended, or `timeoutMs` is over (-1: for ever). Tells which. */
export function waitReadable(fds: readonly number[], timeoutMs: number): boolean[] {
  const list = new DataView(new ArrayBuffer(8 * fds.length));
  fds.forEach((fd, index) => {
    list.setInt32(8 * index, fd, true);
    list.setInt16(8 * index + 4, POLLIN, true);
  });
  C.poll(ptr(list.buffer), fds.length, timeoutMs);
  return fds.map((_, index) => list.getInt16(8 * index + 6, true) !== 0);
}
