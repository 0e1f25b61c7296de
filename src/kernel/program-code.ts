/**
 * The runtime's own code in memory. Starting touches a third of its 100 MB once: parsers, compilers, tables. The system keeps
 * counting all of it as ours as long as it is mapped here, whether or not it is ever used again.
 */

import { type Pointer, read } from "bun:ffi";
import { openProgramCalls } from "./libc.ts";

/** Of the auxiliary vector (getauxval(3)): where the program headers are, how long and how many, and the size of a page. */
const AUX = { PROGRAM_HEADERS: 3n, HEADER_BYTES: 4n, HEADER_COUNT: 5n, PAGE_BYTES: 6n } as const;
/** A program header of a 64-bit ELF file (elf(5)). */
const HEADER_BYTES = 56;
const HEADER_AT = { type: 0, flags: 4, address: 16, memoryBytes: 40 } as const;
/** Most headers that are looked at. Reason: the runtime has nine. */
const HEADERS_MAX = 64;
const TYPE = { LOAD: 1, HEADERS: 6 } as const;
const WRITABLE = 2;
const MADV_DONTNEED = 4;

/** A range of addresses. */
export interface CodeRange {
  readonly start: number;
  readonly bytes: number;
}

/**
 * Ends the mapping of every page of code and constants, so that only what is still used comes back: out of the system's cache, 16
 * pages per fault of some ten microseconds. Nothing is lost, because only segments that nobody can write are taken. Other threads may run meanwhile.
 *
 * @returns what was given back; nothing where the program is not laid out as we know it.
 */
export function giveBackCode(): readonly CodeRange[] {
  const { symbols, close } = openProgramCalls();
  try {
    // 0 where the system does not say.
    const aux = (key: bigint): number => Number(symbols.getauxval(key));
    const headers = aux(AUX.PROGRAM_HEADERS) as Pointer;
    const count = aux(AUX.HEADER_COUNT);
    const pageBytes = aux(AUX.PAGE_BYTES);
    if (headers === 0 || aux(AUX.HEADER_BYTES) !== HEADER_BYTES || count > HEADERS_MAX || pageBytes === 0) return [];
    return codeRanges(headers, count, pageBytes).filter(
      ({ start, bytes }) => symbols.madvise(start as Pointer, bytes, MADV_DONTNEED) === 0,
    );
  } finally {
    close();
  }
}

/** Whole pages of the segments that are never written. */
function codeRanges(headers: Pointer, count: number, pageBytes: number): CodeRange[] {
  const offsets = Array.from({ length: count }, (_, i) => i * HEADER_BYTES);
  const addressAt = (offset: number): number => Number(read.u64(headers, offset + HEADER_AT.address));
  const own = offsets.find((offset) => read.u32(headers, offset + HEADER_AT.type) === TYPE.HEADERS);
  // Without it nothing tells how far from its own addresses the program was loaded.
  if (own === undefined) return [];
  const base = headers - addressAt(own);
  return offsets
    .filter((offset) => read.u32(headers, offset + HEADER_AT.type) === TYPE.LOAD)
    .filter((offset) => (read.u32(headers, offset + HEADER_AT.flags) & WRITABLE) === 0)
    .map((offset) => {
      const first = base + addressAt(offset);
      const end = first + Number(read.u64(headers, offset + HEADER_AT.memoryBytes));
      const start = Math.ceil(first / pageBytes) * pageBytes;
      return { start, bytes: Math.floor(end / pageBytes) * pageBytes - start };
    })
    .filter(({ bytes }) => bytes > 0);
}
