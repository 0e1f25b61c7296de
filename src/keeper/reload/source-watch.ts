import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { listSourceFiles } from "./source-files.ts";

/** Quiet time after the last change before it is looked at. Contract: 500 ms. */
export const SOURCE_QUIET_MS = 500;

/**
 * Tells when source files changed and then stayed as they are for SOURCE_QUIET_MS. Folders are watched rather than files,
 * because editors and configuration tools replace files instead of writing into them.
 */
export class SourceWatch {
  readonly #paths: readonly string[];
  readonly #onQuiet: () => void;
  readonly #onTrouble: (reason: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: Timer | undefined;

  /** Watches at once, until `close`. `onTrouble`: some path is not watched, and only a signal makes its changes seen. */
  constructor(paths: readonly string[], onQuiet: () => void, onTrouble: (reason: string) => void) {
    this.#paths = paths;
    this.#onQuiet = onQuiet;
    this.#onTrouble = onTrouble;
    this.#watchFolders();
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watchFolders(): void {
    const wanted = new Map<string, Set<string> | undefined>();
    const { files, folders } = listSourceFiles(this.#paths);
    for (const folder of folders) wanted.set(folder, undefined);
    for (const file of files) {
      const folder = dirname(file);
      const names = wanted.get(folder);
      if (!wanted.has(folder)) wanted.set(folder, new Set([basename(file)]));
      else names?.add(basename(file));
    }
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const [folder, names] of wanted) if (!this.#watchers.has(folder)) this.#watchFolder(folder, names);
  }

  #watchFolder(folder: string, names: ReadonlySet<string> | undefined): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (names === undefined || name === null || names.has(name)) this.#changed();
      });
      watcher.on("error", (error) => this.#onTrouble(`${folder}: ${error.message}`));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      this.#onTrouble(`${folder}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#watchFolders();
      this.#onQuiet();
    }, SOURCE_QUIET_MS);
  }
}
