import { readFileSync } from "node:fs";

/**
 * Bytes of memory that are a process's own, or shared on purpose: what leaks or piles up is among them. Without files, which come
 * and go: a quiet process gives back the runtime's code, and takes what it uses of that again.
 */
export function ownBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kib = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
  return (kib("RssAnon") + kib("RssShmem")) * 1024;
}
