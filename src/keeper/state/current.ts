import type { Issue } from "../../model/issue.ts";

/** A generation file that served without trouble. */
export interface GoodGeneration {
  readonly generation: number;
  /** Name of the file in `generations/`. */
  readonly file: string;
}

/** What the node serves, as it stands in the file `current`: enough to boot with nobody around. */
export interface Current extends GoodGeneration {
  /** Digest of the sources that `file` was compiled from: equal sources need no compiling at the next start. */
  readonly sourcesDigest: string;
  /** Endpoints that an operator took out of rotation: `workload key` or `workload key|address`. */
  readonly drained: readonly string[];
  /** Good ones before it, newest first. */
  readonly previous: readonly GoodGeneration[];
  /** Warnings of the compile that made `file`. */
  readonly issues: readonly Issue[];
  /** Gateway API conditions of the same compile; shown, never interpreted here. */
  readonly conditions: readonly unknown[];
}

/** Good generations that are kept besides the current one. */
export const PREVIOUS_MAX = 2;

/** Most endpoints that may be drained by hand. Reason: an operator's list; more than this is a script gone wrong. */
export const DRAINED_MAX = 1000;

/** A `Current` out of what was read from disk, or `undefined` where a field is missing or of another shape. */
export function parseCurrent(value: unknown): Current | undefined {
  if (!isObject(value) || !isGood(value)) return undefined;
  const { sourcesDigest, drained, previous, issues, conditions } = value as Partial<Current>;
  if (typeof sourcesDigest !== "string") return undefined;
  if (!Array.isArray(drained) || !drained.every((item) => typeof item === "string")) return undefined;
  if (!Array.isArray(previous) || !previous.every(isGood)) return undefined;
  if (!Array.isArray(issues) || !issues.every(isIssue) || !Array.isArray(conditions)) return undefined;
  const { generation, file } = value;
  return { generation, file, sourcesDigest, drained, previous, issues, conditions };
}

/** What becomes current after `now` gives way to `next`: the old one joins the good ones that are kept. */
export function succeed(now: Current | undefined, next: Omit<Current, "previous">): Current {
  const before = now === undefined ? [] : [{ generation: now.generation, file: now.file }, ...now.previous];
  const seen = new Set([next.file]);
  const previous = before.filter((good) => !seen.has(good.file) && seen.add(good.file)).slice(0, PREVIOUS_MAX);
  return { ...next, previous };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isGood(value: unknown): value is GoodGeneration & Record<string, unknown> {
  if (!isObject(value)) return false;
  const { generation, file } = value;
  return Number.isSafeInteger(generation) && (generation as number) > 0 && isGenerationFileName(file);
}

/** True for `<number>.ndjson`: nothing read from disk may name a path elsewhere. */
export function isGenerationFileName(name: unknown): name is string {
  return typeof name === "string" && /^[1-9][0-9]{0,14}\.ndjson$/.test(name);
}

function isIssue(value: unknown): value is Issue {
  return isObject(value) && typeof value["message"] === "string" && typeof value["file"] === "string";
}
