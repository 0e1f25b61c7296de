import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Needs } from "./needs.ts";

/** Size of such a disk. Reason: a node's state takes some hundred KB, and filling it must be quick. */
const SIZE = "3m";

/** A disk of its own at a folder, in memory; needs root. Disposing of it takes it away, also from under whoever uses it. */
export class SmallDisk implements Disposable {
  readonly path: string;

  constructor(path = mkdtempSync(join(tmpdir(), "selvedge-disk-"))) {
    this.path = path;
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const options = `size=${SIZE},mode=0700`;
    if (!Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path]).success) throw new Error("no mount");
  }

  /** Takes all the room there is. */
  fill(): void {
    for (let size = 1 << 20; size > 0; size >>= 1) {
      try {
        for (;;) writeFileSync(this.#filler, new Uint8Array(size), { flag: "a" });
      } catch {
        // The rest in smaller pieces.
      }
    }
  }

  makeRoom(): void {
    rmSync(this.#filler);
  }

  get #filler(): string {
    return join(this.path, "filler");
  }

  [Symbol.dispose](): void {
    Bun.spawnSync(["umount", "-l", this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What tests with such a disk need. */
export function smallDiskNeeds(): Needs {
  const programs = ["mount", "umount"];
  if (process.getuid?.() !== 0) return { root: true, programs };
  try {
    new SmallDisk()[Symbol.dispose]();
    return { root: true, programs, also: { "a mountable tmpfs": true } };
  } catch {
    return { root: true, programs, also: { "a mountable tmpfs": false } };
  }
}
