import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Keeper } from "../keeper/keeper.ts";
import type { ChangeOutcome } from "../keeper/reload/configuration.ts";
import { syncDirectory } from "../keeper/state/durable-file.ts";
import type { Issue } from "../model/issue.ts";
import { AdminError } from "./protocol.ts";

/** Most documents' files of one `apply`. */
export const APPLIED_FILES_MAX = 1000;

/** A file as the client read it. */
export interface AppliedFile {
  /** As the operator named it; for messages. */
  readonly path: string;
  readonly text: string;
}

/**
 * Serves documents that were handed over, and keeps them. Under watched files it only looks at those again, at once: documents
 * have one owner.
 */
export async function applyDocuments(
  keeper: Keeper,
  paths: readonly string[],
  files: readonly AppliedFile[],
): Promise<ChangeOutcome> {
  if (keeper.options.source === "files") return applyWatched(keeper, paths);
  const { state } = keeper;
  const [now, next, old] = ["documents", "documents.next", "documents.old"].map((name) => state.file(name)) as [
    string,
    string,
    string,
  ];
  const names = writeFiles(next, files);
  rmSync(old, { recursive: true, force: true });
  if (existsSync(now)) renameSync(now, old);
  renameSync(next, now);
  syncDirectory(state.path);
  const outcome = await keeper.reload(true);
  if (!outcome.ok) {
    rmSync(now, { recursive: true, force: true });
    if (existsSync(old)) renameSync(old, now);
    syncDirectory(state.path);
    return { ...outcome, issues: outcome.issues.map((issue) => named(issue, now, names)) };
  }
  rmSync(old, { recursive: true, force: true });
  return outcome;
}

async function applyWatched(keeper: Keeper, paths: readonly string[]): Promise<ChangeOutcome> {
  const watched = new Set(keeper.options.paths);
  const isSame = paths.length === watched.size && paths.every((path) => watched.has(path));
  if (isSame) return keeper.reload(true);
  throw new AdminError(
    "refused",
    `the documents of this node belong to ${keeper.options.paths.join(", ")}; change them there, or start \`selvedge up\` without -f`,
    { source: "files" },
  );
}

/** Answers the operator's name of each file by the name it is kept under. */
function writeFiles(folder: string, files: readonly AppliedFile[]): Map<string, string> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  const names = new Map<string, string>();
  for (const [index, file] of files.entries()) {
    const name = `${String(index).padStart(4, "0")}${file.path.endsWith(".json") ? ".json" : ".yaml"}`;
    names.set(name, file.path);
    const path = join(folder, name);
    writeFileSync(path, file.text, { mode: 0o600 });
    const fd = openSync(path, "r");
    fsyncSync(fd);
    closeSync(fd);
  }
  syncDirectory(folder);
  return names;
}

function named(issue: Issue, folder: string, names: ReadonlyMap<string, string>): Issue {
  const name = issue.file.startsWith(`${folder}/`) ? issue.file.slice(folder.length + 1) : "";
  return { ...issue, file: names.get(name) ?? issue.file };
}

/** Puts back what an `apply` left half done when the keeper was killed in it. To be called before a start. */
export function recoverDocuments(statePath: string): void {
  const [now, old] = [join(statePath, "documents"), join(statePath, "documents.old")];
  if (!existsSync(old)) return;
  rmSync(now, { recursive: true, force: true });
  renameSync(old, now);
  syncDirectory(statePath);
}
