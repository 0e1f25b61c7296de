/** Which machines the structures and system call numbers of this layer are written for. */

/** The architectures that have a table in `syscall-numbers.ts`. */
export type Machine = "x64" | "arm64";

/** This machine. Throws where it is not 64-bit little-endian Linux on x86-64 or arm64. */
export function requireSupportedMachine(): Machine {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64")) {
    throw new Error(`selvedge runs on Linux on x86-64 or arm64, not on ${process.platform} ${process.arch}`);
  }
  return process.arch;
}
