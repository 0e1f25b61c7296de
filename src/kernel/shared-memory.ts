/**
 * Memory that two processes share and that neither can resize: a memfd whose size is sealed, so that no writer can make a
 * reader fault (SIGBUS) by truncating it.
 *
 * A region outlives its creator: while any process has it mapped, another one with the right to may open it through
 * /proc/PID/fd/N (`openRegionOf`). That is how the next keeper gets at the counts of workers that outlived theirs. What the
 * kernel asks for it (measured, `spawn-worker.test.ts`): a root keeper may always; a keeper with the same non-root uid may
 * while the worker is dumpable, so `sealProcess` takes that away only from workers of a root keeper.
 */

import { type Pointer, ptr, toArrayBuffer } from "bun:ffi";
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { cString } from "./c-string.ts";
import { checked, errno, memoryCalls, SystemCallError } from "./libc.ts";

/** Largest region: a bound against a size from a damaged file, far above what statistics need. */
export const REGION_BYTES_MAX = 256 * 1024 * 1024;

const MFD_CLOEXEC_ALLOW_SEALING = 0x1 | 0x2;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
const SIZE_SEALS = 0x1 | 0x2 | 0x4;
const PROT_READ_WRITE = 0x3;
const MAP_SHARED = 0x1;

/** Shared memory and the descriptor that stands for it. */
export interface Region {
  /** To be handed to another process; valid until `close`. */
  readonly fd: number;
  /** The memory itself. It stays mapped, also after `close`, until nothing refers to it any more. */
  readonly bytes: Uint8Array;
  /** Closes the descriptor; may be called twice. */
  close(): void;
}

/** Why a descriptor was refused as a region. */
export class RegionError extends Error {
  override readonly name = "RegionError";
}

/** Makes a region of `bytes` zero bytes (1..REGION_BYTES_MAX), named for /proc. The caller closes it. Throws SystemCallError. */
export function createRegion(name: string, bytes: number): Region {
  requireSize(bytes);
  const calls = memoryCalls();
  const fd = checked("memfd_create", calls.memfd_create(ptr(cString(name)), MFD_CLOEXEC_ALLOW_SEALING));
  try {
    checked("ftruncate", calls.ftruncate(fd, bytes));
    checked("fcntl(F_ADD_SEALS)", calls.fcntl(fd, F_ADD_SEALS, SIZE_SEALS));
    return mapped(fd, bytes);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Maps an inherited region descriptor. It owns `fd` from then on, also where it throws: RegionError where the size is not `bytes`
 * or not sealed (the other side could make every read fault), SystemCallError where it cannot be mapped.
 */
export function openRegion(fd: number, bytes: number): Region {
  try {
    requireSize(bytes);
    const actual = sizeOf(fd);
    if (actual !== bytes) throw new RegionError(`a region of ${actual} bytes where ${bytes} were expected`);
    const seals = memoryCalls().fcntl(fd, F_GET_SEALS, 0);
    // -1, where the file cannot have seals, has all bits set.
    if (seals < 0 || (seals & SIZE_SEALS) !== SIZE_SEALS) throw new RegionError("its size is not sealed");
    return mapped(fd, bytes);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Maps the region that process `pid` holds as descriptor `fd`. The caller closes it, and makes sure before and after that `pid`
 * still is the process it means (`startTimeOf`). Throws as `openRegion` does, and node's error where /proc refuses.
 */
export function openRegionOf(pid: number, fd: number, bytes: number): Region {
  // O_NONBLOCK: what stands there may be anything, and opening a FIFO would wait for its other end.
  return openRegion(openSync(`/proc/${pid}/fd/${fd}`, constants.O_RDWR | constants.O_NONBLOCK), bytes);
}

function requireSize(bytes: number): void {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > REGION_BYTES_MAX) {
    throw new RegionError(`a region of ${bytes} bytes: between 1 and ${REGION_BYTES_MAX} are allowed`);
  }
}

function sizeOf(fd: number): number {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw new RegionError("no memory file");
  return stat.size;
}

function mapped(fd: number, bytes: number): Region {
  const calls = memoryCalls();
  const address = calls.mmap(null, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  // MAP_FAILED is (void *)-1, which arrives as the largest pointer.
  if (address === null || Number(address) >= 0xffff_ffff_ffff_f000) throw new SystemCallError("mmap", errno());
  return new MappedRegion(fd, new Uint8Array(unmappedWhenUnused(address as Pointer, bytes)));
}

type ToFinalizedArrayBuffer = (
  address: Pointer,
  byteOffset: number,
  byteLength: number,
  context: number,
  finalizer: number,
) => ArrayBuffer;

/**
 * The memory as an ArrayBuffer that calls munmap(address, bytes) when it is collected. The finalizer is called with the
 * address and a context pointer, which is where munmap takes its length; unmapping by hand would leave views that crash.
 */
function unmappedWhenUnused(address: Pointer, bytes: number): ArrayBuffer {
  return (toArrayBuffer as unknown as ToFinalizedArrayBuffer)(address, 0, bytes, bytes, functionPointer());
}

function functionPointer(): number {
  const { munmap } = memoryCalls();
  const address: unknown = "ptr" in munmap ? munmap.ptr : undefined;
  if (typeof address !== "number") throw new Error("the runtime does not tell the address of munmap");
  return address;
}

class MappedRegion implements Region {
  readonly fd: number;
  readonly bytes: Uint8Array;
  #isOpen = true;

  constructor(fd: number, bytes: Uint8Array) {
    this.fd = fd;
    this.bytes = bytes;
  }

  close(): void {
    // A second close would hit whatever got the same number since.
    if (this.#isOpen) closeSync(this.fd);
    this.#isOpen = false;
  }
}
